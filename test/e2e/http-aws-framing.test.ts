import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { secretCanary } from '../kit/canaries.ts';
import { keysOf, signedPuts } from './aws-signed.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

const SECRET = 'the-secret-key-of-the-target-4c1f09';

let scene: HttpScene;
before(async () => {
  secretCanary(SECRET);
  scene = await startHttpScene({
    env: { AWS_KEY_ID: 'AKIATARGET0000000000', AWS_SECRET: SECRET },
    connection: { credential: { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' } },
    http: { apis: ['s3'] },
  });
});
after(() => scene?.[Symbol.asyncDispose]());

test('a body that is signed anew has one length, whichever way the client said its own', async () => {
  const { chunked } = signedPuts(scene, await keysOf(scene, 'writer'), '/plain/object');
  const data = Buffer.alloc(150_000, 'in chunks, each signed ');
  for (const unsigned of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    scene.target.clear();
    const { status, text } = await chunked(data, undefined, unsigned);
    assert.equal(status, 200, text);
    const [arrived] = scene.target.requests;
    assert.ok(arrived);
    const said = arrived.rawHeaders.filter((name, index) => index % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name));
    assert.deepEqual(said.map((name) => name.toLowerCase()), ['content-length']);
    assert.equal(Number(scene.target.header(arrived, 'content-length')), arrived.bytes);
    assert.equal(scene.target.header(arrived, 'x-amz-decoded-content-length'), '150000');
  }
});

test('the log of all that verifies', () => stopAndVerify(scene));
