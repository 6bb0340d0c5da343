import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HEAD_BYTES, NotHttp } from './h1-fields.ts';
import { HeadReader, HeadTooLarge } from './h1-request.ts';
import { cutAt, places } from './testdata/answers.ts';
import { takenByNode } from './testdata/node-server.ts';
import { mutated, takenByServer, wellFormed } from './testdata/requests.ts';

describe('requests of HTTP/1.1', () => {
  test('are the same however their bytes are cut', async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(wellFormed.map((requests) => Buffer.from(requests.join(''), 'latin1')), mutated), places, async (bytes, at) => {
      assert.deepEqual(await takenByServer(cutAt(bytes, at)), await takenByServer([bytes]));
    }), { numRuns: 500 });
  });
  test('as clients write them are all taken, in their order', async () => {
    await fc.assert(fc.asyncProperty(wellFormed.filter((requests) => requests.every((one) => !one.includes('HTTP/1.0'))), async (requests) => {
      assert.equal((await takenByServer([Buffer.from(requests.join(''), 'latin1')])).length, requests.length);
    }), { numRuns: 300 });
  });
  test('are what Node makes of them, wherever they are not refused', async () => {
    await fc.assert(fc.asyncProperty(mutated, async (bytes) => {
      const ours = await takenByServer([bytes]);
      assert.deepEqual(ours, (await takenByNode(bytes)).slice(0, ours.length));
    }), { numRuns: 1_000 });
  });
});

describe('a head of a request', () => {
  const read = (...pieces: string[]): unknown => {
    const reader = new HeadReader();
    let head: unknown;
    for (const piece of pieces) head = reader.push(Buffer.from(piece, 'latin1'));
    return head;
  };
  test('has its first line and its fields, and what stands behind it is kept', () => {
    const reader = new HeadReader();
    assert.equal(reader.push(Buffer.from('\r\nPOST /a HTTP/1.1\r')), undefined);
    assert.deepEqual(reader.push(Buffer.from('\nHost: a\r\nX:  b \t\r\n\r\nbody')), { method: 'POST', url: '/a', version: '1.1', rawHeaders: ['Host', 'a', 'X', 'b'] });
    assert.equal(String(reader.rest), 'body');
  });
  test('whose fields come again behind any first line has those that were read, and whatever differs is read anew', () => {
    const reader = new HeadReader();
    const push = (text: string): ReturnType<HeadReader['push']> => reader.push(Buffer.from(text, 'latin1'));
    const first = push('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    for (const again of ['GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /a', '\r\nPOST /b?c HTTP/1.0\r\nHost: a\r\n\r\nGET /a']) {
      const [, method, url, version] = /(\S+) (\S+) HTTP\/(\S+)/.exec(again) ?? [];
      const read = push(again);
      assert.deepEqual(read, { method, url, version, rawHeaders: ['Host', 'a'] });
      assert.equal(read?.rawHeaders, first?.rawHeaders);
      assert.equal(String(reader.rest), 'GET /a');
    }
    for (const [other, fields] of [['Host: b\r\n', ['Host', 'b']], ['Host: a\r\nX: 1\r\n', ['Host', 'a', 'X', '1']], ['', []]] as const) {
      assert.deepEqual(push('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')?.rawHeaders, first?.rawHeaders);
      assert.deepEqual(push(`GET /a HTTP/1.1\r\n${other}\r\n`)?.rawHeaders, fields);
    }
    push('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(push('GET /a HTTP/1.1\r\nHo'), undefined);
    assert.deepEqual(push('st: a\r\n\r\n'), first);
    // What the last one was does not stand in for what is no head.
    for (const line of ['GET /a  HTTP/1.1', 'GET /a', 'GET /\x7f HTTP/1.1', 'GET /a\nX: HTTP/1.1']) {
      const other = new HeadReader();
      other.push(Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'));
      assert.throws(() => other.push(Buffer.from(`${line}\r\nHost: a\r\n\r\n`, 'latin1')), NotHttp, line);
    }
    assert.throws(() => push('GET /a HTTP/1.1\r\nHost: a\r\n\n'), NotHttp);
  });
  test('is refused as soon as it cannot become one', () => {
    for (const pieces of [['GET / HTTP/1.1\n'], ['GET / HTTP/1.1\r', 'X'], ['GET / HTTP/1.1\r\nX: y', '\n'], ['GET / HTTP/1.1\r\n\0'], ['\n'], ['GET  / HTTP/1.1\r\n\r\n'], ['GET / HTTP/1.1 \r\n\r\n'], ['GET /\r\n\r\n'], ['GET / http/1.1\r\n\r\n'], ['GET / HTTP/1.1\r\n X: a\r\n\r\n'], ['GET / HTTP/1.1\r\nX : a\r\n\r\n'], ['GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n'], ['G\xe9T / HTTP/1.1\r\n\r\n'], ['GET / HTTP/1.1\r\nContent-Length: 1\t\r\n\r\n']]) {
      assert.throws(() => read(...pieces), NotHttp, JSON.stringify(pieces));
    }
  });
  test('is too large as soon as it is', () => {
    assert.throws(() => read(...Array.from({ length: 70 }, () => 'a'.repeat(1_000))), HeadTooLarge);
    assert.throws(() => read(`GET / HTTP/1.1\r\nX: ${'a'.repeat(HEAD_BYTES)}\r\n\r\n`), HeadTooLarge);
    assert.throws(() => read('\r\n'.repeat(20)), NotHttp);
  });
});
