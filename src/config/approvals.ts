import type { Checking } from './checks.ts';
import { forms } from './forms.ts';
import { checkPeopleGroups, loginHint, loginOf } from './people-groups.ts';
import { at } from './problems.ts';
import { quoted } from './references.ts';
import { forbiddenNames, peopleDefaults, type ApprovalSource } from './resolve-people.ts';
import type { ConfigurationSource } from './schema.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

type Policy = ConfigurationSource['policies'][number];
type Rule = NonNullable<Policy['rules']>[number];
type Identity = ConfigurationSource['identities'][number];

/** Most data that one command may bring for people to approve: all of it is kept until they have answered. */
const mostData = 256 * 1024 ** 2;
const longest = { hold: 86_400_000, expires: 30 * 86_400_000, holdInTransaction: 60_000 } as const;
/** Verbs whose rows are counted. Others count as more than any threshold. */
const counted: ReadonlySet<string> = new Set(['delete', 'update', 'insert', '*']);

/** What is held can be answered, by people who can be told from those who may not. */
export function checkApprovals(checking: Checking): void {
  const { source, places, problems } = checking;
  checkPeopleGroups(source.approvals?.breakGlass?.groups, checking);
  for (const policy of source.policies) {
    for (const rule of policy.rules ?? []) {
      checkThreshold(rule, checking);
      if (rule.effect === 'require_approval') checkHeld(rule, checking);
      else if (places.has(rule, 'approval')) problems.add(places.of(rule, 'approval'), `says how to approve, and the effect is ${rule.effect}`, 'remove it, or write effect: require_approval');
    }
  }
  checkForbidden(checking);
}

function checkThreshold({ match, effect }: Rule, { places, problems, warnings }: Checking): void {
  if (match?.rows === undefined) return;
  const spot = places.of(match, 'rows');
  if (effect === 'allow') problems.add(spot, 'does not go with allow: rows that cannot be counted would be allowed', 'allow the class, and write a rule with deny or require_approval for more rows');
  if (!Number.isSafeInteger(Number(match.rows.slice(1)))) problems.add(spot, 'is too large');
  const uncounted = match.verbs?.filter((verb) => !counted.has(verb)) ?? [];
  if (uncounted.length > 0 && uncounted.length === match.verbs?.length) warnings.add(spot, `rows are not counted for ${uncounted.join(', ')}, so each of them counts as more`, 'remove it');
}

function checkHeld(rule: Rule, checking: Checking): void {
  const { source, places, declared, problems, warnings } = checking;
  const { approval } = rule;
  if (!places.has(rule, 'approval')) problems.add(places.of(rule, 'effect'), 'nothing says who approves', 'add approval: { groups: [LOGIN/GROUP] }');
  if (declared.logins.size === 0) problems.add(places.of(rule, 'effect'), 'nobody could approve: there is no control.login, with which people sign in', 'add one');
  if (approval === undefined) return;
  checkWaits(approval, checking);
  checkCover(approval, checking);
  if (declared.logins.size === 0) return;
  checkPeopleGroups(approval.groups, checking);
  const logins = new Set(approval.groups.map(loginOf));
  // A person has one login, so the role and the group must be of the same.
  const role = source.control?.roles?.approver?.groups;
  if (role !== undefined && !role.some((group) => logins.has(loginOf(group)))) {
    problems.add(places.of(approval, 'groups'), `nobody could approve: people of ${[...logins].join(', ')} cannot have the role approver, which is given to groups of ${[...new Set(role.map(loginOf))].join(', ')}`, 'add a group to control.roles.approver');
  }
  if ((approval.count ?? 1) > 1 && logins.size > 1) {
    warnings.add(places.of(approval, 'groups'), `are of ${logins.size} logins, and somebody with an account at each would count as ${logins.size} people`, 'name groups of one login');
  }
}

function checkWaits(approval: ApprovalSource, { places, problems }: Checking): void {
  const value = (key: keyof typeof longest): number => parseDuration(approval[key] ?? peopleDefaults[key]) ?? 0;
  for (const key of ['hold', 'expires', 'holdInTransaction'] as const) {
    const why = key === 'holdInTransaction' ? 'its locks would keep everybody else waiting' : undefined;
    if (value(key) > longest[key]) problems.add(places.of(approval, key), `is longer than ${formatDuration(longest[key])}`, why);
  }
  if (value('expires') === 0) problems.add(places.of(approval, 'expires'), 'is zero, so no approval could ever be used');
  if (value('holdInTransaction') > value('hold')) problems.add(places.of(approval, 'holdInTransaction'), `is longer than hold, ${formatDuration(value('hold'))}`);
}

function checkCover(approval: ApprovalSource, { places, problems }: Checking): void {
  if (approval.coverUpTo === undefined) return;
  const spot = places.of(approval, 'coverUpTo');
  if (approval.cover !== 'data') {
    problems.add(spot, 'says how much data is covered, and none is', 'remove it, or write cover: data');
    return;
  }
  const size = parseSize(approval.coverUpTo) ?? 0;
  if (size === 0) problems.add(spot, 'is zero, so no data could ever be covered');
  if (size > mostData) problems.add(spot, `is more than ${formatSize(mostData)}`);
}

/** Whom `forbid` keeps from approving can be told from others, for each identity that a rule holds. */
function checkForbidden(checking: Checking): void {
  const { source, places, declared, problems, warnings } = checking;
  const forbid = source.approvals?.forbid ?? forbiddenNames;
  const breakGlass = source.approvals?.breakGlass?.groups ?? [];
  for (const policy of source.policies) {
    for (const { effect, approval } of policy.rules ?? []) {
      if (effect !== 'require_approval' || approval === undefined || declared.logins.size === 0) continue;
      const answering = new Set([...approval.groups, ...breakGlass].map(loginOf));
      for (const identity of source.identities) {
        if (!reaches(policy, identity)) continue;
        for (const kind of ['requester', 'author'] as const) if (forbid.includes(kind) && identity[kind] !== undefined) checkAccounts(identity, kind, answering);
        if (forbid.includes('owner')) checkOwner(identity, approval);
      }
    }
  }

  function checkAccounts(identity: Identity, kind: 'requester' | 'author', answering: ReadonlySet<string>): void {
    for (const login of source.control?.login ?? []) {
      if (!answering.has(login.name) || (login.accounts !== undefined && places.has(login.accounts, identity.provider))) continue;
      problems.add(
        places.of(login, 'accounts'),
        `the ${kind} of ${quoted(identity.name)} at ${at(places.of(identity, 'name').place)} may not approve, and no claim says who of this login that is`,
        `add accounts: { ${identity.provider}: claims.NAME }, or leave ${kind} out of approvals.forbid`,
      );
    }
  }

  function checkOwner(identity: Identity, approval: ApprovalSource): void {
    const { owner } = identity;
    const keep = 'or leave owner out of approvals.forbid';
    if (owner.group === undefined) return warnings.add(places.of(identity, 'owner'), 'names no group, so nobody is kept from approving as its owner', 'add group: LOGIN/GROUP');
    const spot = places.of(owner, 'group');
    if (!new RegExp(forms.peopleGroup.pattern, 'u').test(owner.group)) return problems.add(spot, 'is not written LOGIN/GROUP, so nobody could be kept from approving as owner', `such as okta/payments, ${keep}`);
    const login = loginOf(owner.group);
    if (!declared.logins.has(login)) return problems.add(spot, `there is no login ${quoted(login)}, so nobody could be kept from approving as owner`, `${loginHint(login, declared.logins) ?? 'name one of control.login'} ${keep}`);
    if (approval.groups.every((group) => group === owner.group)) {
      problems.add(places.of(approval, 'groups'), `nobody could approve for ${quoted(identity.name)} at ${at(places.of(identity, 'name').place)}: its owners may not, and nobody else is named`, `name another group, ${keep}`);
    }
    return undefined;
  }
}

const reaches = (policy: Policy, identity: Identity): boolean => policy.identities?.includes(identity.name) === true || policy.groups?.some((group) => identity.groups?.includes(group)) === true;
