import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadSources } from './load.ts';
import { formatProblem } from './problems.ts';
import { sound } from './testdata/sound.ts';

const change = (text: string, by: string): string => {
  assert(sound.includes(text), `the sound configuration has no ${text}`);
  return sound.replace(text, by);
};
const another = (name: string, database: string): string =>
  change('policies:\n', `  - { name: ${name}, protocol: postgres, listen: 127.0.0.1:6432, target: { host: db.internal, port: 5432, database: ${database} }, credential: { username: app } }\npolicies:\n`).replace('connections: [db]', 'connections: ["*"]');
const rule = (text: string): string => change('{ name: no-drop, match: { verbs: [drop] }, effect: deny }', text);

/** What is accepted and still worth saying. */
const doubtful: readonly (readonly [string, string, readonly string[]])[] = [
  ['nothing doubtful', sound, []],
  ['provider without identities', change('identities:\n', '  - { name: spare, issuer: https://other.example, audience: wicketgate }\nidentities:\n'), [
    'w.yaml:4:7: identityProviders[spare].name: no identity uses this provider',
  ]],
  ['identity without policies', change(', groups: [jobs] }\nconn', ', groups: [jobs] }\n  - { name: idle, owner: { contact: c }, provider: ci, claims: { project: 8 } }\nconn'), [
    'w.yaml:6:7: identities[idle].name: no policy names this identity or one of its groups, so it may do nothing',
  ]],
  ['connection without policies', another('other', 'billing').replace('connections: ["*"]', 'connections: [db]'), [
    'w.yaml:12:7: connections[other].name: no policy names this connection, so nobody may use it',
  ]],
  ['two connections to databases of one name on one address', another('other', 'app'), [
    'w.yaml:12:7: connections[other].name: shares 127.0.0.1:6432 with "db", and both lead to a database "app": a client that asks for that name is refused (clients ask for other or db, or use other.anything as the server name)',
  ]],
  ['a connection called as the database of another', another('app', 'billing'), [
    'w.yaml:12:7: connections[app].name: clients of 127.0.0.1:6432 that ask for the database "app" get this connection, which leads to "billing", and not "db", whose database has that name (rename one of the connections)',
  ]],
  ['two connections that can be told apart', another('other', 'other'), []],
  ['target in clear', change('database: app', 'database: app, tls: disable'), [
    'w.yaml:10:61: connections[db].target.tls: everything between the gateway and the target can be read and changed on the way (write verify-full)',
  ]],
  ['target not verified', change('database: app', 'database: app, tls: require'), [
    'w.yaml:10:61: connections[db].target.tls: the target is not verified: whoever is on the way can take its place and get the credential (write verify-full and give the ca)',
  ]],
  ['target in clear on this machine', change('host: db.internal', 'host: 127.0.0.1').replace('database: app', 'database: app, tls: disable'), []],
  ['default audience', change('audience: wicketgate', 'audience: https://github.com/acme'), [
    'w.yaml:3:45: identityProviders[ci].audience: is the audience that a job gets when it asks for none, so other services accept the same token (let the job ask for an audience that only this gateway has)',
  ]],
  ['tenant by name', change('https://ci.example', 'https://token.actions.githubusercontent.com').replace('project: 7', 'repository: acme/app'), [
    'w.yaml:5:65: identities[job].claims: names the tenant by names only, which can be given away or taken over (add one of repository_id, repository_owner_id, enterprise_id)',
  ]],
  ['control for other machines', change('version: 1', 'version: 1\ncontrol: { listen: 0.0.0.0:7080 }'), [
    'w.yaml:2:12: control.listen: can be reached from other machines, and answers without sign-in: health, readiness and metrics (keep it in a network that may see them)',
  ]],
  ['grant of everything', rule('{ name: all, effect: allow }'), [
    'w.yaml:18:9: policies[jobs].rules[all]: has neither match nor when: it grants every command, administration too (say what it grants)',
  ]],
  ['deny of everything', rule('{ name: all, effect: deny }'), [
    'w.yaml:18:9: policies[jobs].rules[all]: has neither match nor when: it denies every command',
  ]],
  ['deny under a deny', rule('{ name: a, match: { verbs: [drop] }, effect: deny }\n      - { name: b, match: { verbs: [drop], objects: [table] }, effect: deny }'), [
    'w.yaml:19:9: policies[jobs].rules[b]: adds nothing: the deny "a" at w.yaml:18 matches everything that it matches (remove it)',
  ]],
  ['when that is always true', rule('{ name: a, match: { verbs: [drop] }, effect: deny, when: "true" }'), [
    'w.yaml:18:60: policies[jobs].rules[a].when: is always true (remove it)',
  ]],
  ['mode of a detector', change('- columns: ["*.password"]', '- { detect: [email], mode: strict }'), [
    'w.yaml:20:28: policies[jobs].mask[0].mode: says nothing about detectors, which look at text wherever it is returned (remove it)',
  ]],
];

describe('what is accepted and doubtful is said', () => {
  for (const [name, text, expected] of doubtful) {
    test(name, async () => {
      const result = await loadSources([{ file: '/nowhere/w.yaml', text }], '/nowhere', { DB: 'x' });
      assert(result.ok, JSON.stringify(result, null, 1));
      assert.deepEqual(result.warnings.map((warning) => formatProblem(warning).replaceAll('/nowhere/', '')), expected);
    });
  }
});

describe('rules that can match are not refused', () => {
  const fine: readonly string[] = [
    // A deny with a condition is not sure to take the grant back.
    '{ name: a, match: { verbs: [drop] }, effect: deny, when: "now.getHours() < 6" }\n      - { name: b, match: { verbs: [drop] }, effect: allow }',
    // Narrower, or other, than the grant.
    '{ name: a, match: { verbs: [drop], objects: [database] }, effect: deny }\n      - { name: b, match: { verbs: [drop] }, effect: allow }',
    '{ name: a, match: { objects: ["billing.*"] }, effect: deny }\n      - { name: b, match: { objects: ["*.customers"] }, effect: allow }',
    '{ name: a, match: { verbs: [drop] }, effect: deny }\n      - { name: b, match: { classes: [schema] }, effect: allow }',
    // What is not understood, and administration, can have any verb.
    '{ name: a, match: { verbs: [select], classes: [admin] }, effect: deny }',
    '{ name: a, match: { verbs: [drop], classes: [unknown, read] }, effect: deny }',
    '{ name: a, match: { verbs: ["*"], classes: [schema] }, effect: deny }',
    '{ name: a, match: { verbs: [truncate], objects: [database, "table:x"] }, effect: deny }',
    '{ name: a, match: { functions: ["pg_catalog.pg_sleep(double precision)", "lo_*"] }, effect: deny }',
    '{ name: a, match: { columns: ["\\"Odd.Name\\".ssn", "billing.customers.*"] }, effect: deny }',
  ];
  for (const text of fine) {
    test(text, async () => {
      const result = await loadSources([{ file: '/nowhere/w.yaml', text: rule(text) }], '/nowhere', { DB: 'x' });
      assert(result.ok, JSON.stringify(result, null, 1));
    });
  }

  test('a deny of one policy covers a grant of another only where it surely applies', async () => {
    const policies = (identities: string): string =>
      `${sound.replace('{ name: no-drop, match: { verbs: [drop] }, effect: deny }', '{ name: grant, match: { verbs: [drop] }, effect: allow }')}  - { name: guard, identities: ${identities}, connections: ["*"], rules: [{ name: never, match: { verbs: [drop] }, effect: deny }] }\n`;
    const covered = await loadSources([{ file: '/nowhere/w.yaml', text: policies('[job]') }], '/nowhere', { DB: 'x' });
    assert(!covered.ok);
    assert.deepEqual(covered.problems.map(formatProblem), [
      '/nowhere/w.yaml:18:9: policies[jobs].rules[grant]: can never take effect: the deny "never" at /nowhere/w.yaml:22 matches everything that it matches, and deny always wins (narrow the deny, or remove this rule)',
    ]);
    const two = policies('[job]').replace('connections:\n  - name', '  - { name: job2, owner: { contact: c }, provider: ci, claims: { project: 8 }, groups: [jobs] }\nconnections:\n  - name');
    assert((await loadSources([{ file: '/nowhere/w.yaml', text: two }], '/nowhere', { DB: 'x' })).ok);
  });
});
