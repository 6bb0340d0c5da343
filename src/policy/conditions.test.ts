import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionMembers } from '../config/conditions.ts';
import { compileCondition } from './conditions.ts';
import { Instant } from './instant.ts';
import { command, principal, table } from './testdata/build.ts';
import { celMap, ConnectionVariable, IdentityVariable, SessionVariable, statementVariable, type Variables } from './variables.ts';

const claims = { ref: 'refs/heads/main', n: 8812, on: true, list: ['a', 'b'], deep: { er: 'x' }, constructor: 'trap', ['__proto__']: 'trap' };

const variables = (time = '2025-06-02T04:30:05.678Z', given: Readonly<Record<string, unknown>> = claims): Variables => ({
  identity: new IdentityVariable(principal({ requester: 'ann' }), ['jobs']),
  claims: celMap(given),
  connection: new ConnectionVariable({ name: 'main', protocol: 'postgres' }),
  session: new SessionVariable(61_500),
  statement: statementVariable(
    command([{ class: 'write', verb: 'delete', object: table('t', 's') }, { class: 'read', verb: 'select', object: table('t', 's'), function: 'f()' }], { joins: 2, nested: { a: 'b' }, verb: 'forged' }),
  ),
  now: new Instant(Date.parse(time)),
});

const evaluate = (source: string, given = variables()): string => {
  const condition = compileCondition(source);
  if (typeof condition === 'string') throw new Error(condition);
  const { level, error } = condition.evaluate(given);
  return error === undefined ? (['false', '?', 'true'] as const)[level] : 'error';
};

const said: Readonly<Record<string, string>> = {
  'now.getHours("UTC") < 6': 'true',
  'now.getHours() == 4': 'true',
  'now.getHours("Europe/Berlin") == 6': 'true',
  'now.getHours("Asia/Kolkata") == 10 && now.getMinutes("Asia/Kolkata") == 0': 'true',
  'now.getHours("+05:30") == 10': 'true',
  'now.getFullYear() == 2025 && now.getMonth() == 5 && now.getDate() == 2 && now.getDayOfMonth() == 1': 'true',
  'now.getDayOfWeek() == 1 && now.getDayOfYear() == 152': 'true',
  'now.getSeconds() == 5 && now.getMilliseconds("America/New_York") == 678': 'true',
  'now > timestamp("2025-06-02T04:30:05Z") && timestamp("2025-06-03T00:00:00Z") > now': 'true',
  'now - timestamp("2025-06-02T04:00:00Z") < duration("31m")': 'true',
  'now - duration("1h") < timestamp("2025-06-02T04:00:00Z")': 'true',
  'identity.name == "job" && identity.provider == "ci" && identity.subject == "repo:one" && "jobs" in identity.groups': 'true',
  'identity.owner.contact.endsWith("@example.com") && identity.requester == "ann"': 'true',
  'identity.owner.group == "x"': 'error',
  'has(identity.owner.group)': 'false',
  'connection.name == "main" && connection.protocol == "postgres"': 'true',
  'session.ageSeconds == 61': 'true',
  'claims.ref == "refs/heads/main"': 'true',
  'claims.n == 8812': 'true',
  'claims.n > 8811': 'true',
  'claims.on': 'true',
  'claims.ref': 'error',
  'claims.missing == "x"': 'error',
  'has(claims.missing) && claims.missing == "x"': 'false',
  'claims.missing == "x" || true': 'true',
  'claims.deep.er == "x"': 'true',
  'claims.ref == 5': 'false',
  'claims.ref > 5': 'error',
  '"a" in claims.list': 'true',
  'claims.list.exists(x, x == "b")': 'true',
  'claims.constructor == "trap"': 'true',
  'has(claims.toString)': 'false',
  'statement.verb == "delete"': 'true',
  '"select" in statement.verbs && statement.verbs.size() == 2': 'true',
  'statement.objects == ["s.t"] && statement.functions == ["f()"]': 'true',
  '"write" in statement.classes': 'true',
  'statement.joins > 1 && statement.nested.a == "b"': 'true',
  'statement.nothing': 'error',
  'size(claims) == 7': 'true',
  '1 / 0 == 1': 'error',
};

for (const [source, expected] of Object.entries(said)) test(`when ${source}`, () => assert.equal(evaluate(source), expected));

test('has the members that the check of a configuration knows', () => {
  for (const [variable, members] of conditionMembers) {
    for (const member of members) assert.equal(typeof compileCondition(`has(${variable}.${member})`), 'object', `${variable}.${member}`);
  }
});

const wrong: Readonly<Record<string, RegExp>> = {
  'claims.ref ==': /./,
  'claim.ref == "x"': /Unknown variable/,
  'identity.nam == "x"': /No such key: nam/,
  'identity.name == 5': /no such overload/,
  'identity.name': /must be true or false/,
  'now.getHours("Mars/Base") < 6': /no time zone "Mars\/Base"/,
  'now.getHours(claims.zone) < 6': /written in place/,
  'timestamp("2025-01-01T00:00:00Z").getHours("Nowhere") == 1': /no time zone/,
  'claims.ref.matches("(a+)+$")': /matches\(\) is not available/,
  'claims.list.exists(x, claims.list.exists(y, x == y))': /inside another walk/,
  'cel.bind(a, claims.ref, a == "x")': /not available/,
  'has(claims.matches) && b"{}".json() == {}': /not available/,
  [`claims.n in [${'1,'.repeat(250)}1]`]: /./,
  [`${'('.repeat(100)}true${')'.repeat(100)}`]: /./,
  [Array.from({ length: 400 }, () => 'true').join(' && ')]: /./,
  ['true '.padEnd(5000)]: /longer than/,
};

for (const [source, expected] of Object.entries(wrong)) {
  test(`not a condition: ${source.slice(0, 60)}`, () => {
    const condition = compileCondition(source);
    assert.equal(typeof condition, 'string');
    assert.match(condition as string, expected);
    assert.ok(!(condition as string).includes('\n'));
  });
}

test('a condition says which live variables it reads', () => {
  const reads = (source: string) => {
    const condition = compileCondition(source);
    if (typeof condition === 'string') throw new Error(condition);
    return [...condition.reads].sort();
  };
  assert.deepEqual(reads('claims.ref == "x" && identity.name == "y" && connection.name == "z"'), []);
  assert.deepEqual(reads('has(statement.x) || (claims.list.all(x, now.getHours() < 1) && session.ageSeconds > 5)'), ['now', 'session', 'statement']);
});

test('claims that are too large or too deep make conditions on them errors', () => {
  let deep: Record<string, unknown> = { ref: 'x' };
  for (let at = 0; at < 50; at++) deep = { deep };
  assert.equal(evaluate('claims.ref == "x"', variables(undefined, { ...deep, ref: 'x' })), 'error');
  assert.equal(evaluate('claims.ref == "x"', variables(undefined, { ref: 'x', many: Array.from({ length: 3000 }, () => 1) })), 'error');
});

test('a statement with too many objects is an error for conditions that read it', () => {
  const many = command(Array.from({ length: 600 }, (_, at) => ({ class: 'read' as const, verb: 'select', object: table(`t${at}`) })));
  assert.equal(evaluate('statement.verb == "select"', { ...variables(), statement: statementVariable(many) }), 'error');
});

test('offsets of zones agree with Intl, at each quarter of a day when clocks change', () => {
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia']) {
    const hours = new Intl.DateTimeFormat('en-US', { timeZone: zone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
    const condition = (time: number) => {
      const [hour, minute] = hours.format(time).split(':').map(Number);
      return evaluate(`now.getHours("${zone}") == ${hour} && now.getMinutes("${zone}") == ${minute}`, variables(new Date(time).toISOString()));
    };
    for (const day of ['2025-03-09', '2025-03-30', '2025-04-05', '2025-10-26', '2025-11-02']) {
      for (let quarter = 0; quarter < 96; quarter += 3) assert.equal(condition(Date.parse(`${day}T00:00:00Z`) + quarter * 900_000), 'true', `${zone} ${day} ${quarter}`);
    }
  }
});
