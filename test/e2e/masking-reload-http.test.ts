import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * A reload puts a mask in force that lets pass what it cannot look into, while requests for a part of a body are on their way: of a part nothing can be masked.
 */

const BODY = JSON.stringify({ name: 'Ada', ssn: '123-45-6789' });
const RANGE = { Range: 'bytes=0-25' };
const POLICY = {
  name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'],
  rules: [{ name: 'looked-at', match: { objects: ['path:/held/**'] }, effect: 'require_approval', reason: 'somebody looks first', approval: PATIENT }],
};
const MASKED = { ...POLICY, mask: [{ fields: ['ssn'], transform: 'redact', otherwise: 'pass' }] };

let people: HttpPeople;
let scene: HttpScene;
/** Has the target answer what it keeps waiting. */
let release: () => void = () => {};
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({ policies: [POLICY], control: people.control });
  scene.target.handler = (request, response) => {
    request.resume();
    const fields = { 'Content-Type': 'application/json' };
    const answer = (): void => void (request.headers.range === undefined ? response.writeHead(200, fields).end(BODY) : response.writeHead(206, { ...fields, 'Content-Range': `bytes 0-25/${BODY.length}` }).end(BODY.slice(0, 26)));
    if (request.url?.startsWith('/waits') === true) release = answer;
    else answer();
  };
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

const inForce = (policy: Readonly<Record<string, unknown>>): Promise<void> => scene.gateway.reloaded({ ...scene.config, policies: [policy] });

test('a request for a part that was held meanwhile asks the target for the whole, which is masked', async () => {
  await inForce(POLICY);
  const asked = scene.ask('reader', '/held/1', { headers: RANGE });
  const { id } = await people.request(scene);
  await inForce(MASKED);
  await people.approve(scene, id);
  const { status, text } = await asked;
  assert.deepEqual([status, text], [200, '{"name":"Ada","ssn":"***"}']);
  assert.deepEqual(scene.target.requests.map((request) => scene.target.header(request, 'range')), [undefined]);
});

test('a part that the target was asked for before is not given', async () => {
  await inForce(POLICY);
  scene.target.clear();
  const asked = scene.ask('reader', '/waits/1', { headers: RANGE });
  await until(() => scene.target.requests.length === 1, 20_000, 'the request at the target');
  await inForce(MASKED);
  release();
  const { status, problem, text } = await asked;
  assert.deepEqual([status, problem['code']], [403, 'masking'], text);
  assert.ok(!text.includes('123-45'));
  // What calls itself a part and was not asked for as one is what the mask says of such a body.
  scene.target.handler = (request, response) => void request.resume().once('end', () => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Range': 'items 0-1/2' }).end('["page"]'));
  const page = await scene.ask('reader', '/page', { headers: RANGE });
  assert.deepEqual([page.status, page.text], [200, '["page"]']);
  await inForce(POLICY);
  assert.equal((await scene.ask('reader', '/part', { headers: RANGE })).text, '["page"]');
});

test('the log verifies, and everything in it has an end', () => stopAndVerify(scene));
