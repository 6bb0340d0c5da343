import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimAt, parseClaimPath } from './claimpath.ts';
import { compileIdentity, matchIdentity, peopleOf } from './match.ts';
import { identityConfig } from './testdata/settings.ts';

const outcome = (more: Parameters<typeof identityConfig>[0] | Parameters<typeof identityConfig>[0][], claims: object): string => {
  const rules = [more].flat().map((one, index) => compileIdentity(identityConfig({ name: `identity-${index}`, ...one })));
  const match = matchIdentity(rules, claims as Record<string, unknown>);
  return typeof match === 'string' ? match : match.identity.name;
};

test('claims are compared by value and type, and a missing one is no match', () => {
  const table: readonly [Record<string, string | number | boolean>, object, boolean][] = [
    [{ a: 'x' }, { a: 'x' }, true],
    [{ a: 'x' }, { a: 'X' }, false],
    [{ a: 'x' }, {}, false],
    [{ a: 'x' }, { a: null }, false],
    [{ a: 'true' }, { a: true }, false],
    [{ a: true }, { a: 'true' }, false],
    [{ a: 1 }, { a: '1' }, false],
    [{ a: 1 }, { a: 1 }, true],
    [{ a: 0 }, { a: false }, false],
    [{ a: 9007199254740992 }, JSON.parse('{"a":9007199254740993}') as object, false],
    [{ a: 9007199254740992 }, { a: 9007199254740992 }, false],
    [{ a: 'x' }, { a: ['x'] }, false],
    [{ a: 'x' }, { a: { toString: 'x' } }, false],
    [{ a: 'x', b: 'y' }, { a: 'x' }, false],
    [{ 'a.b': 'x' }, { a: { b: 'x' } }, true],
    [{ 'a.b': 'x' }, { 'a.b': 'x' }, false],
    [{ 'a\\.b': 'x' }, { 'a.b': 'x' }, true],
    [{ 'https://sts\\.amazonaws\\.com/.aws_account': '1' }, { 'https://sts.amazonaws.com/': { aws_account: '1' } }, true],
    [{ 'a.0': 'x' }, { a: ['x'] }, false],
    [{ 'a.length': 1 }, { a: 'x' }, false],
    [{ 'constructor.name': 'Object' }, {}, false],
    [{ toString: 'x' }, {}, false],
  ];
  for (const [claims, token, matches] of table) assert.equal(outcome({ claims }, token), matches ? 'identity-0' : 'identity_none', JSON.stringify([claims, token]));
});

test('paths', () => {
  assert.deepEqual(parseClaimPath('a.b\\.c\\\\d'), ['a', 'b.c\\d']);
  assert.deepEqual(parseClaimPath('a\\d'), ['a\\d']);
  for (const path of ['', '.', 'a.', '.a', 'a..b']) assert.throws(() => parseClaimPath(path), /empty name/);
  assert.equal(claimAt({ a: { b: { c: 1 } } }, ['a', 'b', 'c']), 1);
});

test('a condition must say true; whatever goes wrong in it is no match', () => {
  const claims = { sub: 's', ref: 'refs/heads/main', n: 3, groups: ['a', 'b'], roles: 'admin', protected: 'true', nested: { x: 1 } };
  const table: readonly [string, boolean][] = [
    ['claims.ref == "refs/heads/main"', true],
    ['claims.ref != "refs/heads/main"', false],
    ['claims.missing != "x"', false],
    ['!(claims.missing == "x")', false],
    ['"a" in claims.groups', true],
    ['"adm" in claims.roles', false],
    ['claims.groups.exists(g, g == "b")', true],
    ['claims.protected == true', false],
    ['claims.n == 3 && claims.nested.x < 2', true],
    ['claims.ref', false],
    ['has(claims.missing) || claims.ref.startsWith("refs/heads/")', true],
    ['claims.constructor != null', false],
  ];
  for (const [when, matches] of table) assert.equal(outcome({ claims: { sub: 's' }, when }, claims), matches ? 'identity-0' : 'identity_none', when);
  for (const when of ['claims.ref.matches("^(a+)+$")', 'claims.a ==', 'now > 1', '1 + 1', '"text"', 'claims.a.exists(x, claims.b.exists(y, x == y))']) {
    assert.throws(() => compileIdentity(identityConfig({ name: 'billing', when })), /^Error: identity billing: /, when);
  }
});

test('two matches grant nothing', () => {
  const claims = { sub: 's', ref: 'main' };
  assert.equal(outcome([{ claims: { sub: 's' } }, { claims: { ref: 'main' } }], claims), 'identity_ambiguous');
  assert.equal(outcome([{ claims: { sub: 's' } }, { claims: { ref: 'other' } }], claims), 'identity-0');
  assert.equal(outcome([], claims), 'identity_none');
});

test('a token that left claims out matches nothing that looks at them, not even by their absence', () => {
  const overage = { sub: 's', _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://evil.example/groups' } } };
  for (const when of ['"a" in claims.groups', '!has(claims.groups)', '!("groups" in claims)', 'claims["groups"] == "x"', 'size(claims) > 0', '!("admin" in claims.roles) || true']) {
    assert.equal(outcome({ claims: { sub: 's' }, when }, overage), 'claims_overage', when);
    assert.notEqual(outcome({ claims: { sub: 's' }, when }, { sub: 's' }), 'claims_overage', when);
  }
  assert.equal(outcome({ claims: { sub: 's', groups: 'x' } }, overage), 'claims_overage');
  assert.equal(outcome({ claims: { sub: 's', department: 'x' } }, { sub: 's', _claim_names: { department: 'src1' } }), 'claims_overage');
  assert.equal(outcome({ claims: { sub: 's' }, when: '"a" in claims.groups' }, { sub: 's', hasgroups: true }), 'claims_overage');
  assert.equal(outcome({ claims: { sub: 's' } }, overage), 'identity-0', 'who looks at no such claim is not concerned');
});

test('the requester is text or nobody', () => {
  const rule = compileIdentity(identityConfig({ requester: 'actor.login' }));
  assert.deepEqual(peopleOf(rule, { actor: { login: 'ada' } }), { requester: 'ada' });
  assert.deepEqual(peopleOf(compileIdentity(identityConfig({ author: 'commit.by' })), { commit: { by: 'lin' } }), { author: 'lin' });
  for (const claims of [{}, { actor: 'ada' }, { actor: { login: 7 } }, { actor: { login: '' } }, { 'actor.login': 'ada' }]) assert.deepEqual(peopleOf(rule, claims), { unnamed: ['requester'] });
});
