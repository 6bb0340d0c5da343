import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Gateway } from '../kit/gateway.ts';
import { psql } from '../kit/clients.ts';
import { staticIssuer } from '../kit/static-issuer.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { plainClient, plainConfig, plainConnection, plainEnv, plainPsql, startPlainGateway, startSurroundings, type Config, type Surroundings } from './plain-stage.ts';
import { TARGET_PASSWORD } from './scene.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

const ask = async (gateway: Gateway, password?: string): Promise<string> => {
  const { stdout, stderr } = await psql(['-Atc', 'SELECT 42'], { ...(await plainEnv(around, gateway, 'reader')), ...(password === undefined ? {} : { PGPASSWORD: password }) });
  return stdout + stderr;
};
const reasons = (gateway: Gateway): unknown[] => gateway.logLines().flatMap(({ reason }) => reason ?? []);

test('an issuer that is down: known keys serve up to maxKeyAge, then logins are refused with the cause in the log, then it recovers; a new key is taken up', async () => {
  await using gateway = await startPlainGateway(plainConfig(around, {}, { maxKeyAge: '8s' }));
  const open = await plainClient(around, gateway, 'writer');
  await around.issuer.behave('refuse');
  try {
    assert.equal(await ask(gateway), '42\n', 'known keys serve');
    const refused = await until(async () => {
      const said = await ask(gateway);
      return said === '42\n' ? undefined : said;
    }, 30_000, 'the known keys to be too old');
    assert.match(refused, /FATAL: {2}wicketgate: token refused: not verified/);
    await until(() => reasons(gateway).includes('keys_too_old'), 10_000, 'the reason in the log');
    assert.ok(gateway.logLines().some(({ event, provider }) => event === 'keys_failed' && provider === 'ci'), gateway.log());
    assert.deepEqual((await open.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'open sessions are not touched');
  } finally {
    await around.issuer.behave('serve');
  }
  await until(async () => (await ask(gateway)) === '42\n', 30_000, 'a login once the issuer is back');
  await until(() => gateway.logLines().some(({ event }) => event === 'keys_loaded'), 10_000, 'the recovery in the log');

  await around.issuer.rotate({ keepOld: false });
  await until(async () => (await ask(gateway)) === '42\n', 60_000, 'a login with the new key');
  await open.end();
});

test('a key set file is read again when it changes; tokens of a key that is gone are refused', async () => {
  const issuer = await staticIssuer();
  try {
    const config = plainConfig(around, { identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', jwksFile: issuer.jwksFile }] });
    await using gateway = await startPlainGateway(config);
    const old = await issuer.token({ claims: { job: 'reader' } });
    assert.equal(await ask(gateway, old), '42\n');
    await issuer.rotate({ keepOld: false });
    const fresh = await issuer.token({ claims: { job: 'reader' } });
    await until(async () => (await ask(gateway, fresh)) === '42\n', 30_000, 'a login with the new key');
    assert.match(await ask(gateway, old), /token refused: not verified/);
  } finally {
    issuer.stop();
  }
});

test('the target\'s password is rotated in its file: new sessions use the new one, open ones go on, the wrong one is named in no error', async () => {
  using folder = tempFolder('credential');
  const file = folder.file('password');
  const put = (text: string): void => {
    writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  put(TARGET_PASSWORD);
  const config: Config = plainConfig(around, { connections: [plainConnection('shop', around, { credential: { username: 'app', password: `file:${file}` } })] });
  await using gateway = await startPlainGateway(config);
  const open = await plainClient(around, gateway, 'writer');
  const next = 'another-secret-of-the-target-77c';
  await around.target.query(`ALTER ROLE app PASSWORD '${next}'`);
  try {
    const between = await ask(gateway);
    assert.match(between, /FATAL: {2}wicketgate: /);
    assert.equal(between.includes(TARGET_PASSWORD), false);
    put(next);
    assert.equal(await ask(gateway), '42\n');
    assert.deepEqual((await open.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  } finally {
    await around.target.query(`ALTER ROLE app PASSWORD '${TARGET_PASSWORD}'`);
  }
  await open.end();
  assert.equal(await gateway.terminate(), 0);
  for (const secret of [TARGET_PASSWORD, next]) assert.equal(gateway.log().includes(secret), false);
  assert.ok(gateway.logLines().some(({ msg, fault }) => msg === 'target unavailable' && fault === 'login_refused'), gateway.log());
});

test('a target that is down, and comes back', async () => {
  await using own = await startSurroundings();
  await using gateway = await startPlainGateway(plainConfig(own));
  const open = await plainClient(own, gateway, 'reader');
  await own.target.kill9();
  await assert.rejects(open.query('SELECT 1'));
  const down = (await plainPsql(own, gateway, 'reader', '-c', 'SELECT 1')).stderr;
  assert.match(down, /FATAL: {2}wicketgate: /);
  assert.equal((await fetch(`${gateway.control}/ready`, { headers: { connection: 'close' } })).status, 200, 'the gateway itself is well');
  await own.target.restart();
  await until(async () => (await plainPsql(own, gateway, 'reader', '-Atc', 'SELECT 42')).stdout === '42\n', 30_000, 'a login once the target is back');
});
