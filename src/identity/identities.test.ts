import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { jwtVerify, CompactEncrypt, createLocalJWKSet } from 'jose';
import { startIssuer } from '../../test/kit/issuer.ts';
import { staticIssuer, type StaticIssuer } from '../../test/kit/static-issuer.ts';
import { tempFolder } from '../../test/kit/temp.ts';
import { mintToken, signingKey } from '../../test/kit/tokens.ts';
import type { IdentityProviderConfig } from '../config/resolved.ts';
import { isRefusal } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import { openState } from '../store/state.ts';
import { createIdentities, type Identities, type IdentityPorts, type IdentitySettings } from './identities.ts';
import { forge, malleate, signer } from './testdata/forge.ts';
import { identityConfig, PEER, providerConfig } from './testdata/settings.ts';

const SUBJECT = 'repo:acme/billing:ref:refs/heads/main';
const clock = Date.now;

const settings = (issuer: StaticIssuer, more: Partial<IdentityProviderConfig> = {}, identities = [identityConfig()]): IdentitySettings => ({
  identityProviders: [providerConfig({ issuer: issuer.issuer, keys: { from: 'file', path: issuer.jwksFile }, ...more })],
  identities,
});

const opened = (config: IdentitySettings, ports: Partial<IdentityPorts> = {}): Identities & Disposable => {
  const identities = createIdentities(config, { clock, ...ports });
  return Object.assign(identities, { [Symbol.dispose]: () => identities.close() });
};

/** The identity's name, or the reason of the refusal. */
const login = async (identities: Identities, token: string): Promise<string> => {
  const result = await identities.authenticate({ kind: 'bearer', token }, PEER);
  return isRefusal(result) ? result.reason : result.identity;
};

const principal = async (identities: Identities, token: string): Promise<Principal> => {
  const result = await identities.authenticate({ kind: 'bearer', token }, PEER);
  assert.ok(!isRefusal(result), JSON.stringify(result));
  return result;
};

test('a token of a real provider, by discovery, becomes a named principal', async () => {
  await using issuer = await startIssuer();
  using identities = opened({ identityProviders: [providerConfig({ issuer: issuer.issuer })], identities: [identityConfig({ claims: { client_id: 'job' }, requester: 'client_id', purpose: 'test' })] });
  await identities.ready();
  const token = await issuer.grantedToken();
  const found = await principal(identities, token);
  assert.deepEqual([found.identity, found.provider, found.subject, found.groups, found.owner, found.requester], ['job', 'issuer', 'job', ['jobs'], { contact: 'ada@acme.example' }, 'job']);
  assert.equal(found.claims['aud'], 'wicketgate');
  assert.equal(found.tokenExpiresAt, (found.claims['exp'] as number) * 1000);
  assert.throws(() => Object.assign(found.claims, { sub: 'admin' }), TypeError);
  const [head, body, tail] = token.split('.');
  assert.ok(!JSON.stringify(found).includes(tail ?? '') && !JSON.stringify(found).includes(`${head}.${body}`), 'nothing of it can be replayed');
  assert.deepEqual(identities.status().map(({ provider, keys, usable }) => [provider, keys, usable]), [['issuer', 1, true]]);
  assert.equal(await login(identities, await issuer.grantedToken('another-service')), 'audience_wrong');
});

test('every algorithm of the list works, against keys of its kind only', async () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const) {
    using issuer = await staticIssuer({ algorithm });
    using all = opened(settings(issuer));
    assert.equal(await login(all, await issuer.token()), 'job', algorithm);
    using others = opened(settings(issuer, { algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'].filter((name) => name !== algorithm) }));
    assert.equal(await login(others, await issuer.token()), 'algorithm_refused', algorithm);
  }
});

test('forged and malformed tokens', async (t) => {
  using issuer = await staticIssuer();
  using identities = opened(settings(issuer));
  const key = issuer.key();
  const good = signer(key);
  const now = Math.floor(clock() / 1000);
  const header = { alg: 'RS256', kid: key.kid, typ: 'JWT' };
  const claims = { iss: issuer.issuer, aud: 'wicketgate', sub: SUBJECT, iat: now, exp: now + 300 };
  const token = forge(header, claims, good);
  assert.equal(await login(identities, token), 'job', 'the token that all others are made from is good');
  const [head = '', body = '', tail = ''] = token.split('.');
  const stranger = await signingKey();
  const publicPem = readPublicPem(key.publicJwk);
  const text = JSON.stringify(claims);
  const none = (): Buffer => Buffer.alloc(0);
  const hmac = (secret: string | Buffer) => (input: Buffer): Buffer => createHmac('sha256', secret).update(input).digest();
  const encrypted = await new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM' }).encrypt(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);

  const table: readonly [string, string, string][] = [
    ['nothing', '', 'token_missing'],
    ['not a token', 'hunter2', 'token_malformed'],
    ['two segments', `${head}.${body}`, 'token_malformed'],
    ['four segments', `${token}.x`, 'token_malformed'],
    ['six segments', `${token}.x.x.x`, 'token_malformed'],
    ['encrypted', encrypted, 'token_encrypted'],
    ['unsigned', `${head}.${body}.`, 'token_malformed'],
    ['too large', forge(header, { ...claims, pad: 'x'.repeat(16_000) }, good), 'token_too_large'],
    ['a megabyte', 'e'.repeat(1_000_000), 'token_too_large'],
    ['a megabyte of dots', '.'.repeat(1_000_000), 'token_too_large'],
    ['padding', `${head}.${body}.${tail}=`, 'token_malformed'],
    ['white space around', ` ${token}`, 'token_malformed'],
    ['a line end', `${token}\n`, 'token_malformed'],
    ['Bearer in front', `Bearer ${token}`, 'token_malformed'],
    ['plain base64 alphabet', `${head}.${body}.${Buffer.from(tail, 'base64url').toString('base64').replace(/=+$/, '+')}`, 'token_malformed'],
    ['stray bits in the last character', `${head}.${body}.${otherLast(tail)}`, 'token_malformed'],
    ['header not JSON', forge('x', claims, good), 'token_malformed'],
    ['header an array', forge('[]', claims, good), 'token_malformed'],
    ['claims not JSON', forge(header, 'x', good), 'token_malformed'],
    ['claims not UTF-8', forge(header, Buffer.from(text.replace('repo', '\u00ff'), 'latin1'), good), 'token_malformed'],
    ['a claim twice', forge(header, `{"sub":"other",${text.slice(1)}`, good), 'token_malformed'],
    ['a claim twice, escaped', forge(header, `{"s\\u0075b":"other",${text.slice(1)}`, good), 'token_malformed'],
    ['a header twice', forge(`{"alg":"none",${JSON.stringify(header).slice(1)}`, claims, good), 'token_malformed'],
    ['a prototype', forge(header, `{"__proto__":{"sub":"x"},${text.slice(1)}`, good), 'token_malformed'],
    ['nested too deeply', forge(header, `{"x":${'['.repeat(20)}${']'.repeat(20)},${text.slice(1)}`, good), 'token_malformed'],
    ['alg none', forge({ alg: 'none' }, claims, () => Buffer.from('x')), 'algorithm_refused'],
    ['alg none without signature', forge({ alg: 'none' }, claims, none), 'token_malformed'],
    ['alg None', forge({ ...header, alg: 'None' }, claims, good), 'algorithm_refused'],
    ['no alg', forge({ kid: key.kid }, claims, good), 'algorithm_refused'],
    ['alg a number', forge({ ...header, alg: 256 }, claims, good), 'algorithm_refused'],
    ['HS256 with the public key as secret', forge({ ...header, alg: 'HS256' }, claims, hmac(publicPem)), 'algorithm_refused'],
    ['HS256 signature under RS256', forge(header, claims, hmac(publicPem)), 'signature_invalid'],
    ['PS256 said, RS256 signed', forge({ ...header, alg: 'PS256' }, claims, good), 'key_unknown'],
    ['ES256 said, RSA key named', forge({ ...header, alg: 'ES256' }, claims, () => Buffer.alloc(64)), 'key_unknown'],
    ...['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'cty', 'enc'].map((name): [string, string, string] => [`header ${name}`, forge({ ...header, [name]: 'x' }, claims, good), 'header_forbidden']),
    ['header jwk with its own key', forge({ ...header, jwk: stranger.publicJwk }, claims, signer(stranger)), 'header_forbidden'],
    ['a logout token', forge({ ...header, typ: 'logout+jwt' }, claims, good), 'type_unexpected'],
    ['a DPoP proof', forge({ ...header, typ: 'dpop+jwt' }, claims, good), 'type_unexpected'],
    ['typ a number', forge({ ...header, typ: 1 }, claims, good), 'type_unexpected'],
    ['kid of another key', forge({ ...header, kid: 'other' }, claims, good), 'key_unknown'],
    ['kid a path', forge({ ...header, kid: '../../etc/passwd' }, claims, good), 'key_unknown'],
    ['kid of an object', forge({ ...header, kid: '__proto__' }, claims, good), 'key_unknown'],
    ['kid a list', forge({ ...header, kid: [key.kid] }, claims, good), 'token_malformed'],
    ['kid too long', forge({ ...header, kid: 'x'.repeat(257) }, claims, good), 'token_malformed'],
    ['signed by a stranger under a known kid', forge(header, claims, signer(stranger)), 'signature_invalid'],
    ['signature of other claims', `${head}.${Buffer.from(text.replace('billing', 'payroll')).toString('base64url')}.${tail}`, 'signature_invalid'],
    ['signature cut', forge(header, claims, (input) => good(input).subarray(0, -1)), 'signature_invalid'],
    ['signature with a byte more', forge(header, claims, (input) => Buffer.concat([good(input), Buffer.alloc(1)])), 'signature_invalid'],
    ['no iss', forge(header, { ...claims, iss: undefined }, good), 'issuer_missing'],
    ['iss a list', forge(header, { ...claims, iss: [issuer.issuer] }, good), 'issuer_missing'],
    ...[`${issuer.issuer}/`, issuer.issuer.toUpperCase(), `${issuer.issuer}:443`, ` ${issuer.issuer}`, 'https://issuer.test.', 'https://xn--issuer.test'].map((iss): [string, string, string] => [`iss ${iss}`, forge(header, { ...claims, iss }, good), 'issuer_unknown']),
  ];
  for (const [name, attempt, reason] of table) await t.test(name, async () => assert.equal(await login(identities, attempt), reason));
});

test('claims of a correctly signed token', async (t) => {
  using issuer = await staticIssuer();
  const good = signer(issuer.key());
  const now = Math.floor(clock() / 1000);
  using identities = opened(settings(issuer, { maxTokenAge: 600_000 }), { clock: () => now * 1000 });
  const make = (more: object): string => forge({ alg: 'RS256', kid: issuer.key().kid }, { iss: issuer.issuer, aud: 'wicketgate', sub: SUBJECT, iat: now, exp: now + 300, ...more }, good);
  const table: readonly [string, object, string][] = [
    ['nothing special', {}, 'job'],
    ['aud a list of one', { aud: ['wicketgate'] }, 'job'],
    ['aud another', { aud: 'other' }, 'audience_wrong'],
    ['aud in other case', { aud: 'Wicketgate' }, 'audience_wrong'],
    ['aud an empty list', { aud: [] }, 'audience_wrong'],
    ['aud an object', { aud: { wicketgate: 1 } }, 'audience_wrong'],
    ['aud two', { aud: ['wicketgate', 'other'] }, 'audience_multiple'],
    ['aud twice the same', { aud: ['wicketgate', 'wicketgate'] }, 'audience_multiple'],
    ['aud nested', { aud: [['wicketgate']] }, 'audience_wrong'],
    ...['aud', 'exp', 'iat', 'sub'].map((name): [string, object, string] => [`no ${name}`, { [name]: undefined }, 'claim_missing']),
    ['sub empty', { sub: '' }, 'claim_malformed'],
    ['sub a number', { sub: 7 }, 'claim_malformed'],
    ['exp text', { exp: String(now + 300) }, 'claim_malformed'],
    ['exp a fraction', { exp: now + 300.5 }, 'claim_malformed'],
    ['exp null', { exp: null }, 'claim_malformed'],
    ['exp beyond numbers', { exp: 1e300 }, 'claim_malformed'],
    ['exp negative', { exp: -1 }, 'claim_malformed'],
    ['iat text', { iat: String(now) }, 'claim_malformed'],
    ['nbf text', { nbf: String(now) }, 'claim_malformed'],
    ['expired within the skew', { exp: now - 25, iat: now - 300 }, 'job'],
    ['expired', { exp: now - 31, iat: now - 300 }, 'expired'],
    ['nbf within the skew', { nbf: now + 25 }, 'job'],
    ['nbf in the future', { nbf: now + 40 }, 'not_yet_valid'],
    ['iat within the skew', { iat: now + 25 }, 'job'],
    ['iat in the future', { iat: now + 40, exp: now + 300 }, 'issued_in_future'],
    ['older than allowed', { iat: now - 640 }, 'too_old'],
    ['nearly too old', { iat: now - 620 }, 'job'],
    ['a day and five minutes long', { exp: now + 86_700 }, 'job'],
    ['a century long', { exp: now + 3_153_600_000 }, 'lifetime_too_long'],
    ['bound to a key', { cnf: { jkt: 'x' } }, 'sender_constrained'],
    ['of another subject', { sub: 'repo:acme/billing:ref:refs/heads/main2' }, 'identity_none'],
    ['of a pattern', { sub: 'repo:acme/*' }, 'identity_none'],
  ];
  for (const [name, more, reason] of table) await t.test(name, async () => assert.equal(await login(identities, make(more)), reason));
});

test('what jose accepts by default is refused here', async () => {
  using issuer = await staticIssuer({ algorithm: 'ES256' });
  using identities = opened(settings(issuer));
  const keys = createLocalJWKSet(JSON.parse(readFileSync(issuer.jwksFile, 'utf8')) as Parameters<typeof createLocalJWKSet>[0]);
  for (const [token, reason] of [
    [await issuer.token({ aud: ['wicketgate', 'another-service'] }), 'audience_multiple'],
    [await issuer.token({ expiresIn: null }), 'claim_missing'],
    [await issuer.token({ issuedIn: null }), 'claim_missing'],
  ] as const) {
    await jwtVerify(token, keys, { issuer: issuer.issuer, audience: 'wicketgate' });
    assert.equal(await login(identities, token), reason);
  }
});

test('what the client is told is no oracle', async () => {
  using issuer = await staticIssuer();
  using identities = opened(settings(issuer, {}, [identityConfig({ name: 'crown-jewels', claims: { sub: SUBJECT, environment: 'production' } })]));
  const stranger = await signingKey();
  const words = async (token: string): Promise<string> => {
    const result = await identities.authenticate({ kind: 'bearer', token }, PEER);
    assert.ok(isRefusal(result));
    assert.ok(!JSON.stringify([result.message, result.hint ?? '']).match(/crown|production|environment|issuer\.test/), result.message);
    return `${result.code}: ${result.message}`;
  };
  const unverified = await Promise.all([
    words(await issuer.token({ iss: 'https://nobody.example' })),
    words(await mintToken(issuer.issuer, stranger, { header: { kid: issuer.key().kid } })),
    words(await mintToken(issuer.issuer, stranger)),
    // Expired as well: that is told only to who holds a real token.
    words(await mintToken(issuer.issuer, stranger, { expiresIn: -500, header: { kid: issuer.key().kid } })),
    words(forge({ alg: 'RS256', jku: 'https://evil.example' }, { iss: issuer.issuer }, signer(issuer.key()))),
    words(await mintToken(issuer.issuer, await signingKey('ES384'))),
  ]);
  assert.deepEqual(new Set(unverified), new Set(['unauthenticated: token refused: not verified']));
  assert.equal(await words(await issuer.token({ expiresIn: -500, issuedIn: -600 })), 'unauthenticated: token refused: expired');
  assert.equal(await words(await issuer.token()), 'no_identity: no identity for this token');
  assert.equal(await words(await issuer.token({ sub: 'x' })), 'no_identity: no identity for this token');
});

test('a remembered signature saves work and nothing else', async () => {
  using issuer = await staticIssuer({ algorithm: 'ES256' });
  const time = { now: clock() };
  using identities = opened(settings(issuer), { clock: () => time.now });
  const token = await issuer.token();
  assert.equal(await login(identities, token), 'job');
  const [head, body, tail = ''] = token.split('.');
  const wrong = Buffer.from(tail, 'base64url');
  wrong[5] = (wrong[5] ?? 0) ^ 1;
  assert.equal(await login(identities, `${head}.${body}.${wrong.toString('base64url')}`), 'signature_invalid', 'the content alone opens nothing');
  assert.equal(await login(identities, token), 'job');
  time.now += 400_000;
  assert.equal(await login(identities, token), 'expired');
  time.now -= 400_000;
  await issuer.rotate({ keepOld: false });
  time.now += 2_000;
  assert.equal(await login(identities, token), 'key_unknown', 'its key is gone');
});

test('a single-use token opens one session, whatever its signature looks like, also after a restart', async () => {
  using folder = tempFolder('once');
  using issuer = await staticIssuer({ algorithm: 'ES256' });
  const config = settings(issuer, { once: true });
  const token = await issuer.token();
  const state = openState(folder.path);
  using first = opened(config, { once: state.once });
  const attempts = await Promise.all([token, token, malleate(token), token].map((one) => login(first, one)));
  assert.deepEqual(attempts.toSorted(), ['job', 'token_used', 'token_used', 'token_used']);
  state.close();
  const again = openState(folder.path);
  using second = opened(config, { once: again.once });
  assert.equal(await login(second, malleate(token)), 'token_used');
  assert.equal(await login(second, await issuer.token({ sub: 'nobody' })), 'identity_none');
  assert.equal(await login(second, await issuer.token()), 'job');
  again.close();
  assert.equal(await login(second, await issuer.token()), 'once_unavailable', 'without the store nobody enters');

  using many = opened(settings(issuer));
  assert.deepEqual([await login(many, token), await login(many, malleate(token))], ['job', 'job'], 'the altered signature is a valid one');
  assert.throws(() => createIdentities(config, { clock }), /once needs durable state/);
});

test('a revoked identity does not enter, until that is taken back', async () => {
  using folder = tempFolder('revoked');
  using issuer = await staticIssuer();
  const state = openState(folder.path);
  using identities = opened(settings(issuer), { revocations: state.revocations });
  const before = await principal(identities, await issuer.token());
  state.revocations.revoke('job', 'ada');
  assert.equal(await login(identities, await issuer.token()), 'identity_revoked');
  const now = identities.rematch(before);
  assert.ok(isRefusal(now) && now.code === 'revoked');
  state.revocations.restore('job');
  assert.equal(await login(identities, await issuer.token()), 'job');
  state.close();
});

test('another configuration is in force at once, keeps the keys it can, and refuses what it cannot honour', async () => {
  await using issuer = await startIssuer();
  const provider = providerConfig({ issuer: issuer.issuer });
  using identities = opened({ identityProviders: [provider], identities: [identityConfig()] });
  const before = await principal(identities, await issuer.token());
  const fetched = issuer.requests().length;

  identities.replace({ identityProviders: [{ ...provider, maxTokenAge: 60_000 }], identities: [identityConfig({ groups: ['others'], owner: { contact: 'bob@acme.example' } })] });
  assert.equal(await login(identities, await issuer.token()), 'job');
  assert.equal(issuer.requests().length, fetched, 'known keys stay known');
  const moved = identities.rematch(before);
  assert.ok(!isRefusal(moved));
  assert.deepEqual([moved.groups, moved.owner], [['others'], { contact: 'bob@acme.example' }]);

  const rematched = (config: IdentitySettings): string => {
    identities.replace(config);
    const result = identities.rematch(before);
    return isRefusal(result) ? result.reason : result.identity;
  };
  assert.equal(rematched({ identityProviders: [provider], identities: [] }), 'identity_none');
  assert.equal(rematched({ identityProviders: [provider], identities: [identityConfig({ name: 'renamed' })] }), 'identity_none');
  assert.equal(rematched({ identityProviders: [provider], identities: [identityConfig(), identityConfig({ name: 'twin' })] }), 'identity_ambiguous');
  assert.equal(rematched({ identityProviders: [{ ...provider, issuer: 'https://other.example' }], identities: [identityConfig()] }), 'identity_none');
  assert.equal(rematched({ identityProviders: [{ ...provider, audience: 'other' }], identities: [identityConfig()] }), 'identity_none');
  assert.equal(rematched({ identityProviders: [], identities: [] }), 'identity_none');
  assert.equal(rematched({ identityProviders: [provider], identities: [identityConfig()] }), 'job');

  const bad: readonly [IdentitySettings, RegExp][] = [
    [{ identityProviders: [{ ...provider, algorithms: ['HS256'] }], identities: [] }, /HS256 is not accepted/],
    [{ identityProviders: [{ ...provider, algorithms: ['none'] }], identities: [] }, /none is not accepted/],
    [{ identityProviders: [provider, { ...provider, name: 'twin' }], identities: [] }, /same issuer and audience/],
    [{ identityProviders: [provider], identities: [identityConfig({ when: 'claims.a ==' })] }, /identity job/],
    [{ identityProviders: [provider], identities: [identityConfig({ claims: { 'a..b': 1 } })] }, /identity job/],
    [{ identityProviders: [{ ...provider, once: true }], identities: [] }, /once needs durable state/],
  ];
  for (const [config, message] of bad) {
    assert.throws(() => identities.replace(config), message);
    assert.equal(await login(identities, await issuer.token()), 'job', 'the old one stays in force');
  }
});

test('clusters that share an issuer are told apart by audience, each by its own keys', async () => {
  const [blue, green] = [await staticIssuer({ issuer: 'https://kubernetes.default.svc' }), await staticIssuer({ issuer: 'https://kubernetes.default.svc' })];
  using identities = opened({
    identityProviders: [blue, green].map((issuer, index) => providerConfig({ name: `cluster-${index}`, audience: `wicketgate-${index}`, issuer: issuer.issuer, keys: { from: 'file', path: issuer.jwksFile } })),
    identities: [identityConfig({ name: 'blue', provider: 'cluster-0' }), identityConfig({ name: 'green', provider: 'cluster-1' })],
  });
  assert.equal(await login(identities, await blue.token({ aud: 'wicketgate-0' })), 'blue');
  assert.equal(await login(identities, await green.token({ aud: 'wicketgate-1' })), 'green');
  assert.equal(await login(identities, await blue.token({ aud: 'wicketgate-1' })), 'key_unknown');
  assert.equal(await login(identities, await green.token({ aud: 'wicketgate-1', header: { kid: blue.key().kid } })), 'key_unknown');
  assert.equal(await login(identities, await blue.token({ aud: 'wicketgate-0', header: { kid: blue.key().kid }, claims: { sub: 'x' } })), 'identity_none');
  blue.stop();
  green.stop();
});

test('refused logins are logged by reason, counted, and without a token', async () => {
  using issuer = await staticIssuer();
  const time = { now: clock() };
  const lines: Record<string, unknown>[] = [];
  const note = (fields: object): void => void lines.push({ ...fields });
  using identities = opened(settings(issuer), { clock: () => time.now, log: { info: note, warn: note } });
  const token = await issuer.token({ expiresIn: -500, issuedIn: -600 });
  for (let index = 0; index < 50; index += 1) await login(identities, token);
  await login(identities, 'garbage');
  time.now += 60_000;
  await login(identities, token);
  assert.deepEqual(lines.filter(({ event }) => event === 'login_refused').map(({ reason, before, peer }) => [reason, before, peer]), [['expired', 0, PEER.address], ['token_malformed', 0, PEER.address], ['expired', 49, PEER.address]]);
  for (const part of token.split('.')) assert.ok(!JSON.stringify(lines).includes(part));
});

test('property: no bytes throw or enter', async () => {
  using issuer = await staticIssuer({ algorithm: 'ES256' });
  using identities = opened(settings(issuer));
  const token = await issuer.token();
  const [head = '', body = '', tail = ''] = token.split('.');
  const part = fc.oneof(fc.string(), fc.base64String(), fc.json().map((text) => Buffer.from(text).toString('base64url')), fc.constantFrom(head, body, tail, ''));
  const strange = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.tuple(part, part).map(([one, two]) => `${one}.${two}.${tail}`),
    // One character of a good token changed, taken away or doubled.
    fc.tuple(fc.nat(token.length - 1), fc.string({ minLength: 0, maxLength: 2 })).map(([at, insert]) => token.slice(0, at) + insert + token.slice(at + 1)),
    fc.record({ alg: fc.constantFrom('ES256', 'none', 'HS256', 'RS256'), kid: fc.constantFrom(issuer.key().kid, 'x') }).chain((header) => fc.uint8Array({ minLength: 1, maxLength: 70 }).map((bytes) => forge(header, Buffer.from(body, 'base64url'), () => Buffer.from(bytes)))),
  );
  await fc.assert(
    fc.asyncProperty(strange, async (attempt) => {
      fc.pre(attempt !== token);
      const result = await identities.authenticate({ kind: 'bearer', token: attempt }, PEER);
      assert.ok(isRefusal(result) && result.code === 'unauthenticated');
    }),
    { numRuns: 3000 },
  );
  assert.equal(await login(identities, token), 'job');
});

/** The same signature with another last character, whose unused bits a careless decoder ignores. */
const otherLast = (text: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(text.at(-1) ?? '');
  const other = `${text.slice(0, -1)}${alphabet[last + 1]}`;
  assert.deepEqual(Buffer.from(other, 'base64url'), Buffer.from(text, 'base64url'));
  return other;
};

const readPublicPem = (jwk: object): string => createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
