import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tempFolder } from '../../../test/kit/temp.ts';
import { openState } from '../../store/state.ts';
import type { LoginConfig } from '../../config/resolved.ts';
import type { Person } from '../../model/person.ts';
import { isCsrf, SignedInPeople } from './person-sessions.ts';

const LOGIN: LoginConfig = { name: 'okta', issuer: 'https://okta.example', clientId: 'c', scopes: [], groupsClaim: 'groups', accounts: {}, keys: { from: 'discovery' }, maxTokenAge: 1, sessionAge: 3_600_000, idle: 600_000, allowPrivate: false, origin: { file: 'f', line: 1 } };
const ADA: Person = { provider: 'okta', issuer: LOGIN.issuer, subject: 'ada', name: 'Ada', groups: ['okta/dba'], accounts: { ci: 'ada-gh' } };

const scene = () => {
  const folder = tempFolder('sessions');
  const state = openState(folder.path);
  const at = { now: 1_700_000_000_000, logins: [LOGIN] };
  const people = new SignedInPeople({ store: state.signedIn.sessions, logins: () => at.logins, now: () => at.now });
  return {
    at,
    people,
    state,
    begin: (): string => people.begin(ADA)?.cookie ?? '',
    [Symbol.dispose]: () => {
      state.close();
      folder.remove();
    },
  };
};

test('a session is found by its cookie until it ends', () => {
  using stage = scene();
  const cookie = stage.begin();
  assert.deepEqual(stage.people.find(cookie)?.person, ADA);
  assert.notEqual(stage.begin(), cookie);
  for (const other of ['', 'x', 'A'.repeat(43), `${cookie}A`, cookie.slice(1)]) assert.equal(stage.people.find(other), undefined);
  assert.equal(stage.people.end(cookie), true);
  assert.equal(stage.people.find(cookie), undefined);
  assert.equal(stage.people.end(cookie), false);
});

test('it ends when it is not used, and in any case after its age', () => {
  using stage = scene();
  const idle = stage.begin();
  stage.at.now += 599_000;
  assert.ok(stage.people.find(idle));
  stage.at.now += 599_000;
  assert.ok(stage.people.find(idle), 'each use counts');
  stage.at.now += 600_000;
  assert.equal(stage.people.find(idle), undefined);
  const busy = stage.begin();
  for (let minute = 1; minute < 60; minute += 1) {
    stage.at.now += 60_000;
    assert.ok(stage.people.find(busy), `minute ${minute}`);
  }
  stage.at.now += 60_000;
  assert.equal(stage.people.find(busy), undefined);
});

test('being looked at is no use', () => {
  using stage = scene();
  const cookie = stage.begin();
  for (let i = 0; i < 9; i += 1) {
    stage.at.now += 60_000;
    assert.ok(stage.people.find(cookie, false));
  }
  stage.at.now += 60_000;
  assert.equal(stage.people.find(cookie, false), undefined);
});

test('a login that is gone, of another issuer, or of shorter sessions ends what it began', () => {
  using stage = scene();
  for (const logins of [[], [{ ...LOGIN, issuer: 'https://evil.example' }], [{ ...LOGIN, name: 'other' }], [{ ...LOGIN, sessionAge: 1 }]]) {
    stage.at.logins = [LOGIN];
    const cookie = stage.begin();
    stage.at.now += 2;
    stage.at.logins = logins;
    assert.equal(stage.people.find(cookie), undefined);
    stage.at.logins = [LOGIN];
    assert.equal(stage.people.find(cookie), undefined, 'for good');
  }
});

test('the token against forged requests is bound to the session', () => {
  using stage = scene();
  const [one, two] = [stage.begin(), stage.begin()].map((cookie) => stage.people.find(cookie)?.csrf ?? '');
  assert.notEqual(one, two);
  assert.equal(isCsrf(one, one as string), true);
  for (const other of [two, undefined, '', `${one}x`, [one], 'é'.repeat((one as string).length)]) assert.equal(isCsrf(other, one as string), false);
});
