import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { certificateAuthority } from '../../test/kit/certificates.ts';
import { tempFolder } from '../../test/kit/temp.ts';
import { NoAnswer, send, type Outgoing } from './send.ts';

const listen = async (server: Server): Promise<{ port: number; [Symbol.dispose](): void }> => {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => { server.closeAllConnections(); server.close(); } };
};

const ask = (url: string, more: Partial<Outgoing> = {}) => send({ url, method: 'POST', headers: {}, body: Buffer.from('hello'), timeoutMs: 30_000, mostBytes: 100, ...more });
const refused = (says: RegExp, slow = false) => (error: unknown): boolean => error instanceof NoAnswer && says.test(error.message) && error.slow === slow;

test('what is sent arrives, and the answer comes back', async () => {
  using server = await listen(createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      response.writeHead(409, { 'content-type': 'text/x', 'x-one': ['a', 'b'] });
      response.end(`${request.method} ${request.url} ${String(request.headers['x-two'])} ${body}`);
    });
  }));
  const answer = await ask(`http://127.0.0.1:${server.port}/a?b`, { headers: { 'x-two': '2' } });
  assert.deepEqual([answer.status, answer.type, answer.header('x-one'), answer.header('x-none'), answer.body.toString()], [409, 'text/x', 'a, b', undefined, 'POST /a?b 2 hello']);
});

test('an answer that is slow, endless, cut or elsewhere is no answer, and the words are ours', async () => {
  const answers: readonly (readonly [RequestListener, RegExp, boolean])[] = [
    [() => {}, /no answer within 1 s/, true],
    [(_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(drip));
    }, /no answer within 1 s/, true],
    [(_request, response) => void response.writeHead(200).end('x'.repeat(101)), /larger than 100 bytes/, false],
    [(_request, response) => {
      response.writeHead(200, { 'content-length': '50' });
      response.write('x');
      setImmediate(() => response.destroy());
    }, /cut|ECONNRESET/, false],
    [(request) => void request.socket.end('\u001b[2Jnot http\r\n\r\n'), /^HPE_[A-Z_]+$/, false],
    [(_request, response) => void response.writeHead(200, { 'x-large': 'x'.repeat(20_000) }).end(), /^HPE_HEADER_OVERFLOW$/, false],
  ];
  for (const [listener, says, slow] of answers) {
    using server = await listen(createServer(listener));
    await assert.rejects(ask(`http://127.0.0.1:${server.port}/`, slow ? { timeoutMs: 1_000 } : {}), refused(says, slow));
  }
  await assert.rejects(ask('http://127.0.0.1:9/'), refused(/^ECONNREFUSED$/));
  using elsewhere = await listen(createServer((_request, response) => void response.end('followed')));
  using redirects = await listen(createServer((_request, response) => void response.writeHead(302, { location: `http://127.0.0.1:${elsewhere.port}/` }).end()));
  assert.equal((await ask(`http://127.0.0.1:${redirects.port}/`)).status, 302, 'no redirect is followed');
});

test('https is verified, against the given CA when there is one', async () => {
  using folder = tempFolder('send');
  const authority = await certificateAuthority();
  const { certPem, keyPem } = await authority.issue(['127.0.0.1']);
  const other = await authority.issue(['other.example']);
  writeFileSync(folder.file('ca.pem'), authority.certPem);
  writeFileSync(folder.file('wrong.pem'), (await certificateAuthority()).certPem);
  const answer: RequestListener = (_request, response) => void response.end('ok');
  using server = await listen(createTls({ cert: certPem, key: keyPem }, answer));
  using named = await listen(createTls({ cert: other.certPem, key: other.keyPem }, answer));
  const url = `https://127.0.0.1:${server.port}/`;
  assert.equal((await ask(url, { ca: folder.file('ca.pem') })).body.toString(), 'ok');
  await assert.rejects(ask(url), refused(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED|UNABLE_TO_GET_ISSUER/));
  await assert.rejects(ask(url, { ca: folder.file('wrong.pem') }), refused(/UNABLE_TO|SIGNATURE|SELF_SIGNED/));
  await assert.rejects(ask(url, { ca: folder.file('none.pem') }), refused(/the CA file cannot be read: ENOENT/));
  await assert.rejects(ask(`https://127.0.0.1:${named.port}/`, { ca: folder.file('ca.pem') }), refused(/ERR_TLS_CERT_ALTNAME_INVALID/));
});
