import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ApprovalDemand } from '../model/approval.ts';
import type { Person } from '../model/person.ts';
import type { Verdict } from './approvals.ts';
import { askerOf, entitled } from './duties.ts';
import type { Asker } from './duties.ts';
import type { ApprovalSettings, Forbidden } from './ports.ts';
import { count } from './quorum.ts';
import { person, step } from './testdata/scene.ts';

const demand = (...steps: ApprovalDemand['steps']): ApprovalDemand => ({ steps, hold: 1, expires: 1, holdInTransaction: 0 });
const settings = (more: Partial<ApprovalSettings> = {}): ApprovalSettings => ({ forbid: ['requester', 'owner', 'author'], breakGlass: ['okta/incident'], approvers: undefined, url: undefined, heldCommands: 100, ...more });
const job = (more: Partial<Asker> = {}): Asker => ({ provider: 'github', ...more });

interface Row {
  readonly why: string;
  readonly person: Person;
  readonly asker?: Asker;
  readonly settings?: Partial<ApprovalSettings>;
  /** approve, force, deny: what each is refused with, or true. */
  readonly expected: readonly [approve: string | true, force: string | true, deny: string | true];
}

const ada = person('ada');
const glass = person('ada', { groups: ['okta/incident'] });
const both = person('ada', { groups: ['okta/dba', 'okta/incident'] });

const table: readonly Row[] = [
  { why: 'the token of the job does not say who its requester is', person: person('ada', { accounts: { github: 'ada' } }), asker: job({ unnamed: ['requester'] }), expected: ['forbidden', 'not_approver', true] },
  { why: 'nor its author, who may approve here', person: person('ada', { accounts: { github: 'ada' } }), asker: job({ unnamed: ['author'] }), settings: { forbid: ['requester', 'owner'] }, expected: [true, 'not_approver', true] },
  { why: 'an approver, nobody behind the job', person: ada, expected: [true, 'not_approver', true] },
  { why: 'somebody in no group', person: person('ada', { groups: [] }), expected: ['not_approver', 'not_approver', 'not_approver'] },
  { why: 'an administrator by rank', person: person('ada', { groups: ['okta/platform'] }), expected: ['not_approver', 'not_approver', 'not_approver'] },
  { why: 'the same group of another provider', person: person('ada', { groups: ['entra/dba'] }), expected: ['not_approver', 'not_approver', 'not_approver'] },
  { why: 'break-glass only', person: glass, expected: ['not_approver', true, true] },
  { why: 'the requester', person: both, asker: job({ requester: 'ada' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'the requester in another case', person: both, asker: job({ requester: 'ADA' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'the requester in other code points', person: person('ada', { groups: ['okta/dba', 'okta/incident'], accounts: { github: 'zo\u00EB' } }), asker: job({ requester: 'zoe\u0308' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'the requester, in no group', person: person('ada', { groups: [] }), asker: job({ requester: 'ada' }), expected: ['not_approver', 'not_approver', true] },
  { why: 'another requester', person: both, asker: job({ requester: 'bob' }), expected: [true, true, true] },
  { why: 'the author', person: both, asker: job({ requester: 'bob', author: 'ada' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'the requester of one of two jobs', person: both, asker: job({ requester: 'ada' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'no account at the machines’ provider', person: person('ada', { groups: ['okta/dba', 'okta/incident'], accounts: {} }), asker: job({ requester: 'bob' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'an empty account', person: person('ada', { groups: ['okta/dba', 'okta/incident'], accounts: { github: '' } }), asker: job({ requester: 'bob' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'an account at another provider only', person: person('ada', { groups: ['okta/dba', 'okta/incident'], accounts: { gitlab: 'ada' } }), asker: job({ requester: 'bob' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'an account that every object has', person: person('ada', { groups: ['okta/dba', 'okta/incident'] }), asker: job({ provider: 'constructor', requester: 'bob' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'no account, and nobody behind the job', person: person('ada', { groups: ['okta/dba', 'okta/incident'], accounts: {} }), expected: [true, true, true] },
  { why: 'an owner', person: person('ada', { groups: ['okta/dba', 'okta/incident', 'okta/team'] }), asker: job({ ownerGroup: 'okta/team' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'an owner, by a group without its provider', person: person('ada', { groups: ['okta/dba', 'okta/incident', 'okta/team'] }), asker: job({ ownerGroup: 'team' }), expected: ['forbidden', 'forbidden', true] },
  { why: 'a group whose name ends like the owner', person: person('ada', { groups: ['okta/dba', 'okta/incident', 'okta/b-team'] }), asker: job({ ownerGroup: 'team' }), expected: [true, true, true] },
  { why: 'a requester whom forbid lets', person: both, asker: job({ requester: 'ada' }), settings: { forbid: ['owner'] }, expected: [true, 'forbidden', true] },
  { why: 'an author whom forbid lets', person: both, asker: job({ author: 'ada' }), settings: { forbid: ['owner'] }, expected: [true, true, true] },
  { why: 'an owner whom forbid lets', person: person('ada', { groups: ['okta/dba', 'okta/incident', 'okta/team'] }), asker: job({ ownerGroup: 'okta/team' }), settings: { forbid: [] }, expected: [true, true, true] },
  { why: 'without the role of approver', person: both, settings: { approvers: ['okta/oncall'] }, expected: ['not_approver', true, true] },
  { why: 'without the role of approver, no break-glass', person: ada, settings: { approvers: ['okta/oncall'] }, expected: ['not_approver', 'not_approver', 'not_approver'] },
  { why: 'a role of approver that nobody has', person: ada, settings: { approvers: [] }, expected: ['not_approver', 'not_approver', 'not_approver'] },
  { why: 'with the role of approver by another group', person: person('ada', { groups: ['okta/dba', 'okta/oncall'] }), settings: { approvers: ['okta/oncall'] }, expected: [true, 'not_approver', true] },
  { why: 'break-glass that is not configured', person: both, settings: { breakGlass: [] }, expected: [true, 'not_approver', true] },
];

test('separation of duties', async (t) => {
  for (const row of table) {
    await t.test(row.why, () => {
      const told = (['approve', 'force', 'deny'] as const).map((verdict) => entitled(row.person, verdict, demand(step()), [row.asker ?? job()], settings(row.settings))?.code ?? true);
      assert.deepEqual(told, row.expected);
    });
  }
});

test('of several who asked, one is enough to rule somebody out', () => {
  assert.equal(entitled(ada, 'approve', demand(step()), [job({ requester: 'bob' }), job({ requester: 'ada' })], settings())?.code, 'forbidden');
});

test('what people are compared with comes from the principal', () => {
  assert.deepEqual(askerOf({ provider: 'github', requester: 'ada', author: 'bob', owner: { group: 'okta/team', contact: 'x' } }), { provider: 'github', requester: 'ada', author: 'bob', ownerGroup: 'okta/team' });
  assert.deepEqual(askerOf({ provider: 'github', owner: {} }), { provider: 'github' });
});

const met = (needs: ApprovalDemand, answers: readonly (readonly [Person, Verdict])[], askers = [job()], more: Partial<ApprovalSettings> = {}): boolean =>
  count(needs, answers.map(([one, verdict]) => ({ person: one, verdict })), askers, settings(more)).met;

test('people are counted once, by issuer and subject', () => {
  const two = demand(step(['okta/dba'], 2));
  const sameName = person('ada', { subject: 'other' });
  const sameSubject = person('ada', { issuer: 'https://other.example' });
  const renamed = person('ada', { name: 'Countess' });
  assert.equal(met(two, [[ada, 'approve']]), false);
  assert.equal(met(two, [[ada, 'approve'], [ada, 'approve']]), false);
  assert.equal(met(two, [[ada, 'approve'], [renamed, 'approve']]), false);
  assert.equal(met(two, [[ada, 'approve'], [sameName, 'approve']]), true);
  assert.equal(met(two, [[ada, 'approve'], [sameSubject, 'approve']]), true);
  assert.equal(met(two, [[ada, 'approve'], [person('bob'), 'deny']]), false);
});

test('every step must be met; one person may count for several', () => {
  const needs = demand(step(['okta/dba']), step(['okta/security'], 2));
  const security = (name: string): Person => person(name, { groups: ['okta/security'] });
  assert.equal(met(needs, [[ada, 'approve'], [security('bob'), 'approve']]), false);
  assert.equal(met(needs, [[ada, 'approve'], [security('bob'), 'approve'], [security('eve'), 'approve']]), true);
  assert.equal(met(needs, [[person('ada', { groups: ['okta/dba', 'okta/security'] }), 'approve'], [security('bob'), 'approve']]), true);
  const { steps } = count(needs, [{ person: ada, verdict: 'approve' }], [job()], settings());
  assert.deepEqual(steps.map(({ lacks }) => lacks), [0, 2]);
});

test('force is enough for all steps, as long as its group may', () => {
  const needs = demand(step(['okta/dba'], 3), step(['okta/security']));
  assert.equal(met(needs, [[glass, 'force']]), true);
  assert.equal(met(needs, [[glass, 'force']], [job()], { breakGlass: ['okta/else'] }), false);
  assert.equal(met(needs, [[glass, 'force']], [job({ requester: 'ada' })], { forbid: [] }), false);
});

test('what is in force at the time of counting decides: roles, forbidden, groups of the rule', () => {
  const one: [Person, Verdict][] = [[ada, 'approve']];
  assert.equal(met(demand(step()), one), true);
  assert.equal(met(demand(step(['okta/security'])), one), false);
  assert.equal(met(demand(step()), one, [job()], { approvers: ['okta/oncall'] }), false);
  assert.equal(met(demand(step()), one, [job({ author: 'ada' })]), false);
  assert.equal(met(demand(step()), one, [job({ author: 'ada' })], { forbid: ['requester'] }), true);
});

test('a demand that names nobody is met by nobody', () => {
  assert.equal(met(demand(), [[ada, 'approve']]), false);
  assert.equal(met(demand(step([])), [[ada, 'approve']]), false);
  for (const bad of [0, -1, Number.NaN]) assert.equal(met(demand(step(['okta/dba'], bad)), [[ada, 'approve']]), false, String(bad));
});

test('it is met exactly when each step has its people, and none of them is behind the job', () => {
  const names = fc.constantFrom('ada', 'bob', 'eve', 'joe');
  const groups = fc.uniqueArray(fc.constantFrom('okta/dba', 'okta/security', 'okta/team', 'okta/oncall'), { minLength: 1 });
  const answers = fc.array(fc.record({ name: names, groups, verdict: fc.constantFrom<Verdict>('approve', 'deny') }), { maxLength: 6 });
  const steps = fc.array(fc.record({ groups, count: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 3 });
  const asker = fc.record({ requester: names, author: names, ownerGroup: fc.constant('okta/team') }, { requiredKeys: [] });
  const forbid = fc.uniqueArray(fc.constantFrom<Forbidden>('requester', 'owner', 'author'));
  fc.assert(fc.property(answers, steps, asker, forbid, fc.option(groups, { nil: undefined }), (given, needed, behind, forbidden, approvers) => {
    const people = given.map((one) => ({ person: person(one.name, { groups: one.groups }), verdict: one.verdict }));
    const may = given.filter((one) => one.verdict === 'approve'
      && !(forbidden.includes('requester') && one.name === behind.requester)
      && !(forbidden.includes('author') && one.name === behind.author)
      && !(forbidden.includes('owner') && behind.ownerGroup !== undefined && one.groups.includes('okta/team'))
      && (approvers === undefined || one.groups.some((group) => approvers.includes(group))));
    const expected = needed.every((one) => new Set(may.filter((who) => who.groups.some((group) => one.groups.includes(group))).map(({ name }) => name)).size >= one.count);
    const counted = count(demand(...needed.map((one) => step(one.groups, one.count))), people, [job(behind)], settings({ forbid: forbidden, approvers }));
    assert.equal(counted.met, expected);
  }), { numRuns: 3_000 });
});
