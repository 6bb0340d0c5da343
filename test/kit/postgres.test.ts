import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:tls';
import { describe, test } from 'node:test';
import pg from 'pg';
import { psql } from './clients.ts';
import { postgresVersions, startPostgres, type PostgresVersion } from './postgres.ts';
import { until } from './until.ts';

const VERSIONS: readonly PostgresVersion[] = [15, 17, 18];

describe('startPostgres', { concurrency: true }, () => {
  for (const version of VERSIONS) {
    test(`PostgreSQL ${version} starts, answers, keeps data over restart and kill -9, and leaves nothing`, { skip: postgresVersions().includes(version) ? false : `PostgreSQL ${version} is not installed` }, async () => {
      const server = await startPostgres({ version, config: { log_statement: 'all' }, users: [{ name: 'app "x"', password: "it's" }], databases: ['shop'], setup: 'CREATE TABLE public.t (n int)' });
      try {
        assert.match(String((await server.query('SELECT version()'))[0]?.['version']), new RegExp(`^PostgreSQL ${version}\\.`));
        const ran = await psql(['-Atc', 'SELECT current_user, current_database()'], { ...server.psqlEnv, PGUSER: 'app "x"', PGPASSWORD: "it's", PGDATABASE: 'shop' });
        assert.deepEqual([ran.code, ran.stdout, ran.stderr], [0, 'app "x"|shop\n', '']);
        const wrong = await psql(['-Atc', 'SELECT 1'], { ...server.psqlEnv, PGPASSWORD: 'wrong' });
        assert.equal(wrong.code, 2);
        assert.match(wrong.stderr, /password authentication failed/);
        await server.query('INSERT INTO t VALUES (1)');
        await server.kill9();
        await assert.rejects(server.query('SELECT 1'));
        await server.restart();
        await server.query('INSERT INTO t VALUES (2)');
        await server.restart({ work_mem: '5MB' });
        assert.deepEqual(await server.query('SELECT n, current_setting($1) AS m FROM t ORDER BY n', ['work_mem']), [{ n: 1, m: '5MB' }, { n: 2, m: '5MB' }]);
        assert.match(server.log(), /statement: INSERT INTO t VALUES \(2\)/);
      } finally {
        await server.stop();
      }
      assert.equal(existsSync(server.dataDir), false);
      await server.stop();
    });
  }
});

test('TLS with a certificate of its own, a password stored as md5, and lines of pg_hba', async () => {
  await using server = await startPostgres({ tls: true, users: [{ name: 'old', password: 'o', encryption: 'md5' }], hba: ['hostssl all old 127.0.0.1/32 md5', 'host all old 127.0.0.1/32 reject'] });
  const env = { ...server.psqlEnv, PGUSER: 'old', PGPASSWORD: 'o' };
  const good = await psql(['-Atc', 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'], { ...env, PGSSLMODE: 'verify-full', PGSSLROOTCERT: server.caFile });
  assert.deepEqual([good.code, good.stdout], [0, 't\n'], good.stderr);
  const plain = await psql(['-Atc', 'SELECT 1'], { ...env, PGSSLMODE: 'disable' });
  assert.match(plain.stderr, /pg_hba.conf rejects/);
  const other = await psql(['-Atc', 'SELECT 1'], { ...env, PGHOST: 'localhost', PGHOSTADDR: '127.0.0.1', PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/dev/null' });
  assert.match(other.stderr, /certificate|SSL/i);
  // 17 and later also speak TLS at once, with ALPN.
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: server.caPem, ALPNProtocols: ['postgresql'] });
  await until(() => socket.alpnProtocol === 'postgresql');
  socket.destroy();
});

test('a configuration that cannot start is an error with its log, and leaves nothing', async () => {
  await assert.rejects(startPostgres({ config: { shared_buffers: 'lots' } }), /shared_buffers/);
});

test('clients of their own', async () => {
  await using server = await startPostgres();
  const client = await server.client({ application_name: 'kit' });
  assert.ok(client instanceof pg.Client);
  assert.deepEqual((await client.query('SHOW application_name')).rows, [{ application_name: 'kit' }]);
  await client.end();
});
