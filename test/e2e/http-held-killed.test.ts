import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

/** Syncs of the log do not return while the file is there. */
const HELD = pathToFileURL(join(import.meta.dirname, 'testdata', 'held-sync.js')).href;

const folder = tempFolder('http-held-killed');
const hold = folder.file('held');
let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    policies: [
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: PATIENT }, { name: 'briefly', match: { verbs: ['patch'] }, effect: 'require_approval', approval: { ...PATIENT, hold: '1s' } }] },
    ],
    control: people.control,
    nodeArgs: ['--import', HELD],
    env: { HELD_SYNC: hold },
  });
});
after(async () => {
  rmSync(hold, { force: true });
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
  folder.remove();
});

const ask = (path: string, method = 'DELETE'): ReturnType<HttpScene['ask']> => {
  const asked = scene.ask('writer', path, { method });
  asked.catch(() => {});
  return asked;
};
const arrived = (path: string): number => scene.target.requests.filter(({ url }) => url === path).length;

test('kill -9 while a request is held: approved afterwards it runs for nobody, and once at its next try', async () => {
  const first = ask('/killed-held');
  const { id } = await people.request(scene);
  await scene.gateway.kill9();
  await assert.rejects(first);
  await scene.gateway.start();
  assert.deepEqual([(await people.show(scene, id)).state, (await people.show(scene, id)).waiting], ['pending', 0]);
  await people.approve(scene, id);
  assert.equal(arrived('/killed-held'), 0);
  assert.equal((await ask('/killed-held')).status, 200);
  assert.equal(arrived('/killed-held'), 1);
  const second = ask('/killed-held');
  await people.deny(scene, (await people.request(scene)).id);
  assert.equal((await second).status, 403);
  assert.equal(arrived('/killed-held'), 1);
});

test('kill -9 between the use of an approval and the request: it is used up, and the target never hears of it', async () => {
  const refused = await ask('/killed-used', 'PATCH');
  const id = String(refused.problem['approval']);
  await people.approve(scene, id);
  // From here on no intent becomes durable, so nothing that changes anything may be sent.
  writeFileSync(hold, '');
  const first = ask('/killed-used', 'PATCH');
  // What comes behind it on the way that all take: when this is at the target, that could be.
  await until(async () => (await people.state(scene, id)) === 'used', 10_000, 'the use of the approval');
  const later = ask('/later', 'GET');
  await until(() => arrived('/later') === 1, 10_000, 'a later read at the target');
  await scene.gateway.kill9();
  rmSync(hold);
  await Promise.allSettled([first, later]);
  await scene.gateway.start();
  assert.equal((await people.show(scene, id)).state, 'used');
  const again = await ask('/killed-used', 'PATCH');
  assert.deepEqual([again.status, again.problem['code']], [403, 'approval_required']);
  assert.notEqual(again.problem['approval'], id);
  assert.equal(arrived('/killed-used'), 0);
});

test('the log verifies', async () => {
  assert.ok((await recorded(scene, '/killed-held')).length > 0);
  await stopAndVerify(scene);
});
