import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { compare, restartNeeded } from './compare.ts';
import { loadSources } from './load.ts';
import type { Config } from './resolved.ts';
import type { ConfigurationSource } from './schema.ts';
import { soundConfiguration } from './testdata/arbitrary.ts';

const text = `version: 1
control:
  login: [{ name: okta, issuer: https://okta.example, clientId: wicketgate, accounts: { ci: claims.account } }]
  roles: { approver: { groups: [okta/dba, okta/all] } }
  channels: [{ name: hook, type: webhook, url: https://hooks.example/x, secret: env:HOOK }]
identityProviders:
  - { name: ci, issuer: https://ci.example, audience: wicketgate }
identities:
  - { name: report, owner: { contact: c, group: okta/owners }, provider: ci, claims: { project: 1 }, requester: claims.actor, groups: [analysts, staff] }
  - { name: sync, owner: { contact: c }, provider: ci, claims: { project: 2 }, groups: [analysts] }
connections:
  - { name: db, protocol: postgres, listen: 127.0.0.1:6432, target: { host: db.internal, port: 5432, database: app }, credential: { username: app, password: env:DB } }
  - { name: spare, protocol: postgres, listen: 127.0.0.1:6433, target: { host: db2.internal, port: 5432, database: app }, credential: { username: app } }
policies:
  - name: analysts
    groups: [analysts]
    connections: [db, spare]
    allow: [read]
    rules:
      - { name: never-drop, match: { verbs: [drop] }, effect: deny }
      - { name: big, match: { verbs: [delete] }, effect: require_approval, approval: { groups: [okta/dba], count: 2 } }
      - { name: many, match: { verbs: [update], rows: "> 10" }, effect: deny }
    mask:
      - { name: pii, columns: ["*.ssn"] }
      - columns: ["*.email"]
      - columns: ["*.phone"]
    limits: { commandsPerMinute: 60, sessionAge: 1h }
  - name: everybody
    groups: [staff, analysts]
    connections: ["*"]
    allow: [read]
`;

async function read(source: string): Promise<Config> {
  const result = await loadSources([{ file: '/nowhere/w.yaml', text: source }], '/nowhere', { DB: 'x', DB2: 'x', HOOK: 'x' });
  assert(result.ok, JSON.stringify(result));
  return result.config;
}
const edit = (from: string, to: string): string => {
  assert(text.includes(from), `the text has no ${from}`);
  return text.replace(from, to);
};

describe('compare', () => {
  const changes: readonly (readonly [string, string, readonly string[]])[] = [
    ['nothing', `# a comment\n${text}`, []],
    ['a deny removed', edit('      - { name: never-drop, match: { verbs: [drop] }, effect: deny }\n', ''), ['deny removed: analysts/never-drop']],
    ['a deny narrowed', edit('verbs: [drop]', 'verbs: [drop], objects: [table]'), ['deny changed: analysts/never-drop (match)']],
    ['a deny turned round', edit('effect: deny', 'effect: allow'), ['deny removed: analysts/never-drop (it is now allow)']],
    ['an approval removed', edit('      - { name: big, match: { verbs: [delete] }, effect: require_approval, approval: { groups: [okta/dba], count: 2 } }\n', ''), ['approval removed: analysts/big']],
['an approval by fewer people', edit('count: 2', 'count: 1'), ['approval weakened: analysts/big: by 1 person, was 2 people']],
    ['an approval by more people', edit('count: 2', 'count: 3'), ['approval tightened: analysts/big: by 3 people, was 2 people']],
    ['an approval by others', edit('groups: [okta/dba], count', 'groups: [okta/all], count'), ['approval weakened: analysts/big: okta/all may approve', 'approval tightened: analysts/big: okta/dba may no longer approve']],
    ['an approval that lasts longer', edit('count: 2', 'count: 2, expires: 1h, hold: 5m, holdInTransaction: 10s'), [
      'approval weakened: analysts/big: can be used for 1h, was 15m', 'approval changed: analysts/big: hold 5m, was 10m', 'approval changed: analysts/big: holdInTransaction 10s, was 0ms',
    ]],
    ['an approval of the data as well', edit('count: 2', 'count: 2, cover: data'), ['approval tightened: analysts/big: covers data up to 16MiB, was the command alone']],
    ['an approval of less, with another reason', edit('match: { verbs: [delete] }, effect', 'match: { verbs: [delete], rows: "> 5" }, reason: x, effect'), ['approval changed: analysts/big (reason)', 'approval weakened: analysts/big: more than 5 rows, was any number of rows']],
    ['a higher threshold', edit('"> 10"', '"> 20"'), ['deny weakened: analysts/many: more than 20 rows, was more than 10 rows']],
    ['a lower threshold, of something else', edit('[update], rows: "> 10"', '[insert], rows: "> 0"'), ['deny changed: analysts/many (match)', 'deny tightened: analysts/many: more than 0 rows, was more than 10 rows']],
    ['who may not approve', `${text}approvals: { forbid: [author] }\n`, ['approvals weakened: the requester may approve', 'approvals weakened: the owner may approve']],
    ['who is known', edit(', group: okta/owners }', ' }').replace('requester: claims.actor, ', ''), [
      'identity changed: report (owner, requester)', 'approvals weakened: the requester of report is no longer known', 'approvals weakened: the owner of report is no longer known',
    ]],
    ['break-glass', `${text}approvals: { breakGlass: { groups: [okta/incidents] } }\n`, ['break-glass added: okta/incidents']],
    ['roles', edit('approver: { groups: [okta/dba, okta/all] }', 'approver: { groups: [okta/dba, okta/x] }, admin: { groups: [okta/all] }'), [
      'role admin widened: okta/all', 'role approver narrowed: okta/all', 'role approver widened: okta/x',
    ]],
    ['the role of approver', edit('roles: { approver: { groups: [okta/dba, okta/all] } }', 'roles: {}'), ['role approver removed: all people that rules name may approve']],
    ['logins', edit('clientId: wicketgate, accounts: { ci: claims.account }', 'clientId: other, groupsClaim: roles, accounts: { ci: claims.x }'), ['login changed: okta (clientId, groupsClaim, accounts)']],
    ['channels', edit('secret: env:HOOK }]', 'secret: env:HOOK, includeStatement: true }, { name: more, type: webhook, url: https://hooks.example/y, secret: env:HOOK }]'), ['channel changed: hook (includeStatement)', 'channel added: more', 'channel hook now sends statements']],
    ['an address of the page', edit('control:', 'control:\n  url: https://x.example\n  listen: 127.0.0.1:7099'), ['control changed: listen', 'control changed: url']],
    ['a named mask removed', edit('      - { name: pii, columns: ["*.ssn"] }\n', ''), ['mask removed: analysts/pii']],
    ['a mask without a name removed', edit('      - columns: ["*.email"]\n', ''), ['mask removed: analysts/2']],
    ['a mask weakened', edit('columns: ["*.ssn"]', 'columns: ["*.ssn"], mode: display'), ['mask changed: analysts/pii (mode)']],
    ['limits', edit('{ commandsPerMinute: 60, sessionAge: 1h }', '{ commandsPerMinute: 90, rowsPerCommand: 5 }'), ['limit relaxed: analysts/commandsPerMinute', 'limit added: analysts/rowsPerCommand', 'limit removed: analysts/sessionAge']],
    ['a limit tightened', edit('sessionAge: 1h', 'sessionAge: 30m'), ['limit tightened: analysts/sessionAge']],
    ['a class more', edit('allow: [read]\n    rules', 'allow: [read, write]\n    rules'), ['class allowed: analysts: write']],
    ['an identity that leaves a group', edit('groups: [analysts, staff]', 'groups: [staff]'), [
      'deny analysts/never-drop no longer applies to report on db, report on spare',
      'approval analysts/big no longer applies to report on db, report on spare',
      'deny analysts/many no longer applies to report on db, report on spare',
      'mask analysts/pii no longer applies to report on db, report on spare',
      'mask analysts/2 no longer applies to report on db, report on spare',
      'mask analysts/3 no longer applies to report on db, report on spare',
      'limit analysts/commandsPerMinute no longer applies to report on db, report on spare',
      'limit analysts/sessionAge no longer applies to report on db, report on spare',
      'identity changed: report (groups)',
    ]],
    ['a policy that names a connection less', edit('connections: [db, spare]', 'connections: [db]'), [
      'policy analysts no longer names connection spare',
      'deny analysts/never-drop no longer applies to report on spare, sync on spare',
      'approval analysts/big no longer applies to report on spare, sync on spare',
      'deny analysts/many no longer applies to report on spare, sync on spare',
      'mask analysts/pii no longer applies to report on spare, sync on spare',
      'mask analysts/2 no longer applies to report on spare, sync on spare',
      'mask analysts/3 no longer applies to report on spare, sync on spare',
      'limit analysts/commandsPerMinute no longer applies to report on spare, sync on spare',
      'limit analysts/sessionAge no longer applies to report on spare, sync on spare',
    ]],
    ['a whole policy', text.slice(0, text.indexOf('  - name: analysts')) + text.slice(text.indexOf('  - name: everybody')), [
      'policy removed: analysts', 'deny removed: analysts/never-drop', 'approval removed: analysts/big', 'deny removed: analysts/many', 'mask removed: analysts/pii', 'mask removed: analysts/2', 'mask removed: analysts/3',
      'limit removed: analysts/commandsPerMinute', 'limit removed: analysts/sessionAge',
    ]],
    ['identities and connections', edit('name: sync', 'name: sync2').replace('name: spare', 'name: other').replace('[db, spare]', '[db, other]').replace('env:DB', 'env:DB2'), [
      'policy analysts no longer names connection spare', 'policy analysts now names connection other',
      'identity removed: sync', 'identity added: sync2', 'connection changed: db (credential)', 'connection removed: spare', 'connection added: other',
    ]],
    ['the gateway', edit('version: 1', 'version: 1\ngateway: { names: [gw], limits: { connections: 9000, message: 2MiB } }'), [
      'limit tightened: gateway/message', 'limit relaxed: gateway/connections', 'gateway changed: names',
    ]],
    ['order', edit('[staff, analysts]', '[analysts, staff]'), ['only the order of something changed']],
  ];
  for (const [name, changed, expected] of changes) {
    test(name, async () => assert.deepEqual(compare(await read(text), await read(changed)), expected));
  }

  test('shows names and never values', async () => {
    const lines = compare(await read(text), await read(edit('project: 1', 'project: 4711').replace('contact: c', 'contact: secret@x').replace('username: app', 'username: hunter2')));
    assert.deepEqual(lines, ['identity changed: report (owner, claims)', 'connection changed: db (credential)']);
  });

  test('counts beyond a few', async () => {
    const many = Array.from({ length: 9 }, (_, i) => `  - { name: job${i}, owner: { contact: c }, provider: ci, claims: { project: 1${i} }, groups: [analysts, staff] }`).join('\n');
    const before = edit('connections:\n', `${many}\nconnections:\n`);
    const lines = compare(await read(before), await read(before.replace('connections: [db, spare]', 'connections: [db]')));
    assert.equal(lines.find((line) => line.startsWith('deny')), 'deny analysts/never-drop no longer applies to report on spare, sync on spare, job0 on spare, job1 on spare, job2 on spare and 6 more');
  });

  test('whatever makes an approval easier has a line that says weakened', async () => {
    let weakened = 0;
    await fc.assert(
      fc.asyncProperty(soundConfiguration, fc.nat(), fc.constantFrom('count', 'groups', 'expires', 'forbid'), async (written, seed, kind) => {
        const next = structuredClone(written);
        const held = next.policies.flatMap(({ rules = [] }) => rules).filter(({ approval }) => approval !== undefined);
        const approval = held[seed % Math.max(1, held.length)]?.approval;
        if (approval === undefined) return;
        if (kind === 'count') {
          if ((approval.count ?? 1) === 1) return;
          approval.count = (approval.count ?? 1) - 1;
        } else if (kind === 'expires') {
          if (approval.expires === '30d') return;
          approval.expires = '29d';
        } else if (kind === 'groups') approval.groups.push(`${next.control?.login?.[0]?.name ?? ''}/newcomers`);
        else {
          if (next.approvals?.forbid?.length === 0) return;
          next.approvals = { ...next.approvals, forbid: [] };
        }
        const [before, after] = [await tryRead(written), await tryRead(next)];
        if (before === undefined) return;
        assert(after !== undefined);
        weakened += 1;
        const lines = compare(before, after);
        assert(lines.some((line) => /^approvals? weakened: /.test(line)), lines.join('\n'));
      }),
      { numRuns: 300 },
    );
    assert(weakened > 20, `only ${weakened} were weakened`);
  });

  test('every deny, mask and limit that a removal takes away has a line', async () => {
    await fc.assert(
      fc.asyncProperty(soundConfiguration, fc.nat(), async (written, seed) => {
        const before = await tryRead(written);
        if (before === undefined) return;
        const targets = written.policies.flatMap((policy, p) => [
          ...(policy.rules ?? []).map((rule, i) => ({ line: `${rule.effect === 'deny' ? 'deny' : 'approval'} removed: ${policy.name}/${rule.name}`, remove: (next: ConfigurationSource) => next.policies[p]?.rules?.splice(i, 1) })),
          ...(policy.mask ?? []).map((mask, i) => ({ line: /* twice the same mask: either may be called gone */ new RegExp(`^mask removed: ${policy.name}/\\d+$`), remove: (next: ConfigurationSource) => next.policies[p]?.mask?.splice(i, 1), mask })),
          ...Object.keys(policy.limits ?? {}).map((key) => ({ line: `limit removed: ${policy.name}/${key}`, remove: (next: ConfigurationSource) => Reflect.deleteProperty(next.policies[p]?.limits ?? {}, key) })),
        ]);
        const target = targets[seed % Math.max(1, targets.length)];
        if (target === undefined) return;
        const next = structuredClone(written);
        target.remove(next);
        const after = await tryRead(next);
        assert(after !== undefined);
        const lines = compare(before, after);
        assert(lines.some((line) => (typeof target.line === 'string' ? line === target.line : target.line.test(line))), `${String(target.line)} is not among\n${lines.join('\n')}`);
      }),
      { numRuns: 200 },
    );
  });
});

async function tryRead(written: ConfigurationSource): Promise<Config | undefined> {
  const result = await loadSources([{ file: '/nowhere/w.yaml', text: stringify(written) }], '/nowhere', {}, { checkSecrets: false });
  return result.ok ? result.config : undefined;
}

describe('restartNeeded', () => {
  const needs: readonly (readonly [string, string, readonly string[]])[] = [
    ['nothing', text, []],
    ['policies', edit('effect: deny', 'effect: allow'), []],
    ['a connection on an address that is there', edit('policies:\n', '  - { name: more, protocol: postgres, listen: 127.0.0.1:6432, target: { host: db3.internal, port: 5432, database: app3 }, credential: { username: app } }\npolicies:\n'), []],
    ['another address', edit('127.0.0.1:6433', '127.0.0.1:6434'), ['listen address added: 127.0.0.1:6434', 'listen address removed: 127.0.0.1:6433']],
    ['folders, names, control', edit('version: 1', 'version: 1\ngateway: { data: /srv/d, keys: /srv/k, names: [gw], reload: watch }').replace('control:', 'control:\n  listen: 127.0.0.1:7099'), [
      'gateway.data changed', 'gateway.keys changed', 'gateway.names changed', 'gateway.reload changed', 'control.listen changed',
    ]],
  ];
  for (const [name, changed, expected] of needs) {
    test(name, async () => assert.deepEqual(restartNeeded(await read(text), await read(changed)), expected));
  }
});
