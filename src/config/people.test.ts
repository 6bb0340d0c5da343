import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { tempFolder } from '../../test/kit/temp.ts';
import { loadSources } from './load.ts';
import { describe as describeConfig, print } from './print.ts';
import { formatProblem } from './problems.ts';
import { peopleEnvironment, sound, soundWithPeople } from './testdata/sound.ts';

/** The configuration with texts replaced by others, in pairs. */
function S(...pairs: readonly string[]): string {
  let text = soundWithPeople;
  for (let index = 0; index < pairs.length; index += 2) {
    assert(text.includes(pairs[index] ?? ''), `the configuration has no ${pairs[index]}`);
    text = text.replace(pairs[index] ?? '', pairs[index + 1] ?? '');
  }
  return text;
}
const L = (line: string): string => S('clientId: wicketgate', `clientId: wicketgate\n      ${line}`);
const A = (approval: string): string => S('approval: { groups: [okta/dba] }', `approval: ${approval}`);
const second = '    - { name: google, issuer: https://accounts.google.com, clientId: wg, accounts: { ci: claims.x } }\n  roles:';

const read = async (text: string, base = '/nowhere') => {
  const loaded = await loadSources([{ file: `${base}/w.yaml`, text }], base, { ...peopleEnvironment, DB: 'x' });
  const shown = (list: readonly Parameters<typeof formatProblem>[0][]): string[] => list.map((problem) => formatProblem(problem).replaceAll(`${base}/`, ''));
  return { loaded, problems: loaded.ok ? [] : shown(loaded.problems), warnings: shown(loaded.warnings) };
};

const bad: readonly (readonly [string, string, readonly string[]])[] = [
  // Who signs in.
  ['unknown key of a login', L('groupClaim: x'), ['w.yaml:8:7: control.login[okta].groupClaim: unknown key (did you mean groupsClaim?)']],
  ['literal secret', S('env:OKTA', 'hunter2'), ['w.yaml:8:7: control.login[okta].clientSecret: a literal credential is not accepted (write env:NAME or file:PATH and keep the value there)']],
  ['secret that is not there', S('env:OKTA', 'env:NOT_SET'), ['w.yaml:8:7: control.login[okta].clientSecret: the variable NOT_SET is not set (set it where the gateway is started)']],
  ['http issuer', S('https://okta.example', 'http://okta.example'), ['w.yaml:6:7: control.login[okta].issuer: http is accepted for loopback addresses only (write https://)']],
  ['loopback issuer without leave', S('https://okta.example', 'http://127.0.0.1:9'), ['w.yaml:6:7: control.login[okta].issuer: is a private or loopback address, from which no keys are fetched (write allowPrivate: true if the issuer is really there)']],
  ['metadata issuer', S('https://okta.example', 'https://[::ffff:169.254.169.254]'), ['w.yaml:6:7: control.login[okta].issuer: is a link-local or metadata address, or one of nobody, from which nothing is fetched']],
  ['issuer with a query', S('https://okta.example', 'https://okta.example/?x'), ['w.yaml:6:7: control.login[okta].issuer: has a query or a fragment, which an issuer never has']],
  ['all tenants', S('https://okta.example', 'https://login.microsoftonline.com/organizations/v2.0'), ['w.yaml:6:7: control.login[okta].issuer: is the address of all tenants, which no token has as its issuer (write the id of your tenant in its place)']],
  ['two key sources', L('jwks: https://okta.example/k\n      jwksFile: /dev/null'), [
    'w.yaml:9:7: control.login[okta].jwksFile: jwks and jwksFile are both given (keep one of them)',
    'w.yaml:9:7: control.login[okta].jwksFile: the key set /dev/null is not a file',
  ]],
  ['name twice', S('  roles:', '    - { name: okta, issuer: https://other.example, clientId: x, accounts: { ci: claims.x } }\n  roles:'), ['w.yaml:10:9: control.login[okta].name: the name is already taken at w.yaml:5 (names are unique)']],
  ['issuer twice', S('  roles:', '    - { name: more, issuer: https://OKTA.example/, clientId: x, accounts: { ci: claims.x } }\n  roles:'), ['w.yaml:10:21: control.login[more].issuer: has the same issuer as "okta" at w.yaml:5, so one person could count as two (use one login)']],
  ['client of machines', S('issuer: https://okta.example', 'issuer: https://ci.example'), ['w.yaml:7:7: control.login[okta].clientId: is the audience of "ci" at w.yaml:15, so a token of a person could open a session of a machine, and the other way round (register a client of its own for people)']],
  ['scopes', L('scopes: [profile, "a b"]'), ['w.yaml:8:7: control.login[okta].scopes: openid is missing, without which there is no ID token (add openid)', 'w.yaml:8:25: control.login[okta].scopes[1]: is not one scope (one item for each, without spaces)']],
  ['groups claim', L('groupsClaim: claims.groups'), ['w.yaml:8:7: control.login[okta].groupsClaim: expected the name of a claim (write "groups")']],
  ['groups claim with an empty part', L('groupsClaim: a..b'), ['w.yaml:8:7: control.login[okta].groupsClaim: has an empty part (write a\\.b for a claim whose name has a dot)']],
  ['account of a provider that is not there', S('{ ci: claims.ci_account }', '{ ci: claims.ci_account, cii: claims.x }'), ['w.yaml:9:42: control.login[okta].accounts.cii: there is no identity provider "cii" (did you mean ci?)']],
  ['account that is no claim', S('claims.ci_account', 'ci_account'), ['w.yaml:9:19: control.login[okta].accounts.ci: expected claims.NAME (such as claims.actor)']],
  ['sessions without end', L('sessionAge: 30d'), ['w.yaml:8:7: control.login[okta].sessionAge: is longer than 7d (who leaves a group keeps its roles until the next sign-in)']],
  ['idle', L('sessionAge: 30m\n      idle: 2h'), ['w.yaml:9:7: control.login[okta].idle: is longer than sessionAge, 30m (make it shorter, or remove it)']],
  ['no time', L('maxTokenAge: 0s\n      idle: 0s'), ['w.yaml:8:7: control.login[okta].maxTokenAge: is zero, so nobody could sign in', 'w.yaml:9:7: control.login[okta].idle: is zero, so nobody could sign in']],
  ['nowhere to sign in', S('url: https', 'listen: off\n  url: https'), ['w.yaml:3:3: control.listen: is off, so nobody of control.login could sign in (give it an address)']],
  ['sign-in without TLS', S('https://wicketgate.example', 'http://wicketgate.example'), ['w.yaml:3:3: control.url: people sign in here without TLS: sessions could be read and taken over on the way (write https://, with a server with TLS in front)']],
  ['sign-in by the loopback of a name', S('https://wicketgate.example', 'http://localhost.evil.example'), ['w.yaml:3:3: control.url: people sign in here without TLS: sessions could be read and taken over on the way (write https://, with a server with TLS in front)']],
  ['sign-in from other machines', S('  url: https://wicketgate.example', '  listen: 0.0.0.0:7080'), ['w.yaml:3:3: control.listen: people sign in here from other machines, and nothing says that TLS is in front: sessions could be read and taken over on the way (put a server with TLS in front, and write control.url: https://...)']],
  ['too many logins', S('  roles:', `${Array.from({ length: 16 }, (_, i) => `    - { name: p${i}, issuer: https://p${i}.example, clientId: x }\n`).join('')}  roles:`), ['w.yaml:4:3: control.login: 17 are too many: at most 16']],
  ['ca of a login', L('ca: ./no.pem'), ['w.yaml:8:7: control.login[okta].ca: the certificate file no.pem cannot be read: it does not exist']],

  // Groups.
  ['role of a login that is not there', S('okta/oncall', 'otka/oncall'), ['w.yaml:10:43: control.roles.approver.groups[1]: there is no login "otka" (did you mean okta?)']],
  ['group without login', S('okta/oncall', 'oncall'), ['w.yaml:10:43: control.roles.approver.groups[1]: expected a group of people, LOGIN/GROUP (the name of one of control.login, a slash, and the group as its tokens name it, such as okta/dba)']],
  ['role that is not there', S('roles: { approver', 'roles: { aprover'), ['w.yaml:10:12: control.roles.aprover: unknown key (did you mean approver?)']],
  ['break-glass of a login that is not there', S('okta/incidents', 'github/incidents'), ['w.yaml:29:26: approvals.breakGlass.groups[0]: there is no login "github" (known: okta)']],
  ['break-glass without any login', `${sound}approvals: { breakGlass: { groups: [okta/x] } }\n`, ['w.yaml:22:37: approvals.breakGlass.groups[0]: there is no login "okta" (add it to control.login, with which people sign in)']],
  ['whom to forbid', S('  breakGlass', '  forbid: [requestor]\n  breakGlass'), ['w.yaml:29:12: approvals.forbid[0]: expected one of requester, owner, author; found text (did you mean requester?)']],

  // Rules that hold.
  ['approver of a login that is not there', A('{ groups: [okat/dba, okta/dba] }'), ['w.yaml:26:113: policies[jobs].rules[big].approval.groups[0]: there is no login "okat" (did you mean okta?)']],
  ['no groups', A('{ groups: [] }'), ['w.yaml:26:104: policies[jobs].rules[big].approval.groups: is an empty list (give at least one)']],
  ['groups missing', A('{ count: 2 }'), ['w.yaml:26:92: policies[jobs].rules[big].approval: groups is missing (Who may approve. Each as LOGIN/GROUP, such as okta/dba.)']],
  ['nothing about who approves', S(', approval: { groups: [okta/dba] }', ''), ['w.yaml:26:66: policies[jobs].rules[big].effect: nothing says who approves (add approval: { groups: [LOGIN/GROUP] })']],
  ['nobody, of no login', S(soundWithPeople.slice(soundWithPeople.indexOf('control:'), soundWithPeople.indexOf('identityProviders:')), '', 'approvals:\n  breakGlass: { groups: [okta/incidents] }\n', ''), [
    'w.yaml:14:66: policies[jobs].rules[big].effect: nobody could approve: there is no control.login, with which people sign in (add one)',
  ]],
  ['count', A('{ groups: [okta/dba], count: 0 }'), ['w.yaml:26:124: policies[jobs].rules[big].approval.count: is out of range: 1 to 10']],
  ['waits', A('{ groups: [okta/dba], hold: 25h, expires: 31d, holdInTransaction: 61s }'), [
    'w.yaml:26:124: policies[jobs].rules[big].approval.hold: is longer than 1d',
    'w.yaml:26:135: policies[jobs].rules[big].approval.expires: is longer than 30d',
    'w.yaml:26:149: policies[jobs].rules[big].approval.holdInTransaction: is longer than 1m (its locks would keep everybody else waiting)',
  ]],
  ['waits that do not fit', A('{ groups: [okta/dba], hold: 1s, expires: 0s, holdInTransaction: 2s }'), [
    'w.yaml:26:134: policies[jobs].rules[big].approval.expires: is zero, so no approval could ever be used',
    'w.yaml:26:147: policies[jobs].rules[big].approval.holdInTransaction: is longer than hold, 1s',
  ]],
  ['what is covered', A('{ groups: [okta/dba], cover: rows }'), ['w.yaml:26:124: policies[jobs].rules[big].approval.cover: expected one of command, data; found text']],
  ['how much is covered, of nothing', A('{ groups: [okta/dba], coverUpTo: 1MiB }'), ['w.yaml:26:124: policies[jobs].rules[big].approval.coverUpTo: says how much data is covered, and none is (remove it, or write cover: data)']],
  ['too much data', A('{ groups: [okta/dba], cover: data, coverUpTo: 1GiB }'), ['w.yaml:26:137: policies[jobs].rules[big].approval.coverUpTo: is more than 256MiB']],
  ['no data at all', A('{ groups: [okta/dba], cover: data, coverUpTo: 0B }'), ['w.yaml:26:137: policies[jobs].rules[big].approval.coverUpTo: is zero, so no data could ever be covered']],
  ['approver role of another login', S('  roles: { approver: { groups: [okta/dba, okta/oncall] } }', `${second} { approver: { groups: [google/all] } }`), [
    'w.yaml:27:104: policies[jobs].rules[big].approval.groups: nobody could approve: people of okta cannot have the role approver, which is given to groups of google (add a group to control.roles.approver)',
  ]],
  ['threshold of a grant', S('effect: require_approval, approval: { groups: [okta/dba] }', 'effect: allow'), [
    'w.yaml:26:48: policies[jobs].rules[big].match.rows: does not go with allow: rows that cannot be counted would be allowed (allow the class, and write a rule with deny or require_approval for more rows)',
  ]],
  ['threshold beyond numbers', S('> 9000', '> 99999999999999999999'), ['w.yaml:27:49: policies[jobs].rules[huge].match.rows: is too large']],
  ['threshold that is none', S('> 1000', '>= 1000'), ['w.yaml:26:48: policies[jobs].rules[big].match.rows: expected a threshold such as "> 1000"']],
  ['rule under a deny', S('verbs: [delete], rows: "> 9000"', 'verbs: [delete]'), [
    'w.yaml:26:9: policies[jobs].rules[big]: can never take effect: the deny "huge" at w.yaml:27 matches everything that it matches, and deny always wins (narrow the deny, or remove this rule)',
  ]],
  ['rule twice', S('name: huge', 'name: big'), ['w.yaml:27:11: policies[jobs].rules[big].name: the name is already taken at w.yaml:26 (names are unique)']],

  // Who may not approve has to be known.
  ['requester and author that cannot be compared', S('      accounts: { ci: claims.ci_account }\n', ''), [
    'w.yaml:5:7: control.login[okta]: the requester of "job" at w.yaml:16 may not approve, and no claim says who of this login that is (add accounts: { ci: claims.NAME }, or leave requester out of approvals.forbid)',
    'w.yaml:5:7: control.login[okta]: the author of "job" at w.yaml:16 may not approve, and no claim says who of this login that is (add accounts: { ci: claims.NAME }, or leave author out of approvals.forbid)',
  ]],
  ['accounts elsewhere only', S('{ ci: claims.ci_account }', '{ gh: claims.x }', 'identities:', '  - { name: gh, issuer: https://gh.example, audience: wicketgate }\nidentities:', 'author: claims.author, ', ''), [
    'w.yaml:9:7: control.login[okta].accounts: the requester of "job" at w.yaml:18 may not approve, and no claim says who of this login that is (add accounts: { ci: claims.NAME }, or leave requester out of approvals.forbid)',
  ]],
  ['break-glass people that cannot be compared', S('  roles:', '    - { name: google, issuer: https://accounts.google.com, clientId: wg }\n  roles:', 'okta/incidents', 'google/incidents', 'author: claims.author, ', ''), [
    'w.yaml:10:7: control.login[google]: the requester of "job" at w.yaml:18 may not approve, and no claim says who of this login that is (add accounts: { ci: claims.NAME }, or leave requester out of approvals.forbid)',
  ]],
  ['owner of a login that is not there', S('okta/payments', 'otka/payments'), ['w.yaml:17:27: identities[job].owner.group: there is no login "otka", so nobody could be kept from approving as owner (did you mean okta? or leave owner out of approvals.forbid)']],
  ['owner that is no group of people', S('okta/payments', 'payments'), ['w.yaml:17:27: identities[job].owner.group: is not written LOGIN/GROUP, so nobody could be kept from approving as owner (such as okta/payments, or leave owner out of approvals.forbid)']],
  ['owners only', S('okta/payments', 'okta/dba'), ['w.yaml:26:104: policies[jobs].rules[big].approval.groups: nobody could approve for "job" at w.yaml:17: its owners may not, and nobody else is named (name another group, or leave owner out of approvals.forbid)']],
  ['author that is no claim', S('author: claims.author', 'author: commit.author'), ['w.yaml:17:114: identities[job].author: expected claims.NAME (such as claims.actor)']],
  ['requester with an empty part', S('requester: claims.actor', 'requester: claims.actor..login'), ['w.yaml:17:89: identities[job].requester: has an empty part (write a\\.b for a claim whose name has a dot)']],

  // Channels.
  ['literal token', S('env:SLACK', 'xoxb-hunter2'), ['w.yaml:12:36: control.channels[oncall].token: a literal credential is not accepted (write env:NAME or file:PATH and keep the value there)']],
  ['what slack needs', S('signingSecret: env:SIGNING, channel: C0123, ', ''), ['w.yaml:12:7: control.channels[oncall]: signingSecret is missing, which slack needs', 'w.yaml:12:7: control.channels[oncall]: channel is missing, which slack needs']],
  ['what a webhook has not', S('secret: env:HOOK', 'secret: env:HOOK, token: env:HOOK'), ['w.yaml:13:85: control.channels[teams].token: is not a key of webhook (remove it)']],
  ['name of a slack channel', S('C0123', '"#oncall"'), ['w.yaml:12:82: control.channels[oncall].channel: expected the id of a Slack channel (not its name: Slack shows the id, such as C0123ABCD, in the details of the channel)']],
  ['slack of a login that is not there', S('login: okta, userClaim: slack_id', 'login: okto, userClaim: claims.slack_id'), [
    'w.yaml:12:108: control.channels[oncall].people.login: there is no login "okto" (did you mean okta?)',
    'w.yaml:12:121: control.channels[oncall].people.userClaim: expected the name of a claim (write "slack_id")',
  ]],
  ['webhook in clear', S('https://hooks.example/x', 'http://hooks.example/x'), ['w.yaml:13:37: control.channels[teams].url: http is accepted for loopback addresses only (write https://)']],
  ['webhook at the metadata', S('https://hooks.example/x', '"http://169.254.169.254/latest"'), ['w.yaml:13:37: control.channels[teams].url: http is accepted for loopback addresses only (write https://)']],
  ['webhook at the metadata, encrypted', S('https://hooks.example/x', 'https://metadata.google.internal/x'), ['w.yaml:13:37: control.channels[teams].url: is a link-local or metadata address, or one of nobody, to which nothing is sent']],
  ['webhook with a user', S('https://hooks.example/x', 'https://u:hunter2@hooks.example/x'), ['w.yaml:13:37: control.channels[teams].url: holds a user or password (remove them)']],
  ['base with a query', S('channel: C0123', 'channel: C0123, api: "https://slack.example/api?x"'), ['w.yaml:12:98: control.channels[oncall].api: has a query or a fragment, which a base address never has']],
  ['type', S('type: webhook', 'type: teams'), ['w.yaml:13:22: control.channels[teams].type: expected one of slack, webhook; found text']],
  ['channel twice', S('name: teams', 'name: oncall'), ['w.yaml:13:9: control.channels[oncall].name: the name is already taken at w.yaml:12 (names are unique)']],
  ['channel that is called like another way', S('name: teams', 'name: terminal'), ['w.yaml:13:9: control.channels[terminal].name: "terminal" is what records call another way to answer (choose another name)']],
];

describe('what is wrong about people is said with file, line, column, key and what was meant', () => {
  for (const [name, text, expected] of bad) {
    test(name, async () => {
      const { loaded, problems } = await read(text);
      assert(!loaded.ok, 'it was accepted');
      assert.deepEqual(problems, expected);
      assert(!JSON.stringify(loaded).includes('hunter2'), 'a literal credential is shown');
    });
  }
});

describe('what is accepted about people, and what is said about it', () => {
  const accepted: readonly (readonly [string, string, readonly string[]])[] = [
    ['nothing doubtful', soundWithPeople, []],
    ['a provider of one\'s own on this machine', S('issuer: https://okta.example', 'issuer: http://127.0.0.1:9\n      allowPrivate: true'), []],
    ['receivers on this machine and in one\'s own network', S('https://hooks.example/x', 'http://127.0.0.1:9/x', 'channel: C0123', 'channel: C0123, api: "https://10.0.0.1/api"'), []],
    ['whoever starts a job may approve', S('      accounts: { ci: claims.ci_account }\n', '', '  breakGlass', '  forbid: [owner]\n  breakGlass'), []],
    ['a login of people who approve nothing needs no accounts', S('  roles: { approver', '    - { name: google, issuer: https://accounts.google.com, clientId: wg }\n  roles: { auditor: { groups: [google/audit] }, approver'), []],
    ['owners who are some of those named', S('groups: [okta/dba] }', 'groups: [okta/dba, okta/payments] }'), []],
    ['groups with slashes and spaces', S('groups: [okta/dba] }', 'groups: ["okta/a/b c: d"] }'), []],
    ['no link', S('  url: https://wicketgate.example\n', ''), [
      'w.yaml:10:3: control.channels: control.url is not given, so what is sent has no link to the page (add control.url, the address that people reach it by)',
    ]],
    ['no rule that holds', S('effect: require_approval, approval: { groups: [okta/dba] }', 'effect: deny'), [
      'w.yaml:11:3: control.channels: no rule has the effect require_approval, so nothing is ever asked here',
    ]],
    ['sign-in by an address of this machine, at a port that others reach', S('  url: https://wicketgate.example', '  listen: 0.0.0.0:7080\n  url: http://127.0.0.1:7080'), [
      'w.yaml:3:3: control.listen: can be reached from other machines, and answers without sign-in: health, readiness and metrics (keep it in a network that may see them)',
      'w.yaml:3:3: control.listen: can be reached from other machines, and people sign in without TLS: let only this machine through to it (put a server with TLS in front, and write control.url: https://...)',
    ]],
    ['sign-in on this machine', S('https://wicketgate.example', 'http://localhost:7080'), []],
    ['a login that nothing names', S('  roles:', second), ['w.yaml:10:9: control.login[google].name: no role and no rule names a group of this login, so its people can do nothing']],
    ['accounts that people choose', S('claims.ci_account', 'claims.preferred_username'), [
      'w.yaml:9:19: control.login[okta].accounts.ci: is a claim that people can often change themselves, and so pass for somebody else (use one that only administrators of the provider set)',
    ]],
    ['owners that cannot be told', S('owner: { group: okta/payments }', 'owner: { contact: c }'), ['w.yaml:17:18: identities[job].owner: names no group, so nobody is kept from approving as its owner (add group: LOGIN/GROUP)']],
    ['two people of two logins', S('  roles: { approver: { groups: [okta/dba, okta/oncall] } }', `${second} {}`, '{ groups: [okta/dba] }', '{ groups: [okta/dba, google/dba], count: 2 }'), [
      'w.yaml:27:104: policies[jobs].rules[big].approval.groups: are of 2 logins, and somebody with an account at each would count as 2 people (name groups of one login)',
    ]],
    ['a threshold of what is not counted', S('verbs: [delete], rows: "> 9000"', 'verbs: [truncate, drop], rows: "> 9000"'), [
      'w.yaml:27:57: policies[jobs].rules[huge].match.rows: rows are not counted for truncate, drop, so each of them counts as more (remove it)',
    ]],
  ];
  for (const [name, text, expected] of accepted) {
    test(name, async () => {
      const { problems, warnings } = await read(text);
      assert.deepEqual([problems, warnings], [[], expected]);
    });
  }
});

test('what check prints says who may approve what, and where they are asked, without credentials', async () => {
  using folder = tempFolder('config-people');
  writeFileSync(folder.file('slack'), 'hunter2', { mode: 0o600 });
  const { loaded } = await read(S('env:SLACK', 'file:./slack', '{ groups: [okta/dba] }', '{ groups: [okta/dba], count: 2, hold: 0s }'), folder.path);
  assert(loaded.ok, JSON.stringify(loaded));
  const printed = print(loaded.config).replaceAll(`${folder.path}/`, '');
  for (const expected of [
    '  okta  (w.yaml:5)\n    issuer      https://okta.example\n    client      wicketgate, secret env:OKTA, scopes openid profile\n    keys        by discovery\n    groups      of claims.groups, written okta/GROUP\n    accounts    at ci by claims.ci_account\n',
    'roles\n  admin       nobody\n  approver    okta/dba, okta/oncall\n',
    'slack       channel C0123 by https://slack.com/api\n    credential  file:slack, requests signed with env:SIGNING\n    answers     of people whose claims.slack_id of okta is the Slack user\'s id\n    sends       no statements, a link to https://wicketgate.example\n',
    'webhook     https://hooks.example/x\n    secret      env:HOOK\n',
    'holds       big: verbs delete; more than 1000 rows  (w.yaml:26)\n                approved by 2 different people of okta/dba, who also have the role approver (okta/dba, okta/oncall)\n                held        not: refused at once; inside a transaction refused at once; an approval can be used for 15m\n',
    'forbidden   requester (known of 1 of 1 identities), owner (known of 1 of 1 identities), author (known of 1 of 1 identities)\n',
    'break-glass okta/incidents: one person alone, with a reason, recorded as an exception\n',
    'requester   claims.actor\n    author      claims.author\n',
  ]) assert(printed.includes(expected), `${expected}\nis not in\n${printed}`);
  const described = JSON.stringify(describeConfig(loaded.config)).replaceAll(`${folder.path}/`, '');
  assert.match(described, /"login":\{"okta":"w\.yaml:5"\},"channels":\{"oncall":"w\.yaml:12","teams":"w\.yaml:13"\}/);
  assert(!`${printed}${described}`.includes('hunter2'));
});
