import type { Static } from 'typebox';
import type { Activity } from '../../src/control/api/schema/activity.ts';
import type { ApprovalDetail } from '../../src/control/api/schema/approvals.ts';
import type { ConnectionView } from '../../src/control/api/schema/connections.ts';
import type { EvidenceView, Job, PurgePlan } from '../../src/control/api/schema/evidence.ts';
import type { IdentityDetail } from '../../src/control/api/schema/identities.ts';
import type { Me } from '../../src/control/api/schema/me.ts';
import type { Overview } from '../../src/control/api/schema/overview.ts';
import type { Explained, Matrix, PolicyList, PolicyVersion } from '../../src/control/api/schema/policies.ts';
import type { CommandAnswer, CommandHit, ReplayFrame, SessionSummary, TimelineEntry } from '../../src/control/api/schema/sessions.ts';
import type { Settings, TokenView } from '../../src/control/api/schema/settings.ts';

/*
 * Answers of an API, to look at every page in every state. They are checked against the API's schemas before they are sent; what the
 * gateway itself answers is tested elsewhere.
 */

const NOW = Date.now();
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const ago = (milliseconds: number): string => new Date(NOW - milliseconds).toISOString();

export const me = (more: Partial<Me> = {}): Me => ({ kind: 'person', name: 'Ada Okafor', provider: 'okta', issuer: 'https://okta.example', subject: 'ada', roles: ['admin', 'approver', 'auditor'], groups: ['okta/dba', 'okta/platform'], csrf: 'csrf-of-this-session', idleUntil: ago(-HOUR), expiresAt: ago(-8 * HOUR), ...more });

const health: Overview['evidence'] = { available: true, records: 48_213, signedSize: 48_211, signedAge: 3.2, witnesses: 2, cosigning: 2, witnessedSize: 48_190, witnessedAge: 11, late: [], selfChecksFailed: 0 };

export const overview = (more: Partial<Overview> = {}): Overview => ({
  at: ago(2 * SECOND),
  ready: true,
  problems: [],
  evidence: health,
  live: { sessions: 9, byConnection: [{ connection: 'orders', sessions: 5 }, { connection: 'billing', sessions: 3 }, { connection: 'warehouse', sessions: 1 }] },
  approvals: { pending: 2, waiting: 1, oldest: ago(4 * MINUTE) },
  hours: Array.from({ length: 24 }, (_, index) => ({ hour: new Date(Math.floor(NOW / HOUR) * HOUR - (23 - index) * HOUR).toISOString(), allowed: Math.round(900 + 700 * Math.sin(index / 3.4) + ((index * 37) % 11) * 24), refused: index === 17 ? 41 : (index * 7) % 5 })),
  denied: [
    { identity: 'ci-migrations', connection: 'orders', code: 'denied', count: 41, last: ago(6 * HOUR) },
    { identity: 'report-builder', connection: 'warehouse', code: 'masking', count: 12, last: ago(40 * MINUTE) },
    { identity: '', connection: '', code: 'unauthenticated', count: 7, last: ago(3 * MINUTE) },
  ],
  newIdentities: [{ identity: 'preview-env-2214', firstSeen: ago(3 * HOUR), session: 's-new-1' }, { identity: 'etl-nightly', firstSeen: ago(50 * HOUR), session: 's-new-2' }],
  indexed: { size: 48_213, of: 48_213 },
  ...more,
});

const IDENTITIES = ['ci-migrations', 'orders-api', 'report-builder', 'billing-worker', 'etl-nightly', 'preview-env-2214'];
const CONNECTIONS = ['orders', 'billing', 'warehouse'];
const at = <T>(of: readonly T[], index: number): T => of[index % of.length] as T;

export const session = (index: number): SessionSummary => ({
  id: `01JD${String(index).padStart(6, '0')}`,
  identity: at(IDENTITIES, index),
  connection: at(CONNECTIONS, index * 7),
  protocol: 'postgres',
  peer: `10.2.${index % 256}.${(index * 13) % 256}:${40_000 + (index % 20_000)}`,
  openedAt: ago(index * 4 * MINUTE + 20 * SECOND),
  ...(index < 3 ? {} : { closedAt: ago(index * 4 * MINUTE - 90 * SECOND) }),
  state: index < 3 ? 'open' : index % 17 === 0 ? 'lost' : 'closed',
  live: index < 3,
  commands: (index * 31) % 900,
  refused: index % 6 === 0 ? (index % 4) + 1 : 0,
  lastAt: ago(index * 4 * MINUTE),
});

export const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u202e txet desrever \u202c\u200b\u0000\u001b[2J -- שלום \u{e0041} &amp; <literal:text>';

export const timeline: TimelineEntry[] = [
  { sequence: 100, at: ago(10 * MINUTE), kind: 'opened', objects: [], masks: [], texts: [], words: 'session opened by ci-migrations on orders from 10.2.0.7:41022 over TLS' },
  { sequence: 101, at: ago(9.5 * MINUTE), kind: 'command', command: 1, verb: 'select', objects: ['table:public.customers'], decision: { effect: 'allow', rules: ['analysts/read'], policy: 'ab'.repeat(32) }, masks: ['analysts/pii'], texts: [{ part: 'statement', text: 'SELECT id, email, phone\n  FROM customers\n WHERE country = <literal:text>\n LIMIT 20' }, { part: 'parameters', text: '["DE", null]' }], outcome: { status: 'ok', tag: 'SELECT 20', rowsReturned: 20, bytesDown: 2312, masked: { 'analysts/pii': 40 }, recorded: 2312, truncated: false }, outcomeAt: ago(9.4 * MINUTE), words: 'select' },
  { sequence: 103, at: ago(9 * MINUTE), kind: 'refused', command: 2, verb: 'drop_table', objects: ['table:public.customers'], decision: { effect: 'deny', rules: ['guard/no-drop'], policy: 'ab'.repeat(32) }, code: 'denied', masks: [], texts: [{ part: 'statement', text: 'DROP TABLE customers' }], words: 'refused' },
  { sequence: 104, at: ago(8 * MINUTE), kind: 'command', command: 3, verb: 'delete', objects: ['table:public.orders'], decision: { effect: 'require_approval', rules: ['guard/big-deletes'], policy: 'ab'.repeat(32) }, approval: 'apr-used', masks: [], texts: [{ part: 'statement', absent: 'key_destroyed' }], outcome: { status: 'ok', tag: 'DELETE 1204', rowsAffected: 1204, masked: {} }, outcomeAt: ago(7.9 * MINUTE), words: 'delete' },
  { sequence: 106, at: ago(7 * MINUTE), kind: 'command', command: 4, verb: 'select', objects: [], decision: { effect: 'allow', rules: ['analysts/read'], policy: 'ab'.repeat(32) }, masks: [], texts: [{ part: 'statement', text: HOSTILE }], outcome: { status: 'error', code: '42P01', masked: {} }, outcomeAt: ago(7 * MINUTE), words: 'select' },
  { sequence: 107, at: ago(6 * MINUTE), kind: 'refused', command: 5, verb: 'copy', objects: ['table:public.customers'], decision: { effect: 'deny', rules: [], policy: 'ab'.repeat(32) }, code: 'masking', reason: 'public.customers.email would be copied out (mask analysts/pii)', masks: [], texts: [{ part: 'statement', text: 'COPY customers TO STDOUT' }], words: 'refused' },
  { sequence: 109, at: ago(5.5 * MINUTE), kind: 'command', command: 6, verb: 'update', objects: ['table:public.customers'], decision: { effect: 'allow', rules: ['analysts/write'], policy: 'ab'.repeat(32) }, masks: ['analysts/pii'], texts: [{ part: 'statement', text: 'UPDATE customers SET country = <literal:text> WHERE id = 3' }], outcome: { status: 'ok', tag: 'UPDATE 1', rowsAffected: 1, masked: {} }, outcomeAt: ago(5.5 * MINUTE), words: 'update' },
  { sequence: 111, at: ago(5 * MINUTE), kind: 'closed', objects: [], masks: [], texts: [], words: 'session closed: client left; 4 commands, 2 refused' },
];

export const replay: Static<typeof ReplayFrame>[] = [
  { at: 0, kind: 'opened', sequence: 100, text: 'ci-migrations on orders', refused: false },
  { at: 900, kind: 'statement', command: 1, sequence: 101, text: 'SELECT id, email FROM customers LIMIT 2', refused: false },
  { at: 960, kind: 'answer', command: 1, sequence: 102, text: ' id | email\n----+-------------\n  1 | a***@***.de\n  2 | b***@***.de\n(2 rows)', refused: false },
  { at: 4000, kind: 'refused', command: 2, sequence: 103, text: 'DROP TABLE customers\nERROR: policy guard/no-drop', refused: true },
  { at: 5000, kind: 'statement', command: 4, sequence: 106, text: HOSTILE, refused: false },
  { at: 6000, kind: 'closed', sequence: 111, text: 'client left', refused: false },
];

export const answer: Static<typeof CommandAnswer> = { command: 1, text: ' id | email       | phone\n----+-------------+--------\n  1 | a***@***.de | ****\n(1 row)\n', bytes: 2312, recorded: 2312, truncated: false };

export const hit = (index: number): Static<typeof CommandHit> => ({
  sequence: 5000 - index,
  at: ago(index * MINUTE),
  session: `01JD${String(index).padStart(6, '0')}`,
  command: (index % 9) + 1,
  identity: at(IDENTITIES, index),
  connection: at(CONNECTIONS, index),
  verbs: [index % 5 === 0 ? 'drop_table' : 'select'],
  decision: index % 5 === 0 ? 'denied' : 'allow',
  objects: ['table:public.customers'],
  status: index % 5 === 0 ? 'refused' : 'ok',
  rows: index % 5 === 0 ? null : index * 3,
  texts: [{ part: 'statement', text: index === 1 ? HOSTILE : `SELECT * FROM customers WHERE id = ${index}` }],
});

export const approval = (more: Partial<ApprovalDetail> = {}): ApprovalDetail => ({
  mayForce: true,
  id: 'apr-1',
  state: 'pending',
  askedAt: ago(4 * MINUTE),
  expiresAt: ago(-26 * MINUTE),
  session: '01JD000000',
  identity: 'ci-migrations',
  owner: { group: 'okta/platform', contact: 'platform@corp.example' },
  requester: 'li.wei',
  connection: 'orders',
  protocol: 'postgres',
  verb: 'delete',
  effects: [{ class: 'write', verb: 'delete', object: 'table:public.orders' }, { class: 'read', verb: 'select', object: 'table:public.customers' }],
  reason: 'Deleting more than 1,000 rows of orders takes a second pair of eyes.',
  steps: [
    { rule: 'guard/big-deletes', origin: { file: 'policies/guard.yaml', line: 14 }, groups: ['okta/dba', 'okta/on-call'], count: 1, approvedBy: [] },
    { rule: 'guard/production', origin: { file: 'policies/guard.yaml', line: 31 }, groups: ['okta/platform'], count: 2, approvedBy: ['Mina Park'] },
  ],
  text: "DELETE FROM orders o\n USING customers c\n WHERE o.customer = c.id\n   AND c.email = <literal:text>\n   AND o.created < '2024-01-01'",
  parameters: ['42', null, '<value:text>'],
  hidden: 2,
  inTransaction: false,
  rows: 1204,
  maxRows: 2000,
  waiting: 1,
  exception: false,
  answers: [{ by: 'Mina Park', provider: 'okta', verdict: 'approve', reason: 'checked with support, ticket 8812', at: ago(2 * MINUTE), channel: 'slack' }],
  digest: '5f'.repeat(32),
  ...more,
});

export const approvals: ApprovalDetail[] = [
  approval(),
  approval({ id: 'apr-2', identity: 'etl-nightly', connection: 'warehouse', verb: 'drop_table', effects: [{ class: 'schema', verb: 'drop', object: 'table:staging.loads_2023' }], askedAt: ago(70 * SECOND), waiting: 0, answers: [], text: 'DROP TABLE staging.loads_2023', parameters: [], hidden: 0, steps: [{ rule: 'guard/drops', origin: { file: 'policies/guard.yaml', line: 5 }, groups: ['okta/dba'], count: 1, approvedBy: [] }] }),
  approval({ id: 'apr-used', state: 'used', askedAt: ago(5 * HOUR), waiting: 0, answers: [{ by: 'Ada Okafor', provider: 'okta', verdict: 'approve', reason: 'planned', at: ago(5 * HOUR - MINUTE), channel: 'page' }] }),
  approval({ id: 'apr-forced', state: 'used', exception: true, askedAt: ago(9 * HOUR), waiting: 0 }),
  approval({ id: 'apr-denied', state: 'denied', askedAt: ago(26 * HOUR), waiting: 0 }),
];

export const identity = (name: string): IdentityDetail => ({
  name,
  owner: name === 'etl-nightly' ? {} : { group: 'okta/platform', contact: 'platform@corp.example' },
  purpose: name === 'orders-api' ? 'Serves the shop' : 'Schema migrations from the deployment pipeline',
  provider: 'gitlab',
  groups: ['pipelines', 'production'],
  configured: name !== 'preview-env-2214',
  origin: { file: 'identities.yaml', line: 12 },
  firstUse: ago(90 * 24 * HOUR),
  lastUse: ago(3 * MINUTE),
  live: name === 'report-builder' ? 0 : 2,
  ...(name === 'billing-worker' ? { revoked: { by: 'Mina Park', at: ago(2 * HOUR) } } : {}),
  claims: ['project_path', 'ref_protected'],
  when: 'claims.environment == "production"',
  reaches: [
    { connection: 'orders', policies: ['pipelines', 'guard'], allow: ['read', 'write', 'schema'], rules: 3, approvals: 2, masks: 1, used: 8123 },
    { connection: 'warehouse', policies: ['guard'], allow: [], rules: 1, approvals: 0, masks: 0, used: 0 },
  ],
  used: [{ connection: 'orders', verb: 'select', allowed: 8000, refused: 0, last: ago(3 * MINUTE) }, { connection: 'orders', verb: 'drop_table', allowed: 0, refused: 41, last: ago(6 * HOUR) }],
  objects: [{ object: 'table:public.customers', commands: 5120 }, { object: 'table:public.orders', commands: 2210 }],
});
export const identities = IDENTITIES.toSorted().map(identity);

export const connection = (name: string): ConnectionView => ({
  name,
  protocol: 'postgres',
  listen: `0.0.0.0:${5432 + CONNECTIONS.indexOf(name)}`,
  plaintext: false,
  target: { address: `${name}.db.corp.example:5432`, database: name, tls: name === 'warehouse' ? 'disable' : 'verify-full' },
  evidence: { mode: name === 'billing' ? 'strict' : 'effect', recordAnswers: 1_048_576 },
  functions: ['tenant_of(text)'],
  live: name === 'warehouse' ? 0 : 4,
  commands: 12_345,
  refused: name === 'orders' ? 41 : 0,
  lastUse: ago(20 * SECOND),
  reachedBy: IDENTITIES,
  origin: { file: 'wicketgate.yaml', line: 40 },
});
export const connections = CONNECTIONS.toSorted().map(connection);

export const policies: Static<typeof PolicyList> = {
  version: '3c'.repeat(32),
  config: '9a'.repeat(32),
  files: ['/etc/wicketgate/wicketgate.yaml', '/etc/wicketgate/policies/guard.yaml'],
  items: [
    {
      name: 'guard', identities: [], groups: ['pipelines'], connections: ['*'], allow: ['read', 'session'],
      rules: [
        { name: 'no-drop', effect: 'deny', match: { verbs: ['drop'], objects: ['public.*'] }, reason: 'Tables of the shop are never dropped.', origin: { file: 'policies/guard.yaml', line: 5 } },
        { name: 'big-deletes', effect: 'require_approval', match: { verbs: ['delete'], rows: '> 1000' }, when: 'connection == "orders"', reason: 'A second pair of eyes.', approval: { groups: ['okta/dba'], count: 1, hold: 300_000, expires: 1_800_000, holdInTransaction: 0 }, origin: { file: 'policies/guard.yaml', line: 14 } },
      ],
      masks: [{ name: 'pii', columns: ['public.customers.email', 'public.customers.phone'], detect: ['credit_card'], mode: 'strict', transform: 'keeps the first letter', origin: { file: 'policies/guard.yaml', line: 40 } }],
      limits: { commandsPerMinute: 600, rowsPerCommand: 10_000 },
      origin: { file: 'policies/guard.yaml', line: 1 },
    },
    { name: 'shop', identities: ['orders-api'], groups: [], connections: ['orders'], allow: ['read', 'write', 'session'], rules: [], masks: [], limits: {}, origin: { file: 'wicketgate.yaml', line: 71 } },
  ],
};

export const versions: Static<typeof PolicyVersion>[] = [
  { sequence: 900, at: ago(2 * HOUR), event: 'change', config: '9a'.repeat(32), policy: '3c'.repeat(32), changes: ['mask removed: analysts/pii', 'rule added: guard/big-deletes', 'limit changed: shop commandsPerMinute 300 -> 600'] },
  { sequence: 700, at: ago(20 * HOUR), event: 'refused', config: '8b'.repeat(32), changes: ['policies/guard.yaml:17: unknown key "verb", did you mean "verbs"?'] },
  { sequence: 1, at: ago(60 * HOUR), event: 'start', config: '8b'.repeat(32), policy: '2d'.repeat(32), changes: [] },
];

export const explained: Explained = {
  granted: true, verdict: 'require_approval', reason: 'rule guard/big-deletes asks for approval', policyVersion: '3c'.repeat(32), catalog: 'none', searchPath: ['pg_catalog', 'public'], searchPathFrom: 'default',
  rules: [{ policy: 'guard', rule: 'big-deletes', origin: { file: 'policies/guard.yaml', line: 14 } }],
  effects: [{ class: 'write', verb: 'delete', object: 'table:public.orders', verdict: 'require_approval', by: [{ policy: 'guard', rule: 'big-deletes', origin: { file: 'policies/guard.yaml', line: 14 } }], rules: [{ rule: { policy: 'guard', rule: 'no-drop', origin: { file: 'policies/guard.yaml', line: 5 } }, effect: 'deny', match: 'no', counts: false, why: ['verbs [drop] does not match delete'] }] }],
};

export const matrix: Static<typeof Matrix> = { version: '3c'.repeat(32), identities: IDENTITIES.toSorted(), connections: CONNECTIONS.toSorted(), cells: IDENTITIES.map((name, index) => ({ identity: name, connection: at(CONNECTIONS, index), policies: ['guard'], allow: index % 2 === 0 ? ['read', 'session'] : ['read', 'write', 'session'], rules: index, approvals: index % 2, masks: 1 })), cut: false };

export const evidence: Static<typeof EvidenceView> = {
  log: 'corp/gateway-1', key: 'corp/gateway-1+5f2e1c88+AVkQ2cJt5Oq0i2vF5bPzq8nC0f0Yq1m3K4x7Zz9d1WqE', health,
  head: { size: 48_211, root: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=' },
  witnesses: [{ name: 'witness.audit.example', state: 'cosigning', size: 48_190, faults: 0 }, { name: 'witness.partner.example', state: 'unreachable', size: 40_112, fault: 'no answer within 10 s', faults: 12 }],
  anchors: [{ name: 'share', type: 'file', late: false, keptSize: 48_000, keptAge: 61 }, { name: 'tsa', type: 'rfc3161', late: true, fault: 'status 503' }],
  disk: { bytes: 912_345_678, free: 82_345_678_901, queued: 0, unsynced: 0 },
  holds: [{ name: 'case-2026-17', by: 'Mina Park', reason: 'inquiry of the regulator', since: ago(200 * HOUR), connections: ['billing'], from: '2026-01-01' }],
};

export const jobs: Static<typeof Job>[] = [
  { id: 'job-3', kind: 'verify', state: 'running', startedAt: ago(4 * SECOND), by: 'Ada Okafor', findings: [] },
  { id: 'job-2', kind: 'export', state: 'done', startedAt: ago(HOUR), endedAt: ago(HOUR - 9 * SECOND), by: 'Ada Okafor', result: '48,211 records, 25 commands sampled', findings: [], bytes: 8_123_456, sha256: 'c4'.repeat(32) },
  { id: 'job-1', kind: 'verify', state: 'done', startedAt: ago(26 * HOUR), endedAt: ago(26 * HOUR - 4 * SECOND), by: 'Mina Park', ok: false, result: 'one record does not match its commitment', findings: ['record 1204: the statement does not match its commitment'] },
];

export const purgePlan: Static<typeof PurgePlan> = { digest: '1f'.repeat(32), asOf: ago(SECOND), records: 48_213, goes: [{ connection: 'orders', day: '2025-11-01', bodies: 1200, bytes: 4_123_456, why: 'older than 365 days' }], stays: [{ connection: 'billing', day: '2025-11-01', bodies: 12, bytes: 41_234, stays: 'hold', why: 'hold case-2026-17' }], going: 1, staying: 1 };

export const activity: Static<typeof Activity>[] = [
  { sequence: 4000, at: ago(MINUTE), kind: 'access', act: 'show', by: 'Ada Okafor', provider: 'okta', channel: 'terminal', target: '01JD000003', count: 7 },
  { sequence: 3999, at: ago(2 * MINUTE), kind: 'approval', act: 'approve', by: 'Mina Park', provider: 'okta', channel: 'oncall', target: 'apr-1', detail: 'checked with support, ticket 8812' },
  { sequence: 3990, at: ago(2 * HOUR), kind: 'revocation', act: 'identity.revoke', by: 'Mina Park', target: 'billing-worker', detail: HOSTILE },
  { sequence: 3800, at: ago(9 * HOUR), kind: 'control', act: 'sign_in', by: 'Ada Okafor', provider: 'okta', channel: 'page' },
  { sequence: 3700, at: ago(200 * HOUR), kind: 'hold', act: 'hold.add', by: 'Mina Park', target: 'case-2026-17', detail: 'inquiry of the regulator' },
];

export const settings: Static<typeof Settings> = {
  build: '0.1.0', runtime: '26.10.0', startedAt: ago(60 * HOUR),
  config: { digest: '9a'.repeat(32), files: ['/etc/wicketgate/wicketgate.yaml', '/etc/wicketgate/policies/guard.yaml'], policy: '3c'.repeat(32) },
  problems: ['policies/guard.yaml was changed at 09:14 and refused: line 17: unknown key "verb"'],
  login: [{ name: 'okta', issuer: 'https://okta.example' }],
  roles: [{ role: 'admin', groups: ['okta/platform'] }, { role: 'approver', groups: ['okta/dba', 'okta/on-call'] }, { role: 'auditor', groups: ['okta/audit'] }, { role: 'viewer', groups: [] }],
  bootstrapped: [{ issuer: 'https://okta.example', subject: 'ada', at: ago(2000 * HOUR) }],
};

export const tokens: TokenView[] = [
  { id: 't1', name: 'siem-export', roles: ['auditor'], actions: ['sessions.list', 'commands.search'], createdBy: 'Ada Okafor', createdAt: ago(300 * HOUR), expiresAt: ago(-300 * HOUR), lastUsedAt: ago(4 * MINUTE) },
  { id: 't2', name: 'old-dashboard', roles: ['viewer'], createdBy: 'Mina Park', createdAt: ago(900 * HOUR), expiresAt: ago(-10 * HOUR), revokedAt: ago(20 * HOUR) },
];
