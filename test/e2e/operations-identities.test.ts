import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { SOON_MS, until } from '../kit/until.ts';
import { plainClient, plainConfig, plainPsql, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { readEvidence } from './recorded-evidence.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

/** How a session ended for its client: the error that the server sent, and when. */
const ending = (client: pg.Client): Promise<{ code: string | undefined; message: string; at: number }> =>
  new Promise((resolve) => client.once('error', (error: Error & { code?: string }) => resolve({ code: error.code, message: error.message, at: performance.now() })));

test('a revoked identity is out at once, stays out, and comes back when restored', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  const idle = await plainClient(around, gateway, 'writer');
  const busy = await plainClient(around, gateway, 'writer');
  const other = await plainClient(around, gateway, 'reader');
  await busy.query('BEGIN');
  await busy.query("INSERT INTO audit VALUES (70, 'in the open transaction')");
  const running = assert.rejects(busy.query('SELECT count(*) FROM generate_series(1, 1000000000)'), /wicketgate: identity writer is revoked/);
  await until(async () => (await around.target.query(`SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1000000000%' AND application_name LIKE 'wg:%'`)).length === 1, 20_000, 'the long query');
  const ended = ending(idle);

  const asPerson = await gateway.cli('identities', 'revoke', 'writer', '--reason', 'leaked', '--config', gateway.configFile);
  assert.equal(asPerson.code, 1);
  assert.match(asPerson.stderr, /control\.login names no provider that people log in with; without --reason it is done as the user of the gateway/);
  const revoke = await gateway.cli('identities', 'revoke', 'writer', '--config', gateway.configFile);
  const began = performance.now();
  assert.deepEqual([revoke.code, revoke.stdout], [0, 'writer revoked: its sessions end within 2 seconds\n'], revoke.stderr);
  const end = await ended;
  await running;
  assert.ok(end.at - began < SOON_MS, `${Math.round(end.at - began)} ms`);
  assert.deepEqual([end.code, end.message], ['57P01', 'wicketgate: identity writer is revoked']);
  assert.deepEqual((await other.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'nobody else is touched');
  await until(async () => (await around.target.query(`SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%:writer%'`)).length === 0, 20_000, 'its sessions at the target to end');
  assert.deepEqual(await around.target.query('SELECT 1 FROM audit WHERE id = 70'), [], 'its transaction was rolled back');
  assert.match((await plainPsql(around, gateway, 'writer', '-c', 'SELECT 1')).stderr, /revoked/);
  const list = await gateway.cli('identities', 'list', '--config', gateway.configFile);
  assert.match(list.stdout, /^writer .* REVOKED \d{4}-\d\d-\d\dT/m);
  assert.doesNotMatch(list.stdout, /^reader .* REVOKED/m);

  // A revocation outlives the process.
  assert.equal(await gateway.terminate(), 0);
  await gateway.start();
  assert.match((await plainPsql(around, gateway, 'writer', '-c', 'SELECT 1')).stderr, /revoked/);

  const restore = await gateway.cli('identities', 'restore', 'writer', '--config', gateway.configFile);
  assert.deepEqual([restore.code, restore.stdout], [0, 'writer restored: it may log in again within a second\n'], restore.stderr);
  await until(async () => (await plainPsql(around, gateway, 'writer', '-Atc', 'SELECT 1')).stdout === '1\n', 20_000, 'a login after the restore');
  assert.equal((await gateway.cli('identities', 'restore', 'writer', '--config', gateway.configFile)).code, 1);
  assert.equal((await gateway.cli('identities', 'revoke', 'nobody', '--config', gateway.configFile)).code, 2);
  await other.end().catch(() => {});
  assert.equal(await gateway.terminate(), 0);

  const { leaves, sessions } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
  const revocations = leaves.flatMap(({ record }) => (record.kind === 'revocation' ? [record] : []));
  assert.deepEqual(revocations.map(({ identity }) => identity), ['writer']);
  assert.match(revocations[0]?.by ?? '', / on the command line$/);
  const closes = leaves.flatMap(({ record }) => (record.kind === 'session_close' && sessions.get(record.session)?.open.principal.identity === 'writer' ? [record.reason] : []));
  assert.deepEqual(closes.slice(0, 2), ['revoked: identity writer is revoked', 'revoked: identity writer is revoked']);
});

test('an operator ends one session', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  const client = await plainClient(around, gateway, 'writer');
  const other = await plainClient(around, gateway, 'writer');
  const listed = JSON.parse((await gateway.cli('sessions', 'list', '--config', gateway.configFile, '--json')).stdout) as { session: string; state: string }[];
  assert.deepEqual(listed.map(({ state }) => state), ['open', 'open']);
  const session = listed[0]?.session ?? '';
  const ended = ending(client);
  const done = await gateway.cli('sessions', 'terminate', session, '--config', gateway.configFile);
  assert.deepEqual([done.code, done.stdout], [0, `session ${session} ended\n`], done.stderr);
  const { code, message } = await ended;
  assert.deepEqual([code, message], ['57P01', 'wicketgate: the session was ended by an operator']);
  assert.deepEqual((await other.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  const again = await gateway.cli('sessions', 'terminate', session, '--config', gateway.configFile);
  assert.deepEqual([again.code, again.stderr], [1, `no live session ${session}\n`]);
  await other.end();
  assert.equal(await gateway.terminate(), 0);
  const { leaves } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
  const closes = leaves.flatMap(({ record }) => (record.kind === 'session_close' ? [[record.session === session, record.reason]] : []));
  assert.deepEqual(closes, [[true, 'revoked: the session was ended by an operator'], [false, 'client left']], 'nobody takes it for an identity that was revoked');
});
