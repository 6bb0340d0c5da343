import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { certificateAuthority } from '../../../test/kit/certificates.ts';
import { java, psql, python } from '../../../test/kit/clients.ts';
import { skipUnless } from '../../../test/kit/present.ts';
import { LoginServer } from './testdata/login-server.ts';

const TOKEN = `eyJ${'x'.repeat(3000)}`;

let server: LoginServer;
before(async () => {
  server = await LoginServer.start();
});
after(() => server.stop());

describe('real clients', { concurrency: false }, () => {
  const env = (more: Record<string, string> = {}): Record<string, string> => ({
    PGHOST: 'localhost', PGHOSTADDR: '127.0.0.1', PGPORT: String(server.port), PGUSER: 'ci', PGPASSWORD: TOKEN, PGDATABASE: 'billing', PGSSLMODE: 'verify-full', PGSSLROOTCERT: server.caFile, ...more,
  });

  test('psql with verify-full', async () => {
    const ran = await psql(['-Atc', 'SELECT 1'], env());
    assert.equal(ran.stdout, `ci|localhost|true|${TOKEN.length}\n`, ran.stderr);
  });
  test('psql with a server name of its own', async () => {
    const ran = await psql(['-Atc', 'SELECT 1'], env({ PGHOST: 'billing.localhost' }));
    assert.equal(ran.stdout, `ci|billing.localhost|true|${TOKEN.length}\n`, ran.stderr);
  });
  test('psql that prefers TLS gets it', async () => assert.match((await psql(['-Atc', 'SELECT 1'], env({ PGSSLMODE: 'prefer' }))).stdout, /true/));
  test('psql with the longest password', async () => {
    const ran = await psql(['-Atc', 'SELECT 1'], env({ PGPASSWORD: 'x'.repeat(65_535) }));
    assert.equal(ran.stdout, 'ci|localhost|true|65535\n', ran.stderr);
  });
  test('psql without TLS is refused before a password', async () => {
    server.reset();
    const ran = await psql(['-Atc', 'SELECT 1'], env({ PGSSLMODE: 'disable' }));
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /FATAL: {2}this gateway accepts logins over TLS only\nHINT: {2}Connect with sslmode=verify-full/);
    assert.deepEqual(server.passwords, []);
    const closed = await server.result();
    assert.ok(closed.kind === 'closed' && closed.fault === 'tls_required' && !closed.tls);
  });
  test('psql that trusts another CA leaves', async () => {
    server.reset();
    const other = server.folder.file('other.pem');
    writeFileSync(other, (await certificateAuthority('another')).certPem, { mode: 0o644 });
    const ran = await psql(['-Atc', 'SELECT 1'], env({ PGSSLROOTCERT: other }));
    assert.match(ran.stderr, /certificate verify failed/);
    const closed = await server.result();
    assert.ok(closed.kind === 'closed' && closed.fault === 'tls');
  });
  test('psql that is refused shows why', async () => {
    const ran = await psql(['-Atc', 'SELECT 1'], env({ PGPASSWORD: 'wrong' }));
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /FATAL: {2}that is wrong\nDETAIL: {2}session x\nHINT: {2}another token/);
  });
  test('pg', async () => {
    const client = new pg.Client({ host: 'localhost', port: server.port, user: 'ci', password: TOKEN, database: 'billing', ssl: { ca: server.authority.certPem } });
    await client.connect();
    assert.deepEqual((await client.query({ text: 'SELECT 1', rowMode: 'array' })).rows, [['ci', 'localhost', 'true', String(TOKEN.length)]]);
    assert.deepEqual((await client.query({ text: 'SELECT $1', values: [1], rowMode: 'array' })).rows.length, 1);
    await client.end();
  });
  test('postgres', async () => {
    const sql = postgres({ host: 'localhost', port: server.port, user: 'ci', password: TOKEN, database: 'billing', ssl: { ca: server.authority.certPem, servername: 'localhost' }, max: 1, fetch_types: false });
    assert.equal((await sql`SELECT 1`)[0]?.['c3'], String(TOKEN.length));
    await sql.end();
  });
  test('psycopg', { skip: skipUnless('psycopg') }, async () => {
    const ran = await python(`import psycopg\nwith psycopg.connect("") as c: print(c.execute("SELECT 1").fetchone())`, env());
    assert.match(ran.stdout, /'ci', 'localhost', 'true', '3003'/, ran.stderr);
  });
  test('JDBC', { skip: skipUnless('jdbc') }, async () => {
    const source = `public class Hello { public static void main(String[] a) throws Exception {
      try (var c = java.sql.DriverManager.getConnection(a[0], "ci", a[1]); var r = c.createStatement().executeQuery("SELECT 1")) { r.next(); System.out.println(r.getString(2) + r.getString(3) + r.getString(4)); } } }`;
    const ran = await java(source, [`jdbc:postgresql://localhost:${server.port}/billing?sslmode=verify-full&sslrootcert=${server.caFile}`, TOKEN]);
    assert.match(ran.stdout, /true3003/, ran.stderr);
  });
  test('without TLS where that is allowed', async () => {
    server.reset({ plaintextAllowed: true });
    assert.equal((await psql(['-Atc', 'SELECT 1'], env({ PGSSLMODE: 'disable' }))).stdout, `ci||false|${TOKEN.length}\n`);
  });
});
