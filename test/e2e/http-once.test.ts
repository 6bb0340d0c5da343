import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import { answerOk } from '../kit/http-target.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { ask2, http2Client } from './http2-scene.ts';
import { startProxyScene } from './http-proxy-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * A token of a provider with `once` opens one session: of one connection, from one address. Whoever else shows it gets nothing.
 */

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene({
    provider: { once: true },
    connectionsAt: (port) => ['api', 'twin', 'short'].map((name) => ({ name, protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, ...(name === 'short' ? { http: { sessionIdle: '1s' } } : {}) })),
  });
});
after(() => scene?.[Symbol.asyncDispose]());

const newToken = (): Promise<string> => scene.issuer.token({ claims: { job: 'writer' } });
const as = (token: string, port?: number): Promise<number> => scene.ask(undefined, '/x', { headers: { Authorization: `Bearer ${token}` }, ...(port === undefined ? {} : { port }) }).then(({ status }) => status);
/** The same from another address of this machine. */
const elsewhere = (token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls({ socket: connectTcp({ host: '127.0.0.1', port: scene.gateway.port(), localAddress: '127.0.0.2' }), ca: scene.ca, servername: 'localhost' }, () => {
      socket.write(`GET /x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => resolve(Number(text.slice(9, 12))));
  });
const overHttp2 = async (token: string): Promise<number> => {
  const session = http2Client(scene);
  const { status } = await ask2(session, { ':path': '/x', authorization: `Bearer ${token}` });
  session.close();
  return status;
};

test('one session serves many requests, on several connections and in both versions', async () => {
  const token = await newToken();
  assert.equal(await as(token), 200);
  assert.equal(await as(token), 200);
  assert.equal(await overHttp2(token), 200);
});

test('another address, another connection of the gateway, and one who alters the signature get nothing', async () => {
  const token = await newToken();
  assert.equal(await as(token), 200);
  scene.target.clear();
  assert.equal(await elsewhere(token), 401);
  assert.equal(await as(token, scene.gateway.port('twin')), 401);
  // The same signature in another spelling of base64url.
  const last = token.at(-1) as string;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const other of alphabet.slice(alphabet.indexOf(last) & ~3, (alphabet.indexOf(last) & ~3) + 4)) {
    if (other !== last) assert.equal(await as(`${token.slice(0, -1)}${other}`), 401);
  }
  assert.equal(scene.target.requests.length, 0);
  // Whose it is goes on.
  assert.equal(await as(token), 200);
});

test('shown first by many at once, from two addresses and in both versions, it opens one session', async () => {
  const token = await newToken();
  scene.target.clear();
  const [here, there] = await Promise.all([
    Promise.all(Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? as(token) : overHttp2(token)))),
    Promise.all(Array.from({ length: 12 }, () => elsewhere(token))),
  ]);
  const winners = [here, there].filter((statuses) => statuses.includes(200));
  assert.equal(winners.length, 1, JSON.stringify({ here, there }));
  assert.ok(winners[0]?.every((status) => status === 200), JSON.stringify(winners));
  assert.equal(scene.target.requests.length, 12);
});

test('after its session has ended, and after the gateway was killed, it opens no other', async () => {
  const [idle, killed] = [await newToken(), await newToken()];
  assert.equal(await as(idle, scene.gateway.port('short')), 200);
  const session = await until(() => scene.gateway.logLines().findLast(({ msg, connection }) => msg === 'session opened' && connection === 'short')?.['session'], 20_000, 'the line in the log');
  await until(() => scene.gateway.logLines().some((line) => line['msg'] === 'session closed' && line['session'] === session));
  assert.equal(await as(idle, scene.gateway.port('short')), 401);
  assert.equal(await as(killed), 200);
  await scene.gateway.kill9();
  await scene.gateway.start();
  assert.equal(await as(killed), 401);
  assert.equal(await overHttp2(killed), 401);
});

test('in a tunnel it is used up by CONNECT: another tunnel from the same address is of the same session, one to another connection is refused', async () => {
  const proxy = await startProxyScene({ provider: { once: true }, secureTarget: { handler: answerOk } });
  try {
    const token = await proxy.scene.issuer.token({ claims: { job: 'reader' } });
    const authorization = { 'Proxy-Authorization': `Bearer ${token}` };
    for (let times = 0; times < 2; times += 1) {
      const { answer, socket } = await proxy.connect('api.example:443', authorization);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      socket.destroy();
    }
    // At another connection of the same proxy it would be another session.
    const plain = await proxy.connect(`127.0.0.1:${proxy.plain.port}`, authorization);
    assert.match(plain.answer, /^HTTP\/1\.1 407 /);
    plain.socket.destroy();
    await stopAndVerify(proxy.scene);
    await proxy.scene.gateway.start();
  } finally {
    await proxy[Symbol.asyncDispose]();
  }
});

test('the log verifies', () => stopAndVerify(scene));
