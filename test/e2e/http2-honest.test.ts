import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { answerOk } from '../kit/http-target.ts';
import { ask2, http2Client } from './http2-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene();
});
after(() => scene?.[Symbol.asyncDispose]());

/** More than a client may break off, and than may be open at a time. */
const REQUESTS = 500;

test('a connection carries any number of requests of a client that measures the line with a PING for each answer, as those of gRPC do', async () => {
  const client = http2Client(scene);
  await once(client, 'connect');
  const authorization = `Bearer ${await scene.token('reader')}`;
  for (let request = 0; request < REQUESTS; request++) {
    const [{ status }] = await Promise.all([ask2(client, { ':path': '/honest', authorization }), new Promise<void>((resolve, reject) => client.ping((error) => (error ? reject(error) : resolve())))]);
    assert.equal(status, 200, `request ${request}`);
  }
  client.close();
});

test('and any number of pieces of one answer to such a client', async () => {
  let pieces = 0;
  let more: (() => void) | undefined;
  scene.target.handler = (_, response) => {
    more = () => void (pieces++ === REQUESTS ? response.end() : response.write('a piece'));
    more();
  };
  const client = http2Client(scene);
  const stream = client.request({ ':path': '/long', authorization: `Bearer ${await scene.token('reader')}` });
  let error: Error | undefined;
  stream.on('error', (came) => (error = came));
  stream.on('data', () => client.ping((cancelled) => cancelled ?? more?.()));
  await once(stream, 'close');
  assert.ifError(error);
  assert.equal(pieces, REQUESTS + 1);
  client.close();
  scene.target.handler = answerOk;
});

for (const [what, method, role, expected] of [
  ['answered', 'GET', 'reader', 200],
  ['answered by a head alone', 'HEAD', 'reader', 200],
  ['refused', 'DELETE', 'reader', 403],
  ['with a body that are answered', 'POST', 'writer', 200],
  ['with a body that are refused', 'POST', 'reader', 403],
] as const) {
  test(`a connection carries any number of requests ${what}, one quickly after another`, async () => {
    const client = http2Client(scene);
    const authorization = `Bearer ${await scene.token(role)}`;
    for (let request = 0; request < REQUESTS; request++) {
      const { status } = await ask2(client, { ':path': '/honest', ':method': method, authorization }, method === 'POST' ? '{"a":1}' : undefined);
      assert.equal(status, expected, `request ${request}`);
    }
    client.close();
  });
}

test('a client that gives up every other request keeps its connection, and those that it waits for are answered', async () => {
  const client = http2Client(scene);
  const authorization = `Bearer ${await scene.token('reader')}`;
  for (let request = 0; request < REQUESTS; request++) {
    const given = client.request({ ':path': '/given-up', authorization });
    given.on('error', () => {});
    given.close(8);
    assert.equal((await ask2(client, { ':path': '/honest', authorization })).status, 200, `request ${request}`);
  }
  client.close();
});
