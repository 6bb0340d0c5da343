import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { secretCanary } from '../kit/canaries.ts';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { keysOf, signedPuts } from './aws-signed.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

const SECRET = 'the-secret-key-of-the-target-4c1f09';

let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  secretCanary(SECRET);
  people = await startHttpPeople();
  scene = await startHttpScene({
    env: { AWS_KEY_ID: 'AKIATARGET0000000000', AWS_SECRET: SECRET },
    connection: { credential: { type: 'aws', accessKey: 'env:AWS_KEY_ID', secretKey: 'env:AWS_SECRET', region: 'us-east-1', service: 's3' } },
    http: { apis: ['s3'] },
    control: people.control,
    policies: [{
      name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], mask: [{ fields: ['ssn'] }],
      rules: [{ name: 'held', match: { objects: ['object:held/*'] }, effect: 'require_approval', reason: 'people look at it', approval: { ...PATIENT, hold: '1s' } }],
    }],
  });
  scene.target.handler = (request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, { 'Content-Length': '0' }).end());
  };
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

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

test('what was approved is the data: signed anew at another time it is let through, and other data is not', async () => {
  const { chunked } = signedPuts(scene, await keysOf(scene, 'writer'), '/held/object');
  const data = Buffer.from('what people have looked at');
  assert.equal((await chunked(data)).status, 403);
  const { id } = await people.request(scene);
  await people.approve(scene, id);
  // Whoever signs again does so with another time.
  const second = Math.floor(Date.now() / 1000);
  await until(() => Math.floor(Date.now() / 1000) > second);
  scene.target.clear();
  assert.equal((await chunked(Buffer.from('what nobody has looked at!'))).status, 403);
  assert.equal(scene.target.requests.length, 0);
  const { status, text } = await chunked(data);
  assert.equal(status, 200, text);
  assert.ok(scene.target.requests[0]?.body.includes(data));
  assert.equal((await chunked(data)).status, 403);
});

test('under masks an upload in chunks is looked at by its data', async () => {
  const { chunked } = signedPuts(scene, await keysOf(scene, 'writer'), '/plain/masked');
  assert.equal((await chunked(Buffer.from('{"ssn":"123-45-6789"}'))).status, 200);
  const refused = await chunked(Buffer.from('{"ssn":"***"}'));
  assert.equal(refused.status, 403);
  assert.match(refused.text, /mask writing\/1/);
});

test('the log of all that verifies', () => stopAndVerify(scene));
