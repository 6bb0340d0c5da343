import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask2, http2Client } from './http2-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene();
});
after(() => scene?.[Symbol.asyncDispose]());

/** More than a client may break off, and than may be open at a time. */
const REQUESTS = 500;

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
