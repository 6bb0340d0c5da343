import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { startPeople } from '../../test/kit/people.ts';
import { staticIssuer } from '../../test/kit/static-issuer.ts';
import { mintToken, signingKey, type TokenOptions } from '../../test/kit/tokens.ts';
import type { LoginConfig } from '../config/resolved.ts';
import { isRefusal } from '../model/decision.ts';
import type { Person } from '../model/person.ts';
import { openCodeFlow, LoginFailed } from './code-flow.ts';
import { createPeople, type People } from './people.ts';

const clock = Date.now;

const loginConfig = (more: Partial<LoginConfig> & Pick<LoginConfig, 'issuer'>): LoginConfig => ({
  name: 'okta',
  clientId: 'wicketgate-people',
  scopes: ['openid', 'profile'],
  groupsClaim: 'groups',
  accounts: { github: 'github_login' },
  keys: { from: 'discovery' },
  maxTokenAge: 12 * 3_600_000,
  sessionAge: 12 * 3_600_000,
  idle: 3_600_000,
  allowPrivate: true,
  origin: { file: 'test.yaml', line: 1 },
  ...more,
});

/** The reason, or the person's name. */
const outcome = async (people: People, token: string, options?: Parameters<People['verify']>[1]): Promise<string> => {
  const result = await people.verify(token, options);
  return isRefusal(result) ? result.reason : result.name;
};

const accepted = async (people: People, token: string): Promise<Person> => {
  const result = await people.verify(token);
  assert.ok(!isRefusal(result), JSON.stringify(result));
  return result;
};

const redirect = 'http://127.0.0.1:4711/callback';

test('who was accepted is told with their claims, and nobody else is', async () => {
  const issuer = await staticIssuer({ issuer: 'https://login.test' });
  const told: unknown[] = [];
  const login = loginConfig({ issuer: issuer.issuer, keys: { from: 'file', path: issuer.jwksFile } });
  const people = createPeople(() => [login], { clock, proved: ({ name }, claims) => told.push([name, claims['slack_id']]) });
  const claims = { name: 'Ada', nonce: 'n', slack_id: 'U0ADA0001' };
  assert.equal(await outcome(people, await issuer.token({ aud: login.clientId, claims }), { nonce: 'another' }), 'nonce_wrong');
  assert.equal(await outcome(people, await issuer.token({ aud: 'another', claims })), 'audience_wrong');
  assert.equal(await outcome(people, await issuer.token({ aud: login.clientId, claims: { ...claims, groups: 7 } })), 'groups_malformed');
  assert.deepEqual(told, []);
  assert.equal(await outcome(people, await issuer.token({ aud: login.clientId, claims })), 'Ada');
  assert.deepEqual(told, [['Ada', 'U0ADA0001']]);
  issuer.stop();
});

test('a person logs in at a real provider by the code flow, with and without a client secret', async () => {
  await using provider = await startPeople();
  for (const [clientId, secret] of [[provider.clientId, provider.clientSecret], [provider.publicClientId, undefined]] as const) {
    const login = loginConfig({ issuer: provider.issuer, clientId });
    const flow = await openCodeFlow(login, secret);
    const begun = await flow.begin(redirect);
    const callback = await provider.complete(begun.url, 'alice');
    assert.ok(callback.startsWith(`${redirect}?`), callback);
    const idToken = await flow.finish(begun, new URL(callback));
    const people = createPeople(() => [login], { clock });
    assert.deepEqual(await people.verify(idToken, { nonce: begun.nonce }), {
      provider: 'okta', issuer: provider.issuer, subject: 'alice', name: 'Alice Ames', groups: ['okta/dba', 'okta/oncall'], accounts: { github: 'alice-gh' },
    });
    assert.equal(await outcome(people, idToken, { nonce: 'another' }), 'nonce_wrong');
    await assert.rejects(flow.finish(begun, new URL(callback)), LoginFailed, 'a code serves once');
  }
});

test('a callback that belongs to another login gives no token', async () => {
  await using provider = await startPeople();
  const flow = await openCodeFlow(loginConfig({ issuer: provider.issuer }), provider.clientSecret);
  const [mine, theirs] = [await flow.begin(redirect), await flow.begin(redirect)];
  const callback = new URL(await provider.complete(theirs.url, 'mallory'));
  await assert.rejects(flow.finish(mine, callback), LoginFailed, 'state of another login');
  const swapped = new URL(callback);
  swapped.searchParams.set('state', mine.state);
  await assert.rejects(flow.finish(mine, swapped), LoginFailed, 'code of another login: its PKCE challenge is another');
  const foreign = new URL(callback);
  foreign.searchParams.set('iss', 'https://elsewhere.example');
  await assert.rejects(flow.finish(theirs, foreign), LoginFailed, 'another issuer (RFC 9207)');
  const noNonce = await flow.begin(redirect);
  const answer = new URL(await provider.complete(noNonce.url, 'alice'));
  await assert.rejects(flow.finish({ ...noNonce, nonce: 'another' }, answer), LoginFailed, 'nonce of another login');
  const refused = new URL(`${redirect}?error=access_denied&state=${mine.state}&iss=${encodeURIComponent(provider.issuer)}`);
  await assert.rejects(flow.finish(mine, refused), /the provider said access_denied/);
});

test('a provider that cannot be reached, or may not be, is said so', async () => {
  await using provider = await startPeople();
  const login = loginConfig({ issuer: provider.issuer });
  await provider.stop();
  await assert.rejects(openCodeFlow(login, undefined), /ECONNREFUSED/);
  await assert.rejects(openCodeFlow(loginConfig({ issuer: 'https://169.254.169.254' }), undefined), /is not allowed/);
  await assert.rejects(openCodeFlow(loginConfig({ issuer: 'https://10.0.0.1', allowPrivate: false }), undefined), /is not allowed/);
  await assert.rejects(openCodeFlow(loginConfig({ issuer: 'http://login.example' }), undefined), LoginFailed);
});

test('what is not an ID token of a person at this client is refused', async (t) => {
  await using provider = await startPeople();
  await using foreign = await startPeople();
  using lookalike = await staticIssuer({ issuer: provider.issuer });
  const people = createPeople(() => [loginConfig({ issuer: provider.issuer })], { clock });
  const token = (options: TokenOptions = {}): Promise<string> => provider.idToken('alice', options);
  assert.equal(await outcome(people, await token()), 'Alice Ames', 'the token that all others are made from is good');
  const long = (count: number): string[] => Array.from({ length: count }, (_, index) => `g${index}`);

  const table: readonly [string, Promise<string> | string, string][] = [
    ['another issuer', foreign.idToken('alice'), 'issuer_unknown'],
    ['another issuer that says it is this one', foreign.idToken('alice', { iss: provider.issuer }), 'key_unknown'],
    ['keys of another', mintToken(provider.issuer, lookalike.key(), { sub: 'alice', aud: provider.clientId, claims: { nonce: 'n' } }), 'key_unknown'],
    ['an access token of a program, as the provider gives it', provider.machineToken(), 'not_id_token'],
    ['the same without its type', token({ sub: provider.clientId, claims: { client_id: provider.clientId } }), 'machine'],
    ['another audience', token({ aud: 'another-service' }), 'audience_wrong'],
    ['two audiences', token({ aud: [provider.clientId, 'another-service'] }), 'audience_multiple'],
    ['another party', token({ claims: { azp: 'another-service' } }), 'party_wrong'],
    ['party a list', token({ claims: { azp: [provider.clientId] } }), 'party_wrong'],
    ['this party', token({ claims: { azp: provider.clientId } }), 'Alice Ames'],
    ['expired', token({ issuedIn: -3700, expiresIn: -100 }), 'expired'],
    ['without end', token({ expiresIn: null }), 'claim_missing'],
    ['without iat', token({ issuedIn: null }), 'claim_missing'],
    ['too old', token({ issuedIn: -13 * 3600, expiresIn: 300 }), 'too_old'],
    ['for years', token({ expiresIn: 90_000_000 }), 'lifetime_too_long'],
    ['from the future', token({ issuedIn: 3600, expiresIn: 7200 }), 'issued_in_future'],
    ['auth0 client credentials', token({ claims: { gty: 'client-credentials' } }), 'machine'],
    ['auth0 client credentials in a list', token({ claims: { gty: ['x', 'client_credentials'] } }), 'machine'],
    ['entra application', token({ claims: { idtyp: 'app' } }), 'machine'],
    ['keycloak service account', token({ claims: { preferred_username: 'service-account-ci' } }), 'machine'],
    ['google service account', token({ claims: { email: 'ci@p.iam.gserviceaccount.com' } }), 'machine'],
    ['no login behind it', token({ claims: { nonce: undefined } }), 'not_interactive'],
    ['a login without nonce', token({ claims: { nonce: undefined, auth_time: Math.floor(Date.now() / 1000) } }), 'Alice Ames'],
    ['typ at+jwt', token({ header: { typ: 'at+jwt' } }), 'not_id_token'],
    ['typ logout+jwt', token({ header: { typ: 'logout+jwt' } }), 'type_unexpected'],
    ['keycloak access token', token({ claims: { typ: 'Bearer' } }), 'not_id_token'],
    ['keycloak ID token', token({ claims: { typ: 'ID' } }), 'Alice Ames'],
    ['cognito access token', token({ claims: { token_use: 'access' } }), 'not_id_token'],
    ['logout token', token({ claims: { events: {} } }), 'not_id_token'],
    ['bound to a key', token({ claims: { cnf: { jkt: 'x' } } }), 'sender_constrained'],
    ['subject too long', token({ sub: 'a'.repeat(256) }), 'claim_malformed'],
    ['subject with a direction mark', token({ sub: 'alice\u202e' }), 'claim_malformed'],
    ['groups elsewhere', token({ claims: { groups: undefined, _claim_names: { groups: 'src1' } } }), 'groups_left_out'],
    ['groups a number', token({ claims: { groups: 7 } }), 'groups_malformed'],
    ['groups null', token({ claims: { groups: null } }), 'groups_malformed'],
    ['a group that is no text', token({ claims: { groups: ['dba', { id: 1 }] } }), 'groups_malformed'],
    ['a group with a control character', token({ claims: { groups: ['dba\u0000'] } }), 'groups_malformed'],
    ['a group too long', token({ claims: { groups: ['g'.repeat(257)] } }), 'groups_malformed'],
    ['too many groups', token({ claims: { groups: long(1001) } }), 'groups_malformed'],
    ['many groups', token({ claims: { groups: long(1000) } }), 'Alice Ames'],
    ['no token', '', 'token_missing'],
    ['too large', token({ claims: { pad: 'x'.repeat(16_000) } }), 'token_too_large'],
  ];
  for (const [what, given, expected] of table) await t.test(what, async () => assert.equal(await outcome(people, await given), expected));
});

test('a token of one login is not one of another, and two that cannot be told apart refuse', async () => {
  await using provider = await startPeople();
  const mine = loginConfig({ issuer: provider.issuer });
  const other = loginConfig({ issuer: provider.issuer, name: 'other', clientId: provider.publicClientId });
  const token = await provider.idToken('bob');
  const both = createPeople(() => [other, mine], { clock });
  assert.equal((await accepted(both, token)).provider, 'okta');
  assert.equal(await outcome(both, token, { login: 'other' }), 'audience_wrong');
  assert.equal(await outcome(both, token, { login: 'nobody' }), 'issuer_unknown');
  const twins = createPeople(() => [mine, { ...mine, name: 'twin' }], { clock });
  assert.equal(await outcome(twins, token), 'login_ambiguous');
});

test('groups, accounts and the name are what the configured claims say, as text that can be shown', async () => {
  await using provider = await startPeople();
  const person = (config: Partial<LoginConfig>, claims: Record<string, unknown>): Promise<Person> =>
    (async () => accepted(createPeople(() => [loginConfig({ issuer: provider.issuer, ...config })], { clock }), await provider.idToken('bob', { claims })))();
  assert.deepEqual((await person({ groupsClaim: 'realm_access.roles' }, { realm_access: { roles: ['dba', 'dba'] } })).groups, ['okta/dba']);
  assert.deepEqual((await person({ groupsClaim: 'https://acme\\.example/groups' }, { 'https://acme.example/groups': 'dba' })).groups, ['okta/dba']);
  assert.deepEqual((await person({ groupsClaim: 'none' }, {})).groups, []);
  assert.deepEqual((await person({ accounts: { github: 'github_login', gitlab: 'gitlab_login' } }, {})).accounts, { github: 'bob-gh' });
  assert.deepEqual((await person({}, { github_login: 7 })).accounts, {}, 'an account that is no text is none');
  assert.deepEqual((await person({}, { github_login: 'bob\u200b' })).accounts, {});
  assert.equal((await person({}, { name: ' Bob\u0000\u001b[31m \u202eB.\n ' })).name, 'Bob[31m B.');
  assert.equal((await person({}, { name: '\u200b', preferred_username: 'bob@acme' })).name, 'bob@acme');
  assert.equal((await person({}, { name: '' })).name, 'bob');
  assert.equal((await person({}, { name: '\u{1f600}'.repeat(500) })).name, '\u{1f600}'.repeat(100));
});

test('a flood of tokens with unknown keys asks the provider once', async () => {
  await using provider = await startPeople();
  const people = createPeople(() => [loginConfig({ issuer: provider.issuer })], { clock });
  const stranger = await signingKey();
  const forged = await mintToken(provider.issuer, stranger, { sub: 'alice', aud: provider.clientId, claims: { nonce: 'n' } });
  for (const reason of await Promise.all(Array.from({ length: 200 }, () => outcome(people, forged)))) assert.equal(reason, 'key_unknown');
  assert.equal(provider.requests().filter((path) => path === '/jwks').length, 1);
});

test('logins that are replaced by a reload count from the next token on, and keep their keys', async () => {
  await using provider = await startPeople();
  let logins = [loginConfig({ issuer: provider.issuer })];
  const people = createPeople(() => logins, { clock });
  const token = await provider.idToken('alice');
  assert.equal(await outcome(people, token), 'Alice Ames');
  logins = [loginConfig({ issuer: provider.issuer, groupsClaim: 'none' })];
  assert.deepEqual((await accepted(people, token)).groups, []);
  assert.equal(provider.requests().filter((path) => path === '/jwks').length, 1);
  assert.deepEqual(people.status().map(({ login, usable }) => [login, usable]), [['okta', true]]);
  logins = [];
  assert.equal(await outcome(people, token), 'issuer_unknown');
});

test('refusals say nothing of what the token holds, and nothing throws', async () => {
  await using provider = await startPeople();
  const people = createPeople(() => [loginConfig({ issuer: provider.issuer })], { clock });
  const good = await provider.idToken('alice');
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom('.', 'A', '_', '\u0000', 'é'), async (at, character) => {
      const changed = good.slice(0, at) + character + good.slice(at + 1);
      const result = await people.verify(changed);
      if (changed === good) return;
      assert.ok(isRefusal(result));
      assert.ok(!JSON.stringify(result).includes('alice'));
    }),
    { numRuns: 200 },
  );
  assert.equal(await outcome(people, undefined as unknown as string), 'token_malformed');
});

