import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DEFAULT_POLICIES, startScene, TARGET_PASSWORD, type Scene } from './scene.ts';

let scene: Scene;
before(async () => {
  const [reading, ...others] = DEFAULT_POLICIES;
  // One of the two columns is mistyped.
  const policies = [{ ...reading, mask: [{ name: 'pii', columns: ['customers.ssn', 'customers.snn'] }] }, ...others];
  scene = await startScene({ policies, postgres: { version: 18, users: [{ name: 'app', password: TARGET_PASSWORD }], config: { log_statement: 'all', log_line_prefix: '%a|' } } });
});
after(() => scene[Symbol.asyncDispose]());

test('psql reads through the gateway with a token as password', async () => {
  const ran = await scene.psql('reader', '-Atc', 'SELECT name FROM customers ORDER BY id');
  assert.equal(ran.stderr, '');
  assert.equal(ran.stdout, 'Ada\nBob\n');
});

test('a refused statement has the error of a missing permission, with rule, reason and session', async () => {
  const ran = await scene.psql('reader', '-v', 'VERBOSITY=verbose', '-c', 'DELETE FROM customers');
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /ERROR: {2}42501: wicketgate: delete on table public\.customers refused/);
  assert.match(ran.stderr, /DETAIL: {2}wicketgate session [0-9a-z]{26}/);
  assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM customers'), [{ n: 2 }]);
});

test('a named rule and its reason reach the client', async () => {
  const ran = await scene.psql('migrator', '-c', 'DROP TABLE customers');
  assert.match(ran.stderr, /migrating\/never-drop-customers: customers are kept/);
});

test('a mask that protects nothing, because its column is not there, is told in the log once', async () => {
  for (const _ of [1, 2]) assert.equal((await scene.psql('reader', '-Atc', 'SELECT ssn FROM customers WHERE id = 1')).stdout, '***\n');
  const told = scene.gateway.log().split('\n').filter((line) => line.includes('masks name columns'));
  assert.deepEqual(told.map((line) => (JSON.parse(line) as { connection: string; patterns: string[] })).map(({ connection, patterns }) => [connection, patterns]), [['shop', ['customers.snn']]]);
});

test('the target\'s own log names the actor', async () => {
  await scene.psql('writer', '-c', "SET application_name = 'my job'", '-c', 'SELECT 4711');
  const line = scene.target.log().split('\n').find((text) => text.includes('SELECT 4711')) ?? '';
  assert.match(line, /^wg:[0-9a-z]{12}:writer my job\|/);
});

test('a stranger, a wrong token and no token are refused alike', async () => {
  const stranger = await scene.psql('stranger', '-c', 'SELECT 1');
  assert.match(stranger.stderr, /wicketgate/);
  assert.equal(stranger.code, 2);
});
