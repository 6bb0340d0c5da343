import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { psql } from './clients.ts';
import { startGateway, type GatewayConfig } from './gateway.ts';
import { startIssuer } from './issuer.ts';
import { startPostgres } from './postgres.ts';
import { until } from './until.ts';

test('a gateway between a real issuer, a real psql and a real PostgreSQL: starts, serves, reloads, survives kill -9, stops, leaves nothing', async () => {
  await using issuer = await startIssuer();
  await using target = await startPostgres({ users: [{ name: 'shop', password: 'only-the-gateway' }] });
  const config: GatewayConfig = {
    identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', allowPrivate: true }],
    identities: [{ name: 'reports', owner: { contact: 'reports@acme.example' }, provider: 'ci', claims: { sub: 'job-1' } }],
    connections: [{
      name: 'shop', protocol: 'postgres',
      target: { host: target.host, port: target.port, database: 'postgres', tls: 'disable' },
      credential: { username: 'shop', password: 'env:SHOP_PASSWORD' },
    }],
    policies: [{ name: 'read-only', identities: ['reports'], connections: ['shop'], allow: ['read'] }],
  };
  const gateway = await startGateway(config, { env: { SHOP_PASSWORD: 'only-the-gateway' } });
  try {
    const ask = async (): Promise<string> => {
      const ran = await psql(['-Atc', 'SELECT 40 + 2'], {
        PGHOST: 'localhost', PGHOSTADDR: '127.0.0.1', PGPORT: String(gateway.port('shop')), PGUSER: 'reports', PGDATABASE: 'shop',
        PGPASSWORD: await issuer.token({ sub: 'job-1' }), PGSSLMODE: 'verify-full', PGSSLROOTCERT: gateway.caFile,
      });
      return `${ran.stdout}${ran.stderr}`;
    };
    assert.equal(await ask(), '42\n', gateway.log());
    assert.ok((await fetch(`${gateway.control}/ready`, { headers: { connection: 'close' } })).ok);
    await gateway.reload({ ...config, policies: [{ name: 'nothing', identities: ['reports'], connections: ['shop'], allow: ['session'] }] });
    await until(async () => /denied|refused|not allowed|permission/i.test(await ask()), 20_000, 'the refusal by the new policy');
    await gateway.reload(config);
    await until(async () => (await ask()) === '42\n', 20_000, 'an answer under the old policy');
    await gateway.kill9();
    await gateway.start();
    assert.equal(await ask(), '42\n', gateway.log());
    assert.equal(await gateway.terminate(), 0, gateway.log());
    assert.ok(existsSync(gateway.dataDir));
    const checked = await gateway.cli('check', '--config', gateway.configFile);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  } finally {
    await gateway.stop();
  }
  assert.equal(existsSync(gateway.folder), false);
});

test('a gateway that wrote a token or a password down is found out when it stops', async () => {
  await using issuer = await startIssuer();
  for (const leak of [`{"authorization":"Bearer ${await issuer.token()}"}`, 'target password: written-down-4e8\n']) {
    const gateway = await startGateway(
      {
        identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', allowPrivate: true }],
        identities: [{ name: 'reports', owner: { contact: 'reports@acme.example' }, provider: 'ci', claims: { sub: 'job-1' } }],
        connections: [{ name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port: 9, database: 'postgres', tls: 'disable' }, credential: { username: 'shop', password: 'env:SOME_PASSWORD' } }],
        policies: [{ name: 'read-only', identities: ['reports'], connections: ['shop'], allow: ['read'] }],
      },
      { env: { SOME_PASSWORD: 'written-down-4e8' } },
    );
    writeFileSync(join(gateway.dataDir, 'evidence', 'stray'), leak);
    await assert.rejects(gateway.stop(), /wrote down what it must not: .*stray holds/);
  }
});

test('a configuration that does not start is an error that says why', async () => {
  await assert.rejects(startGateway({ connections: [{ name: 'x', protocol: 'carrier-pigeon' }] }), /carrier-pigeon|protocol/);
});
