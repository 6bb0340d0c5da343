import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { verify } from '../../src/evidence/verify/verify.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, type Answered, type HttpScene } from './http-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

/** Syncs of the log do not return while the file is there. */
const HELD = pathToFileURL(join(import.meta.dirname, 'testdata', 'held-sync.js')).href;

const folder = tempFolder('http-order');
const held = folder.file('held');
let scene: HttpScene;
before(async () => {
  const at = (port: number, mode: string): Record<string, unknown> => ({ name: mode, protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, evidence: { mode } });
  scene = await startHttpScene({ connectionsAt: (port) => [at(port, 'effect'), at(port, 'strict')], nodeArgs: ['--import', HELD], env: { HELD_SYNC: held } });
});
after(async () => {
  rmSync(held, { force: true });
  await scene?.[Symbol.asyncDispose]();
  folder.remove();
});

interface Asking {
  readonly answer: Promise<Answered>;
  readonly answered: () => boolean;
}

const ask = (mode: string, path: string, method: string): Asking => {
  let over = false;
  const answer = scene.ask('writer', path, { method, port: scene.gateway.port(mode), ...(method === 'GET' ? {} : { body: 'x' }) });
  const note = (): void => void (over = true);
  answer.then(note, note);
  return { answer, answered: () => over };
};
const arrived = (path: string): boolean => scene.target.requests.some(({ url }) => url === path);

test('while the intent is not durable, a write does not reach the target; a read does in effect mode only, and its answer waits', async () => {
  // Sessions that are open, so that what is waited for is the request's own record.
  for (const mode of ['effect', 'strict']) assert.equal((await ask(mode, '/first', 'POST').answer).status, 200);
  writeFileSync(held, '');
  const reads = ask('effect', '/effect-read', 'GET');
  await until(() => arrived('/effect-read'), 20_000, 'the read of effect mode at the target');
  const others = [ask('effect', '/effect-write', 'POST'), ask('strict', '/strict-read', 'GET'), ask('strict', '/strict-write', 'POST')];
  // What comes after them on the way that all take: when its answer could be here, theirs could.
  const later = ask('effect', '/effect-later', 'GET');
  await until(() => arrived('/effect-later'), 20_000, 'a later read at the target');
  for (const path of ['/effect-write', '/strict-read', '/strict-write']) assert.ok(!arrived(path), `${path} reached the target before its record was durable`);
  for (const { answered } of [reads, later, ...others]) assert.ok(!answered());
  rmSync(held);
  for (const { answer } of [reads, later, ...others]) assert.equal((await answer).status, 200);
  for (const path of ['/effect-write', '/strict-read', '/strict-write']) assert.ok(arrived(path));
});

test('whoever has the whole answer has an outcome that survives kill -9 at that moment', async () => {
  for (const mode of ['effect', 'strict']) {
    assert.equal((await ask(mode, `/whole-${mode}`, 'POST').answer).status, 200);
    await scene.gateway.kill9();
    await scene.gateway.start();
    assert.equal((await recorded(scene, `/whole-${mode}`))[0]?.end, 'ok');
  }
});

test('kill -9 in the middle of a write leaves its intent, and its end is said to be not known', async () => {
  let reached = false;
  scene.target.handler = (request) => {
    request.resume();
    reached = true;
  };
  const write = ask('strict', '/killed', 'POST');
  write.answer.catch(() => {});
  await until(() => reached);
  await scene.gateway.kill9();
  await assert.rejects(write.answer);
  const left = await verify(join(scene.gateway.dataDir, 'evidence'), { keys: join(scene.gateway.folder, 'keys') });
  assert.deepEqual([left.integrity.ok, left.completeness.openCommands], [true, 1]);
  await scene.gateway.start();
  assert.equal((await recorded(scene, '/killed'))[0]?.end, 'indeterminate');
  await stopAndVerify(scene);
  await scene.gateway.start();
});
