import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { until } from '../kit/until.ts';
import { startControlScene } from './control-scene.ts';

const LATE_CLOCK = pathToFileURL(join(import.meta.dirname, 'testdata', 'late-clock.js')).href;
const behind = (seconds: number) => ({ nodeArgs: ['--import', LATE_CLOCK], env: { CLOCK_BEHIND: String(seconds * 1000) } });

test('a gateway whose clock is far behind that of the provider accepts nobody, and says that it is the clocks', async () => {
  await using stage = await startControlScene(behind(600));
  const { scene, people } = stage;
  const alice = stage.browser();
  const page = await alice.signIn(people, 'alice', '/login/okta?return=/approvals');
  assert.equal(page.headers.get('location'), '/login?error=clock&return=%2Fapprovals');
  assert.equal((await alice.get('/me')).status, 401);
  await until(() => scene.gateway.logLines().some((line) => /clock/.test(String(line['reason'])) || line['reason'] === 'issued_in_future'), 20_000, 'the line in the log');
  const kept = join(scene.gateway.folder, 'id-token');
  writeFileSync(kept, await people.idToken('alice'), { mode: 0o600 });
  const terminal = await scene.gateway.cli('overview', '--config', scene.gateway.configFile, '--id-token', `file:${kept}`);
  assert.equal(terminal.code, 1);
  assert.match(terminal.stderr, /issued in the future: the clocks of its issuer and of the gateway differ/);
  const machine = await scene.psql('reader', '-c', 'SELECT 1');
  assert.match(machine.stderr, /issued in the future: the clocks of its issuer and of the gateway differ/);
});

test('clocks that differ by less than half a minute are no matter', async () => {
  await using stage = await startControlScene(behind(20));
  const { scene } = stage;
  const alice = await stage.signedIn('alice');
  assert.equal((await alice.get('/overview')).status, 200);
  assert.equal((await scene.psql('reader', '-c', 'SELECT 1')).code, 0);
});
