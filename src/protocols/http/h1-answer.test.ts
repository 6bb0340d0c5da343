import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AnswerReader } from './h1-answer.ts';
import { HEAD_BYTES, NotHttp } from './h1-fields.ts';
import { cutAt, method, mutated, places, seenByReader, wellFormed } from './testdata/answers.ts';
import { seenByNode } from './testdata/node-client.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const read = (text: string, by = 'GET'): ReturnType<typeof seenByReader> => seenByReader([bytes(text)], by);
const body = (text: string, by = 'GET'): string => {
  const seen = read(text, by);
  return seen === 'not http' ? seen : String(seen.body);
};

describe('an answer of HTTP/1.1', () => {
  test('is the same however its bytes are cut', () => {
    fc.assert(fc.property(fc.oneof(wellFormed, mutated), method, places, (answer, by, at) => {
      const rest = Buffer.concat([answer, bytes('more')]);
      for (const given of [answer, rest]) assert.deepEqual(seenByReader(cutAt(given, at), by), seenByReader([given], by));
    }), { numRuns: 2_000 });
  });
  test('is what Node makes of it, wherever it is not refused', async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(wellFormed, mutated), method, async (answer, by) => {
      const ours = seenByReader([answer], by);
      if (ours === 'not http') return;
      const { rest, ...seen } = ours;
      // What is behind the answer belongs to no request, and ends the connection; up to there it has to be whole for Node as well.
      assert.deepEqual(seen, await seenByNode(answer.subarray(0, answer.length - rest.length), by));
    }), { numRuns: 2_000 });
  });
  test('as servers write it is never refused', () => {
    fc.assert(fc.property(wellFormed, places, (answer, at) => assert.notEqual(seenByReader(cutAt(answer, at), 'GET'), 'not http')), { numRuns: 1_000 });
  });
  test('that is cut short is not whole', () => {
    fc.assert(fc.property(wellFormed.filter((answer) => /content-length: [1-9]|chunked/i.test(String(answer)) && !/ (?:204|304) /.test(String(answer))), fc.nat(), (answer, at) => {
      assert.equal(seenByReader([answer.subarray(0, at % answer.length)], 'GET'), 'not http');
    }), { numRuns: 1_000 });
  });

  test('ends where its length, its last chunk, its kind or the connection says', () => {
    assert.equal(body('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd'), 'ab');
    assert.equal(body('HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n00\r\nX: y\r\n\r\ncd'), 'ab');
    assert.equal(body('HTTP/1.1 200 OK\r\n\r\nabcd'), 'abcd');
    for (const head of ['204 No Content', '304 Not Modified']) assert.equal(body(`HTTP/1.1 ${head}\r\nContent-Length: 4\r\n\r\nabcd`), '');
    assert.equal(body('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n', 'HEAD'), '');
  });
  test('that could end in two places is none', () => {
    const heads = [
      'Content-Length: 2\r\nContent-Length: 2', 'Content-Length: 2\r\nContent-Length: 3', 'Content-Length: 2, 2', 'Content-Length: +2', 'Content-Length: 0x2', 'Content-Length: ', 'Content-Length: 2 2', 'Content-Length: 9999999999999999',
      'Content-Length: 2\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked, identity',
      'Content-Length: 2\t', 'Transfer-Encoding: chunked \t', 'Transfer-Encoding: chunked\t ', 'Content-Length : 2', 'X: a\r\n folded', ' X: a', 'X: a\nContent-Length: 2', 'X: a\rContent-Length: 2', 'X: \0', 'X', ': a', 'X\t: a', 'X: \x7f',
    ];
    for (const head of heads) assert.equal(read(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n0\r\n\r\n`), 'not http', head);
    assert.equal(read('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'), 'not http');
    for (const first of ['HTTP/1.1 200 OK\n', 'HTTP/1.1  200 OK\r\n', 'HTTP/2.0 200 OK\r\n', 'HTTP/1.1 20 OK\r\n', 'HTTP/1.1 2000 OK\r\n', 'HTTP/1.1 099 OK\r\n', 'HTTP/1.1 600 OK\r\n', 'HTTP/1.1 999 OK\r\n', 'http/1.1 200 OK\r\n', 'ICY 200 OK\r\n', '\r\nHTTP/1.1 200 OK\r\n', '']) assert.equal(read(`${first}Content-Length: 0\r\n\r\n`), 'not http', first);
  });
  test('that is none yet has no body, and ends nothing', () => {
    assert.equal(body('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab'), 'ab');
    for (const first of ['HTTP/1.1 103 Early Hints\r\nContent-Length: 2', 'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked', 'HTTP/1.1 103 Early Hints\r\nConnection: close', 'HTTP/1.0 103 Early Hints']) assert.equal(read(`${first}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab`), 'not http', first);
  });
  test('whose chunks are not those of the specification is none', () => {
    for (const chunks of ['2\nab\r\n0\r\n\r\n', '2\r\nab\n0\r\n\r\n', '2\r\nabc\r\n0\r\n\r\n', '2\r\nab0\r\n\r\n', ' 2\r\nab\r\n0\r\n\r\n', '2 \r\nab\r\n0\r\n\r\n', '0x2\r\nab\r\n0\r\n\r\n', '-2\r\n', '\r\n', 'g\r\n', '2;\r\nab\r\n0\r\n\r\n', '2;a\rb\r\nab\r\n0\r\n\r\n', 'ffffffffffffff\r\n', '2\r\nab\r\n0\r\n\n', '0\r\nX: a\n\r\n', '0\r\n X: a\r\n\r\n', '0\r\nContent-Length: 0\r\n\r\n', '0\r\nTransfer-Encoding: chunked\r\n\r\n', `2;${'a'.repeat(5_000)}\r\nab\r\n0\r\n\r\n`, `0\r\n${'X: y\r\n'.repeat(501)}\r\n`, `0\r\nX: ${'y'.repeat(HEAD_BYTES)}\r\n\r\n`]) {
      assert.equal(read(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`), 'not http', JSON.stringify(chunks.slice(0, 40)));
    }
  });
  test('may have so much of a head and no more, and so many that are none before it', () => {
    const head = (size: number): string => `HTTP/1.1 204 No Content\r\nX: ${'y'.repeat(size)}\r\n\r\n`;
    assert.notEqual(read(head(HEAD_BYTES - 100)), 'not http');
    assert.equal(read(head(HEAD_BYTES)), 'not http');
    assert.notEqual(read(`HTTP/1.1 204 No Content\r\n${'X: y\r\n'.repeat(500)}\r\n`), 'not http');
    assert.equal(read(`HTTP/1.1 204 No Content\r\n${'X: y\r\n'.repeat(501)}\r\n`), 'not http');
    assert.notEqual(read(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(32)}HTTP/1.1 204 No Content\r\n\r\n`), 'not http');
    assert.equal(read(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(33)}HTTP/1.1 204 No Content\r\n\r\n`), 'not http');
    // It is refused as soon as it is too long, and as soon as it cannot become one: its end is not waited for.
    const endless = new AnswerReader(false);
    endless.push(bytes('HTTP/1.1 200 OK\r\n'));
    assert.throws(() => {
      for (let sent = 0; sent <= HEAD_BYTES; sent += 1_000) endless.push(bytes(`X: ${'y'.repeat(995)}\r\n`));
    }, NotHttp);
    for (const pieces of [['SSH-2.0-OpenSSH_9.2\r\n'], ['<html>'], ['H', 'TTX'], ['HTTP/2 200\r\n'], ['HTTP/1.1 103 Early Hints\r\n\r\n220 mail'], ['HTTP/1.1 200 OK\n'], ['HTTP/1.1 200 OK\r', 'X'], ['HTTP/1.1 200 OK\r\nX: y', '\n'], ['HTTP/1.1 200 OK\r\nX: y\r', '\r']]) assert.throws(() => {
      const reader = new AnswerReader(false);
      for (const piece of pieces) reader.push(bytes(piece));
    }, NotHttp, JSON.stringify(pieces));
  });
  test('says whether its connection carries another request', () => {
    const kept = (text: string, by = 'GET'): readonly [boolean | undefined, number | undefined] => {
      const reader = new AnswerReader(by === 'HEAD');
      reader.push(bytes(text));
      return [reader.answer?.persistent, reader.answer?.idleMs];
    };
    assert.deepEqual(kept('HTTP/1.1 204 No Content\r\n\r\n'), [true, undefined]);
    assert.deepEqual(kept('HTTP/1.1 204 No Content\r\nConnection: Close\r\n\r\n'), [false, undefined]);
    assert.deepEqual(kept('HTTP/1.1 204 No Content\r\nConnection: keep-alive, close\r\nConnection: x\r\n\r\n'), [false, undefined]);
    assert.deepEqual(kept('HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5, max=100\r\n\r\n'), [true, 5_000]);
    assert.deepEqual(kept('HTTP/1.0 204 No Content\r\n\r\n'), [false, undefined]);
    assert.deepEqual(kept('HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n'), [true, undefined]);
    assert.deepEqual(kept('HTTP/1.1 200 OK\r\n\r\n'), [false, undefined]);
    assert.deepEqual(kept('HTTP/1.1 200 OK\r\n\r\n', 'HEAD'), [true, undefined]);
    assert.deepEqual(kept('HTTP/1.1 101 Switching Protocols\r\n\r\nabc'), [false, undefined]);
  });
});
