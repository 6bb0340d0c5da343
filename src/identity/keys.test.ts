import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { unlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startIssuer } from '../../test/kit/issuer.ts';
import { staticIssuer } from '../../test/kit/static-issuer.ts';
import { signingKey } from '../../test/kit/tokens.ts';
import { until } from '../../test/kit/until.ts';
import { IssuerKeys } from './keys.ts';
import { candidateKeys, readKeySet } from './keyset.ts';
import { keySource } from './source.ts';
import { json, startHostileIssuer } from './testdata/hostile-issuer.ts';
import { providerConfig } from './testdata/settings.ts';

const DAY = 86_400_000;
const keysOf = (issuer: string, more: object = {}) => {
  const clock = { now: 1_700_000_000_000 };
  const failures: (string | undefined)[] = [];
  const keys = new IssuerKeys(keySource(providerConfig({ issuer, ...more })), () => clock.now, (failure) => failures.push(failure));
  return { clock, failures, keys };
};

test('whatever the volume of unknown key ids, the issuer is asked once a cooldown', async () => {
  await using issuer = await startIssuer();
  const { keys, clock } = keysOf(issuer.issuer);
  const flood = (from: number) => Promise.all(Array.from({ length: 300 }, (_, index) => keys.find('RS256', `forged-${from + index}`, DAY)));
  const fetches = () => issuer.requests().filter((path) => path === '/jwks').length;
  assert.ok((await flood(0)).every((found) => found === 'key_unknown'));
  assert.equal(fetches(), 1);
  clock.now += 29_000;
  await flood(300);
  assert.equal(fetches(), 1);
  clock.now += 1_001;
  await flood(600);
  assert.equal(fetches(), 2);
  assert.equal(issuer.requests().length, 4, 'one discovery for each key set');
});

test('a rotated key is found by the first token that needs it, and the old one ends with the set', async () => {
  await using issuer = await startIssuer();
  const { keys, clock } = keysOf(issuer.issuer);
  const old = issuer.key();
  const [before] = (await keys.find('RS256', old.kid, DAY)) as readonly unknown[];
  await issuer.rotate();
  clock.now += 30_001;
  assert.equal((await keys.find('RS256', issuer.key().kid, DAY)).length, 1);
  assert.equal(((await keys.find('RS256', old.kid, DAY)) as readonly unknown[])[0], before, 'an unchanged key keeps its identity');
  await issuer.rotate({ keepOld: false });
  clock.now += 600_001;
  // Old keys serve while the fetch goes on in the background.
  assert.equal((await keys.find('RS256', old.kid, DAY)).length, 1);
  await until(async () => (await keys.find('RS256', old.kid, DAY)) === 'key_unknown');
});

test('keys serve through an outage until they are too old, and again after it', async () => {
  await using issuer = await startIssuer();
  const { keys, clock, failures } = keysOf(issuer.issuer);
  const { kid } = issuer.key();
  await keys.refresh();
  for (const mode of ['fail', 'refuse'] as const) {
    await issuer.behave(mode);
    clock.now += 3_600_000;
    await keys.refresh();
    assert.equal((await keys.find('RS256', kid, DAY)).length, 1, mode);
  }
  const status = keys.status(DAY);
  assert.deepEqual([status.usable, status.age, status.keys], [true, 7_200_000, 1]);
  assert.match(status.lastError ?? '', /^127\.0\.0\.1:\d+: ECONNREFUSED$/);
  clock.now += 23 * 3_600_000;
  assert.equal(await keys.find('RS256', kid, DAY), 'keys_too_old');
  assert.equal(keys.status(DAY).usable, false);
  await issuer.behave('serve');
  clock.now += 4_999;
  assert.equal(await keys.find('RS256', kid, DAY), 'keys_too_old', 'not more often than every 5 s');
  clock.now += 2;
  assert.equal((await keys.find('RS256', kid, DAY)).length, 1);
  assert.deepEqual(keys.status(DAY), { keys: 1, usable: true, age: 0 });
  assert.equal(failures.at(-1), undefined);
});

test('an issuer that was never reached is tried again, not more often than every 5 s', async () => {
  await using issuer = await startIssuer();
  const { kid } = issuer.key();
  await issuer.behave('fail');
  const { keys, clock } = keysOf(issuer.issuer);
  for (let index = 0; index < 20; index += 1) assert.equal(await keys.find('RS256', kid, DAY), 'keys_unavailable');
  assert.equal(issuer.requests().length, 1);
  await issuer.behave('serve');
  clock.now += 5_000;
  assert.equal((await keys.find('RS256', kid, DAY)).length, 1);
});

test('discovery and key documents that are not what they must be give no keys', async (t) => {
  await using server = await startHostileIssuer();
  const good = (await signingKey()).publicJwk;
  const wellKnown = '/.well-known/openid-configuration';
  const set = (keys: unknown): void => server.answer('/jwks', json({ keys }));
  const table: readonly [string, () => void, RegExp][] = [
    ['another issuer', () => server.answer(wellKnown, json({ issuer: 'https://issuer.example', jwks_uri: `${server.issuer}/jwks` })), /names another issuer/],
    ['issuer with a slash', () => server.answer(wellKnown, json({ issuer: `${server.issuer}/`, jwks_uri: `${server.issuer}/jwks` })), /names another issuer/],
    ['no issuer', () => server.answer(wellKnown, json({ jwks_uri: `${server.issuer}/jwks` })), /names another issuer/],
    ['no jwks_uri', () => server.answer(wellKnown, json({ issuer: server.issuer })), /no jwks_uri/],
    ['keys at the metadata address', () => server.answer(wellKnown, json({ issuer: server.issuer, jwks_uri: 'https://169.254.169.254/jwks' })), /forbidden address/],
    ['keys by plain http elsewhere', () => server.answer(wellKnown, json({ issuer: server.issuer, jwks_uri: 'http://keys.example/jwks' })), /only https/],
    ['keys in a file', () => server.answer(wellKnown, json({ issuer: server.issuer, jwks_uri: 'file:///etc/passwd' })), /only https/],
    ['not JSON', () => server.answer(wellKnown, (response) => void response.writeHead(200).end('<html>')), /not JSON/],
    ['two issuers in one document', () => server.answer(wellKnown, (response) => void response.writeHead(200).end(`{"issuer":"https://a","issuer":"${server.issuer}"}`)), /a name stands twice/],
    ['no keys', () => set([]), /no usable key/],
    ['not a set', () => set('x'), /has no keys/],
    ['too many keys', () => set(Array.from({ length: 101 }, () => good)), /more than 100 keys/],
    ['too large', () => set([{ ...good, pad: 'x'.repeat(270_000) }]), /too large/],
  ];
  for (const [name, arrange, message] of table) {
    await t.test(name, async () => {
      server.answer(wellKnown, json({ issuer: server.issuer, jwks_uri: `${server.issuer}/jwks` }));
      set([good]);
      arrange();
      const { keys } = keysOf(server.issuer);
      assert.equal(await keys.find('RS256', good.kid, DAY), 'keys_unavailable');
      assert.match(keys.status(DAY).lastError ?? '', message);
    });
  }
  server.answer(wellKnown, json({ issuer: server.issuer, jwks_uri: `${server.issuer}/jwks` }));
  set([good]);
  assert.equal((await keysOf(server.issuer).keys.find('RS256', good.kid, DAY)).length, 1, 'the documents as they were are good');
});

test('a key file is read again when it changes, kept when it is broken, missed when it is gone for too long', async () => {
  using issuer = await staticIssuer();
  const { keys, clock } = keysOf('https://issuer.example', { keys: { from: 'file', path: issuer.jwksFile } });
  const first = issuer.key().kid;
  assert.equal((await keys.find('RS256', first, DAY)).length, 1);
  await issuer.rotate({ keepOld: false });
  clock.now += 1_001;
  assert.equal((await keys.find('RS256', issuer.key().kid, DAY)).length, 1);
  assert.equal(await keys.find('RS256', first, DAY), 'key_unknown');
  writeFileSync(issuer.jwksFile, '{"keys":[');
  clock.now += 1_001;
  assert.equal((await keys.find('RS256', issuer.key().kid, DAY)).length, 1);
  assert.match(keys.status(DAY).lastError ?? '', /^key set file: not JSON$/);
  unlinkSync(issuer.jwksFile);
  clock.now += DAY + 1;
  assert.equal(await keys.find('RS256', issuer.key().kid, DAY), 'keys_too_old');
  assert.match(keys.status(DAY).lastError ?? '', /^key set file: ENOENT$/);
});

test('keys that must not be used are left out', async () => {
  const good = (await signingKey('ES256')).publicJwk;
  const rsa = (bits: number, exponent = 65_537) => generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent }).publicKey.export({ format: 'jwk' });
  const secret = (await signingKey('ES256')).privateJwk;
  const bad: object[] = [
    { kty: 'oct', k: 'c2VjcmV0', kid: 'x' },
    secret,
    { ...good, use: 'enc' },
    { ...good, key_ops: ['encrypt'] },
    { ...good, kid: 7 },
    { ...good, x: 'AAAA' },
    rsa(1024),
    { kty: 'EC', crv: 'secp256k1', x: 'AAAA', y: 'AAAA' },
    { kty: 'unknown' },
    [], 
  ];
  const set = readKeySet(Buffer.from(JSON.stringify({ keys: [...bad, null, 'x', good, rsa(2048)] })));
  assert.deepEqual([set.keys.length, set.skipped], [2, bad.length + 2]);
  assert.equal(candidateKeys(set, 'ES256', good.kid).length, 1);
  assert.equal(candidateKeys(set, 'ES384', good.kid).length, 0);
  assert.equal(candidateKeys(set, 'RS256', good.kid).length, 0);
  assert.equal(candidateKeys(set, 'RS256', undefined).length, 1);
  assert.equal(candidateKeys(set, 'HS256', undefined).length, 0);
  assert.equal(candidateKeys(set, 'none', undefined).length, 0);
  assert.throws(() => readKeySet(Buffer.from(JSON.stringify({ keys: bad }))), /no usable key/);
});

test('without a key id only a single fitting key is taken; with one, a few of that id', async () => {
  await using server = await startHostileIssuer();
  const all = await Promise.all(Array.from({ length: 6 }, () => signingKey('ES256')));
  const { keys, clock } = keysOf(server.issuer, { keys: { from: 'url', url: `${server.issuer}/jwks` } });
  const publish = async (count: number, kid?: string): Promise<void> => {
    server.answer('/jwks', json({ keys: all.slice(0, count).map(({ publicJwk }) => ({ ...publicJwk, ...(kid === undefined ? {} : { kid }) })) }));
    clock.now += 600_001;
    await keys.refresh();
  };
  await publish(1);
  assert.equal((await keys.find('ES256', undefined, DAY)).length, 1);
  await publish(2);
  assert.equal(await keys.find('ES256', undefined, DAY), 'key_ambiguous');
  await publish(2, 'same');
  assert.equal((await keys.find('ES256', 'same', DAY)).length, 2);
  await publish(6, 'same');
  assert.equal(await keys.find('ES256', 'same', DAY), 'key_ambiguous');
});
