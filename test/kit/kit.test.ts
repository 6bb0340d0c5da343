import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import { certificateAuthority } from './certificates.ts';
import { java, pgbench, python } from './clients.ts';
import { startIssuer } from './issuer.ts';
import { startPgbouncer } from './pgbouncer.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { skipUnless } from './present.ts';
import { run, startService } from './run.ts';
import { staticIssuer } from './static-issuer.ts';
import { tempFolder } from './temp.ts';
import { Fatal, until } from './until.ts';

const HERE = import.meta.dirname;

test('a process that is killed leaves no child and no folder', async () => {
  using folder = tempFolder('reaper');
  const script = folder.file('victim.ts');
  writeFileSync(script, `
    import { startPostgres } from '${join(HERE, 'postgres.ts')}';
    import { startService } from '${join(HERE, 'run.ts')}';
    import { tempFolder } from '${join(HERE, 'temp.ts')}';
    const server = await startPostgres();
    const folder = tempFolder('victim');
    const sleep = await startService('sleep', ['600'], { logFile: folder.file('log') });
    const postmaster = Number((await server.query("SELECT pg_read_file('postmaster.pid') AS f"))[0].f.split('\\n')[0]);
    console.log(JSON.stringify({ pids: [postmaster, sleep.pid], folders: [folder.path, server.dataDir] }));
    setInterval(() => {}, 1000);
  `);
  const victim = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  victim.stdout.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  await until(() => said.includes('\n'), 60_000, 'the line of the victim');
  const { pids, folders } = JSON.parse(said) as { pids: number[]; folders: string[] };
  const alive = (pid: number): boolean => {
    try {
      // Whoever inherits the orphans may be slow to bury them.
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return false;
    }
  };
  assert.ok(pids.every(alive) && folders.every((path) => existsSync(path)));
  victim.kill('SIGKILL');
  await until(() => !pids.some(alive) && !folders.some((path) => existsSync(path)), 30_000, 'the end of what the victim left');
});

test('until gives the value, passes a fatal error on, and names the last error when the time is over', async () => {
  let asked = 0;
  assert.equal(await until(() => (++asked > 2 ? 'there' : undefined)), 'there');
  await assert.rejects(until(() => { throw new Fatal('never'); }), /never/);
  await assert.rejects(until(() => { throw new Error('not yet'); }, 20, 'the miracle'), (error: Error) => /the miracle did not come true/.test(error.message) && error.cause instanceof Error && error.cause.message === 'not yet');
});

test('run collects output, passes input and environment, and bounds the time', async () => {
  const ran = await run('sh', ['-c', 'cat; echo "$A-$NODE_TEST_CONTEXT" >&2; exit 3'], { input: 'in', env: { A: 'a', B: undefined } });
  assert.deepEqual(ran, { code: 3, signal: null, stdout: 'in', stderr: 'a-\n' });
  await assert.rejects(run('sleep', ['600'], { timeoutMs: 50 }), /did not end within 50 ms/);
  await assert.rejects(run('/nonexistent/program', []), /ENOENT/);
});

test('a service that ends by itself tells how', async () => {
  using folder = tempFolder('service');
  const service = await startService('sh', ['-c', 'echo out; echo err >&2; exit 7'], { logFile: folder.file('log') });
  assert.deepEqual(await service.wait(), { code: 7, signal: null });
  assert.equal(service.log(), 'out\nerr\n');
  service.signal('SIGTERM');
});

test('ports are free and never given twice', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  assert.equal(new Set(ports).size, 50);
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(ports[0], '127.0.0.1', resolve); });
  await new Promise((resolve) => { server.close(resolve); });
});

test('an issuer: discovery, keys, rotation, granted tokens, outages', async () => {
  await using issuer = await startIssuer();
  const discovered = (await (await fetch(`${issuer.issuer}/.well-known/openid-configuration`)).json()) as { issuer: string; jwks_uri: string };
  assert.deepEqual([discovered.issuer, discovered.jwks_uri], [issuer.issuer, issuer.jwksUri]);
  const keys = createRemoteJWKSet(new URL(issuer.jwksUri), { cooldownDuration: 0, headers: { connection: 'close' } });
  const first = await issuer.token({ sub: 'job-1', claims: { ref: 'refs/heads/main' } });
  assert.equal((await jwtVerify(first, keys, { issuer: issuer.issuer, audience: 'wicketgate' })).payload['ref'], 'refs/heads/main');
  await issuer.rotate();
  const second = await issuer.token();
  assert.notEqual(decodeProtectedHeader(first).kid, decodeProtectedHeader(second).kid);
  await jwtVerify(second, keys);
  await jwtVerify(first, keys);
  await issuer.rotate({ keepOld: false, algorithm: 'ES256' });
  await jwtVerify(await issuer.token(), keys);
  await assert.rejects(jwtVerify(second, keys), /no applicable key/);
  const granted = await issuer.grantedToken('billing');
  assert.deepEqual([(await jwtVerify(granted, keys)).payload.aud, decodeJwt(granted).sub], ['billing', 'job']);
  assert.ok(issuer.requests().filter((path) => path === '/jwks').length >= 3);
  await issuer.behave('refuse');
  await assert.rejects(fetch(issuer.jwksUri));
  await issuer.behave('fail');
  assert.equal((await fetch(issuer.jwksUri)).status, 503);
  await issuer.behave('hang');
  await assert.rejects(fetch(issuer.jwksUri, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' });
  await issuer.behave('serve');
  assert.equal((await fetch(issuer.jwksUri)).status, 200);
});

test('an issuer without a server, and tokens that a verifier must refuse', async () => {
  using issuer = await staticIssuer({ algorithm: 'EdDSA' });
  const keys = (): ReturnType<typeof createLocalJWKSet> => createLocalJWKSet(JSON.parse(readFileSync(issuer.jwksFile, 'utf8')) as JSONWebKeySet);
  await jwtVerify(await issuer.token(), keys(), { issuer: issuer.issuer, audience: 'wicketgate' });
  await assert.rejects(jwtVerify(await issuer.token({ expiresIn: -60 }), keys()), /exp/);
  await assert.rejects(jwtVerify(await issuer.token({ notBeforeIn: 600 }), keys()), /nbf/);
  const bare = decodeJwt(await issuer.token({ aud: null, expiresIn: null, issuedIn: null }));
  assert.deepEqual([bare.aud, bare.exp, bare.iat], [undefined, undefined, undefined]);
  const old = await issuer.token();
  await issuer.rotate({ keepOld: false });
  await assert.rejects(jwtVerify(old, keys()), /no applicable key/);
});

test('openssl accepts a certificate of the authority', { skip: skipUnless('openssl') }, async () => {
  using folder = tempFolder('openssl');
  const authority = await certificateAuthority();
  for (const key of ['ec', 'rsa'] as const) {
    const issued = await authority.issue(['db.test', '127.0.0.1'], { key });
    writeFileSync(folder.file('ca'), authority.certPem);
    writeFileSync(folder.file('cert'), issued.certPem);
    writeFileSync(folder.file('key'), issued.keyPem);
    const verified = await run('openssl', ['verify', '-CAfile', folder.file('ca'), '-purpose', 'sslserver', '-verify_hostname', 'db.test', '-verify_ip', '127.0.0.1', folder.file('cert')]);
    assert.equal(verified.code, 0, verified.stderr);
    assert.equal((await run('openssl', ['pkey', '-in', folder.file('key'), '-check', '-noout'])).code, 0);
  }
});

test('pgbouncer in front of PostgreSQL, with pgbench through it, with and without TLS', { skip: skipUnless('pgbouncer') }, async () => {
  const user = { name: 'bench', password: 'b' };
  await using server = await startPostgres({ tls: true, users: [{ ...user, attributes: 'SUPERUSER' }] });
  for (const tls of [false, true]) {
    await using bouncer = await startPgbouncer({ target: server, users: [user], tls });
    const made = await pgbench(['-i', '-q'], bouncer.psqlEnv);
    assert.equal(made.code, 0, made.stderr);
    const ran = await pgbench(['-S', '-M', 'prepared', '-t', '20', '-n'], bouncer.psqlEnv);
    assert.ok(ran.tps !== undefined && ran.tps > 0, ran.stderr);
  }
});

test('psycopg and SQLAlchemy', { skip: skipUnless('psycopg', 'psycopg2', 'sqlalchemy') }, async () => {
  await using server = await startPostgres({ version: 17 });
  const ran = await python(`
import psycopg, sqlalchemy
with psycopg.connect("") as c: print(c.execute("SELECT %s::int + 1", (41,)).fetchone()[0])
with sqlalchemy.create_engine("postgresql+psycopg2://").connect() as c: print(c.execute(sqlalchemy.text("SELECT 43")).scalar())
`, server.psqlEnv);
  assert.deepEqual([ran.code, ran.stdout], [0, '42\n43\n'], ran.stderr);
});

test('JDBC', { skip: skipUnless('jdbc') }, async () => {
  await using server = await startPostgres();
  const source = `
import java.sql.*;
public class Ask {
  public static void main(String[] args) throws Exception {
    try (Connection c = DriverManager.getConnection(args[0], "postgres", System.getenv("PGPASSWORD"));
         PreparedStatement s = c.prepareStatement("SELECT ? + 1")) {
      s.setInt(1, 41);
      ResultSet r = s.executeQuery();
      r.next();
      System.out.println(r.getInt(1));
    }
  }
}`;
  const ran = await java(source, [`jdbc:postgresql://127.0.0.1:${server.port}/postgres`], server.psqlEnv);
  assert.deepEqual([ran.code, ran.stdout], [0, '42\n'], ran.stderr);
});
