import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEvidence } from './recorded-evidence.ts';
import { startScene } from './scene.ts';
import { gatewayWire, say } from './wire.ts';

/* What stands where secrets stand is not recorded, whether the statement ran or was refused, and without any mask. */

const SECRET = 'hunter2';
const STATEMENTS: readonly string[] = [
  `CREATE USER u PASSWORD '${SECRET}'`,
  `ALTER ROLE app PASSWORD '${SECRET}'`,
  `ALTER USER app WITH ENCRYPTED PASSWORD E'hunter\\x32'`,
  `CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'u', password '${SECRET}')`,
  `CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (api_key '${SECRET}')`,
  `CREATE FOREIGN DATA WRAPPER f OPTIONS (api_key '${SECRET}')`,
  `IMPORT FOREIGN SCHEMA a FROM SERVER s INTO public OPTIONS (api_key '${SECRET}')`,
  `CREATE SUBSCRIPTION s CONNECTION 'host=x pass=${SECRET}' PUBLICATION p`,
  `SELECT set_config('app.jwt_secret', '${SECRET}', false)`,
  `SELECT set_config(new_value => '${SECRET}', setting_name => 'app.jwt_secret', is_local => false)`,
  `ALTER FUNCTION lower(text) SET app.jwt_secret = '${SECRET}'`,
  `SET app.jwt_secret = '${SECRET}'`,
  `SET app.jwt_secret TO ${SECRET}`,
  `SET LOCAL app.jwt_secret = "${SECRET}"`,
  `ALTER DATABASE postgres SET app.token = '${SECRET}'`,
  `ALTER ROLE app SET app.token TO ${SECRET}`,
  `ALTER SYSTEM SET primary_conninfo = 'user=x pass=${SECRET}'`,
  `SELECT pgp_sym_encrypt('d', '${SECRET}')`,
  `SELECT hmac('d', '${SECRET}', 'sha256')`,
  `SELECT crypt('${SECRET}', 'x')`,
  `SELECT armor(encrypt('x', '${SECRET}'::bytea, 'aes'))`,
  `SELECT dblink_connect('host=x user=y pass=${SECRET}')`,
  `SELECT * FROM dblink('host=x user=y pass=${SECRET}', 'SELECT 1') AS t(a int)`,
  `COPY orders FROM PROGRAM 'curl -u x:${SECRET} y'`,
  `COPY orders TO PROGRAM 'curl -u x:${SECRET} y'`,
  `DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''${SECRET}''' ; END $$`,
  `CREATE FUNCTION ff() RETURNS text LANGUAGE sql AS $$ SELECT crypt('${SECRET}', 'x') $$`,
  `CREATE FUNCTION fg() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink_connect('pass=${SECRET}'); /* ${SECRET} */ RETURN 1; END $$`,
  `CREATE FUNCTION fh() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT '${SECRET}'::text; END`,
  `PREPARE z AS SELECT set_config('app.key', $1, false)`,
  `EXECUTE z('${SECRET}')`,
  `PREPARE y(text) AS SELECT set_config('app.key', $1, false); EXECUTE y('${SECRET}')`,
  `SELECT 1 /* ${SECRET} */ -- ${SECRET}`,
  `SELEC '${SECRET}', ${SECRET}`,
];

test('no secret is in the recorded form of a statement or of its values', async () => {
  const scene = await startScene({ policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema', 'session', 'unknown'] }] });
  try {
    const wire = await gatewayWire(scene, 'writer');
    for (const text of STATEMENTS) await wire.query(text);
    const value = Buffer.from(SECRET);
    for (const text of ["SELECT set_config('app.key', $1, false)", "SELECT crypt($1, 'x')", "SELECT hmac('d', $1, 'sha256')"]) {
      wire.send(say.parse('', text), say.bind('', '', [], [value]), say.execute(''), say.sync);
      await wire.until('ReadyForQuery');
    }
    wire.close();
    assert.equal(await scene.gateway.terminate(), 0);
    const { commands } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
    assert.ok(commands.length >= STATEMENTS.length);
    assert.deepEqual(commands.filter(({ statement, parameters }) => `${statement} ${parameters.join(' ')}`.includes('hunter')).map(({ statement }) => statement), []);
    // What was done can be seen all the same.
    for (const seen of ['SET app.jwt_secret = <value:text>', "SELECT set_config('app.jwt_secret', <literal:text>, false)", 'ALTER SYSTEM SET primary_conninfo = <value:text>', 'AS $code$ SELECT crypt(<literal:text>, <literal:text>) $code$', 'COPY orders FROM PROGRAM <literal:text>', 'EXECUTE z(<literal:text>)']) {
      assert.ok(commands.some(({ statement }) => statement?.includes(seen)), seen);
    }
  } finally {
    await scene[Symbol.asyncDispose]();
  }
});
