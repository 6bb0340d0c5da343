import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { IssuedKeys, type NewKey } from './issued-keys.ts';

const HOUR = 3_600_000;
const token = (expiresAt = HOUR) => ({ text: 'canary.oidc.token', expiresAt });
const table = (most?: number) => {
  let now = 0;
  const keys = new IssuedKeys(() => now, most);
  return { keys, at: (time: number) => { now = time; }, issue: (owner = 'ci', lifetime = HOUR, expiresAt = HOUR): NewKey => keys.issue(token(expiresAt), owner, lifetime) ?? assert.fail('no key') };
};

test('a key stands for its token until the first of both ends', () => {
  for (const [expiresAt, lifetime, ends] of [[HOUR, 2 * HOUR, HOUR], [2 * HOUR, HOUR, HOUR], [1000, HOUR, 1000]] as const) {
    const { keys, at, issue } = table();
    const key = issue('ci', lifetime, expiresAt);
    assert.equal(key.expiresAt, ends);
    assert.match(key.accessKeyId, /^WGTK[A-Z2-7]{20}$/);
    assert.equal(key.secretKey.length, 40);
    at(ends - 1);
    const found = keys.find(key.accessKeyId);
    assert.equal(found?.token(), 'canary.oidc.token');
    assert.equal(found?.secretKey().toString(), key.secretKey);
    assert.ok(found?.isSessionToken(key.sessionToken));
    assert.ok(!found?.isSessionToken(`${key.sessionToken}x`) && !found?.isSessionToken(''));
    at(ends);
    assert.equal(keys.find(key.accessKeyId), undefined);
    assert.equal(keys.size, 0);
  }
});

test('a token that has ended gets no key, and no two keys are alike', () => {
  const { keys, at, issue } = table();
  assert.notDeepEqual(issue(), issue());
  at(HOUR);
  assert.equal(keys.issue(token(HOUR), 'ci', HOUR), undefined);
  assert.equal(keys.issue(token(2 * HOUR), 'ci', 0), undefined);
  assert.equal(keys.find('WGTKUNKNOWN'), undefined);
});

test('whoever asks for ever more loses the oldest of theirs, and nobody else loses any', () => {
  const { keys, issue } = table();
  const other = issue('another');
  const own = Array.from({ length: 1000 }, () => issue('ci'));
  assert.equal(keys.size, 65);
  assert.ok(own.slice(-64).every(({ accessKeyId }) => keys.find(accessKeyId) !== undefined));
  assert.ok(own.slice(0, -64).every(({ accessKeyId }) => keys.find(accessKeyId) === undefined));
  assert.ok(keys.find(other.accessKeyId) !== undefined);
});

test('a full table makes room of what has ended, and refuses otherwise', () => {
  const { keys, at, issue } = table(3);
  const first = ['a', 'b', 'c'].map((owner, index) => issue(owner, (index + 1) * 1000));
  assert.equal(keys.issue(token(), 'd', HOUR), undefined);
  assert.ok(first.every(({ accessKeyId }) => keys.find(accessKeyId) !== undefined));
  at(1000);
  issue('d');
  assert.equal(keys.size, 3);
  assert.equal(keys.find(first[0]?.accessKeyId ?? ''), undefined);
});

test('the keys of one owner can be forgotten', () => {
  const { keys, issue } = table();
  const [own, other] = [[issue('a'), issue('a')], issue('b')];
  keys.forgetOwner('a');
  keys.forgetOwner('nobody');
  assert.ok(own.every(({ accessKeyId }) => keys.find(accessKeyId) === undefined));
  assert.ok(keys.find(other.accessKeyId) !== undefined);
  assert.equal(keys.size, 1);
});

test('neither token nor secret is printed', () => {
  const { keys, issue } = table();
  const key = issue();
  const found = keys.find(key.accessKeyId);
  const seen = inspect([found, keys], { depth: 9, showHidden: true }) + JSON.stringify([found, keys]);
  for (const secret of ['canary', key.secretKey, key.sessionToken]) assert.ok(!seen.includes(secret));
});
