import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { ACTIONS } from '../../src/control/actions/all.ts';
import { NOT_AT_TERMINAL, type ActionAnswer } from '../../src/control/at-terminal.ts';
import type { AnyAction } from '../../src/control/api/action.ts';
import { askLocal, type LocalAnswer } from '../../src/control/local.ts';
import type { PersonName } from '../kit/people.ts';
import type { Ran } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import type { Browser } from './control-browser.ts';
import { startControlScene, type ControlScene } from './control-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';

/** What would clear a screen and turn text around, if it reached a terminal. */
const HOSTILE = 'reads \u001b[2J\u202ethings\r\n';
const WRITTEN = 'reads \\u{1b}[2J\\u{202e}things\\u{d}\\n';

let stage: ControlScene;
let own: TempFolder;
let reader: pg.Client;
let session: string;
const browsers = new Map<PersonName, Browser>();
const tokens = new Map<PersonName, string>();

const WHO = ['alice', 'bob', 'carol', 'mallory'] as const;

before(async () => {
  own = tempFolder('terminal');
  const identity = (name: string, purpose: string): object => ({ name, owner: { contact: `${name}s@acme.example` }, provider: 'ci', claims: { job: name }, purpose });
  stage = await startControlScene({ env: { XDG_STATE_HOME: own.path }, more: { identities: [identity('reader', HOSTILE), identity('writer', 'writes'), identity('migrator', 'migrates')] } });
  for (const who of WHO) {
    browsers.set(who, await stage.signedIn(who));
    tokens.set(who, await stage.people.idToken(who));
    writeFileSync(own.file(who), tokens.get(who) ?? '', { mode: 0o600 });
  }
  reader = await stage.scene.client('reader');
  reader.on('error', () => {});
  await reader.query('SELECT name FROM customers ORDER BY id');
  await reader.query('DROP TABLE customers').catch(() => undefined);
  session = await until(async () => {
    const { items } = (await browser('mallory').get('/sessions?state=live')).json<{ items: { id: string; commands: number; refused: number }[] }>();
    return items.find(({ commands, refused }) => commands === 1 && refused === 1)?.id;
  }, 30_000, 'the session in the index');
}, { timeout: 120_000 });
after(async () => {
  await reader.end().catch(() => undefined);
  await stage[Symbol.asyncDispose]();
  own.remove();
});

const browser = (who: PersonName): Browser => {
  const found = browsers.get(who);
  assert.ok(found);
  return found;
};

/** As a command sends it. */
const send = (request: { readonly method?: string; readonly path?: unknown; readonly body?: unknown; readonly idToken?: unknown }): Promise<LocalAnswer> =>
  askLocal(stage.scene.gateway.dataDir, { do: 'action', method: 'GET', path: '/api/v1/me', ...request } as Parameters<typeof askLocal>[1]);

const at = async (who: PersonName, method: string, path: string, body?: object): Promise<{ readonly status: number; readonly json: unknown }> => {
  const answer = await send({ method, path: `/api/v1${path}`, idToken: tokens.get(who), ...(body ? { body: JSON.stringify(body) } : {}) });
  assert.ok(answer.ok, JSON.stringify(answer));
  const { status, body: text } = answer.result as ActionAnswer;
  return { status, json: JSON.parse(text) };
};

/** A command as somebody gives it. */
const as = (who: PersonName, ...words: readonly string[]): Promise<Ran> => stage.scene.gateway.cli(...words, '--config', stage.scene.gateway.configFile, '--id-token', `file:${own.file(who)}`);
const json = async <T>(who: PersonName, ...words: readonly string[]): Promise<T> => {
  const { code, stdout, stderr } = await as(who, ...words, '--json');
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as T;
};
const evidence = (from = 0) => readEvidence(stage.scene.gateway.dataDir, join(stage.scene.gateway.folder, 'keys'), from);

/** Nothing of these finds what it names, so that nothing changes. */
const BODIES: Readonly<Record<string, object>> = { 'sessions.terminate': { reason: 'why' }, 'identities.restore': { reason: 'why' }, 'identities.revoke': { reason: 'why' }, 'tokens.revoke': {}, 'people.signOut': { reason: 'why' }, 'tokens.create': { name: 'x', roles: ['approver'], days: 1 }, 'policies.explain': { identity: 'reader', connection: 'shop', command: 'SELECT 1' } };
/** Each reads the whole log: once is enough, and that is elsewhere. */
const DEAR = ['evidence.purgePlan'];
const pathOf = ({ id, path }: AnyAction): string => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'command' ? '1' : name === 'name' ? 'no-such' : id.startsWith('people') ? '00'.repeat(16) : id.startsWith('evidence') || id.startsWith('tokens') ? '00'.repeat(8) : 'NOSUCH'));

test('each role gets the answer at a terminal that it gets on the page', { timeout: 120_000 }, async () => {
  const asked = ACTIONS.filter(({ id, method }) => !NOT_AT_TERMINAL.has(id) && !DEAR.includes(id) && (method === 'GET' || id in BODIES));
  assert.ok(asked.length >= 25, `${asked.length} actions`);
  const different: string[] = [];
  const seen = new Set<number>();
  for (const action of asked) {
    for (const who of WHO) {
      const body = BODIES[action.id];
      const here = await at(who, action.method, pathOf(action), body);
      const page = action.method === 'GET' ? await browser(who).get(pathOf(action)) : await browser(who).post(pathOf(action), body);
      seen.add(here.status);
      const said = [here.status, (here.json as { message?: string }).message];
      const there = [page.status, page.json<{ message?: string }>().message];
      if (JSON.stringify(said) !== JSON.stringify(there)) different.push(`${action.id} as ${who}: ${said.join(' ')}, on the page ${there.join(' ')}`);
    }
  }
  assert.deepEqual(different, []);
  assert.deepEqual([200, 400, 403, 404, 409].filter((status) => !seen.has(status)), []);
});

test('the answers are those of the page', async () => {
  for (const [words, path] of [
    [['connections', 'list'], '/connections'],
    [['connections', 'show', 'shop'], '/connections/shop'],
    [['policies', 'list'], '/policies'],
    [['policies', 'matrix'], '/policies/matrix'],
    [['policies', 'versions'], '/policies/versions'],
    [['identities', 'search'], '/identities'],
    [['identities', 'search', 'writ', '--limit', '1'], '/identities?text=writ&limit=1'],
    [['identities', 'show', 'writer'], '/identities/writer'],
    [['settings', 'show'], '/settings'],
    [['tokens', 'list'], '/tokens'],
    [['evidence', 'jobs'], '/evidence/jobs'],
    [['sessions', 'search', '--state', 'live', '--identity', 'read*'], '/sessions?state=live&identity=read*'],
  ] as const) assert.deepEqual(await json('alice', ...words), (await browser('alice').get(path)).json(), words.join(' '));
  const { hours } = await json<{ hours: unknown[] }>('mallory', 'overview', '--hours', '3');
  assert.equal(hours.length, 3);
});

test('for people there are tables, and nothing recorded or configured acts on the terminal', async () => {
  const shown = new Map<string, string>();
  for (const words of [['overview'], ['connections', 'list'], ['connections', 'show', 'shop'], ['policies', 'list'], ['policies', 'matrix'], ['policies', 'versions'], ['identities', 'search'], ['identities', 'show', 'reader'], ['sessions', 'search'], ['activity', 'list'], ['tokens', 'list'], ['people', 'list'], ['settings', 'show'], ['evidence', 'jobs'], ['whoami']]) {
    const { code, stdout, stderr } = await as('alice', ...words);
    assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202a-\u202e]|undefined|\[object/, words.join(' '));
    shown.set(words.join(' '), stdout);
  }
  for (const [words, says] of [
    ['overview', /gateway: +ready\n.*\nREFUSED MOST\n.*reader +shop/s],
    ['connections list', /CONNECTION +PROTOCOL.*\nshop +postgres +127\.0\.0\.1:\d+ /],
    ['connections show shop', /reached by: +migrator, reader, writer/],
    ['policies list', /rule never-drop-customers: +deny verbs drop, objects customers; because customers are kept; \(\S*wicketgate\.yaml:\d+\)/],
    ['policies matrix', /reader +shop +read +0 +0 +0 +reading/],
    ['policies versions', /started with  [0-9a-f]{64}/],
    ['identities show reader', /MAY REACH\nCONNECTION.*\nshop +read .*USED\n.*shop +select +1 /s],
    ['sessions search', new RegExp(`${session} .* live `)],
    ['activity list', /Alice Ames/],
    ['people list', /[0-9a-f]{32}  Mallory +okta +mallory +viewer /],
    ['settings show', /ROLE +GROUPS\nadmin +okta\/oncall/],
    ['whoami', /roles: +admin, approver/],
  ] as const) assert.match(shown.get(words) ?? '', says);
  for (const words of ['identities search', 'identities show reader']) assert.ok(shown.get(words)?.includes(WRITTEN), shown.get(words) ?? '');
});

test('who may not is told which role it takes, and that they tried is on record', async () => {
  const { next } = await evidence();
  for (const [words, role] of [
    [['settings', 'show'], 'admin or auditor'],
    [['activity', 'list'], 'admin or auditor'],
    [['tokens', 'create', 'mine', '--role', 'admin', '--days', '1'], 'admin'],
    [['sessions', 'terminate', session, '--reason', 'no'], 'admin'],
    [['identities', 'revoke', 'reader', '--reason', 'no'], 'admin'],
  ] as const) {
    const said = await as('mallory', ...words);
    assert.equal(said.code, 1, words.join(' '));
    assert.match(said.stderr, new RegExp(`^you may not do that: it takes the role ${role}\n$`));
    const forPrograms = await as('mallory', ...words, '--json');
    assert.deepEqual([forPrograms.code, (JSON.parse(forPrograms.stdout) as { ok: boolean; code: string }).code], [1, 'forbidden']);
  }
  assert.equal((await as('mallory', 'sessions', 'search', '--text', 'SELECT')).stderr, 'looking for a text takes the role auditor or admin\n');
  const tried = await until(async () => {
    const found = (await evidence(next)).leaves.flatMap(({ record }) => (record.kind === 'control' && record.event === 'refused' ? [record] : []));
    return found.length >= 3 ? found : undefined;
  });
  for (const record of tried) assert.deepEqual([record.by, record.channel, record.provider, record.groups], ['person', 'terminal', 'okta', ['okta/engineering']]);
  stage.people.change('bob', { groups: ['nobody-knows'] });
  writeFileSync(own.file('roleless'), await stage.people.idToken('bob'), { mode: 0o600 });
  const roleless = (...words: readonly string[]): Promise<Ran> => stage.scene.gateway.cli(...words, '--config', stage.scene.gateway.configFile, '--id-token', `file:${own.file('roleless')}`);
  assert.match((await roleless('whoami')).stdout, /roles: +none/);
  assert.match((await roleless('overview')).stderr, /it takes the role admin or approver or auditor or viewer/);
});

test('what is changed and what is read is on record as when the page does it', async () => {
  const { next } = await evidence();
  const made = await json<{ token: { id: string }; secret: string }>('alice', 'tokens', 'create', 'reports', '--role', 'admin', '--action', 'overview.show', '--days', '7');
  const used = await fetch(`${stage.site}/api/v1/overview`, { headers: { authorization: `Bearer ${made.secret}`, connection: 'close' } });
  assert.equal(used.status, 200, await used.text());
  assert.match((await as('alice', 'tokens', 'list')).stdout, new RegExp(`${made.token.id}  reports  admin  overview\\.show  Alice Ames .* good\n`));
  assert.equal((await as('alice', 'tokens', 'revoke', made.token.id)).code, 0);
  const again = await as('alice', 'tokens', 'revoke', made.token.id);
  assert.deepEqual([again.code, again.stderr], [1, 'it is revoked already\n']);

  const hostile = await as('alice', 'identities', 'revoke', 'writer', '--reason', `left ${HOSTILE}`);
  assert.notEqual(hostile.code, 0);
  assert.match(hostile.stderr, /one line without control characters/);
  assert.equal((await as('alice', 'identities', 'revoke', 'writer', '--reason', 'left the company')).code, 0);
  await assert.rejects(stage.scene.client('writer'));
  assert.match((await as('mallory', 'identities', 'show', 'writer')).stdout, /state: +REVOKED/);
  assert.equal((await as('alice', 'identities', 'restore', 'writer', '--reason', 'came back')).code, 0);
  const ended = new Promise<Error>((resolve) => {
    reader.once('error', resolve);
  });
  assert.match((await as('alice', 'sessions', 'terminate', session, '--reason', 'reads too much')).stdout, /ended\n$/);
  await ended;
  assert.match(await until(async () => {
    const { stdout } = await as('carol', 'activity', 'list', '--kind', 'control');
    return stdout.includes('reads too much') ? stdout : undefined;
  }), /identities\.revoke +Alice Ames +okta +terminal +writer .*reason: left the company/);
  assert.equal((await as('carol', 'sessions', 'search', '--text', 'name FROM customers')).code, 0);

  const { items } = await json<{ items: { id: string; subject?: string }[] }>('alice', 'people', 'list');
  const bobs = items.find(({ subject }) => subject === 'bob')?.id ?? '';
  assert.equal((await as('alice', 'people', 'sign-out', bobs, '--reason', 'changed teams')).code, 0);
  assert.equal((await browser('bob').get('/me')).status, 401);

  const { leaves } = await evidence(next);
  const done = leaves.flatMap(({ record }) => (record.kind === 'control' && record.event === 'action' ? [[record.action, record.by, record.channel, record.provider, record.target]] : []));
  assert.deepEqual(done, [
    ['tokens.create', 'person', 'terminal', 'okta', made.token.id],
    ['tokens.revoke', 'person', 'terminal', 'okta', made.token.id],
    ['identities.revoke', 'person', 'terminal', 'okta', 'writer'],
    ['identities.restore', 'person', 'terminal', 'okta', 'writer'],
    ['sessions.terminate', 'person', 'terminal', 'okta', session],
    ['people.signOut', 'person', 'terminal', 'okta', bobs],
  ]);
  const read = leaves.flatMap(({ record }) => (record.kind === 'access' ? [[record.act, record.by, record.channel]] : []));
  assert.ok(read.length >= 2 && read.some(([act]) => act === 'show') && read.some(([act]) => act === 'search'), JSON.stringify(read));
  for (const [, by, channel] of read) assert.deepEqual([by, channel], ['a person of okta', 'terminal']);
  for (const name of ['Alice', 'Carol', 'reads too much']) assert.ok(!JSON.stringify(leaves).includes(name), 'names and reasons stand in sealed bodies only');
});

test('lists come in pages that fit together', async () => {
  const whole = await json<{ items: { sequence: number }[] }>('carol', 'activity', 'list', '--kind', 'control', '--limit', '200');
  assert.ok(whole.items.length >= 6);
  const limit = String(Math.ceil(whole.items.length / 3));
  const seen: number[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: { sequence: number }[]; next: string | null } = await json('carol', 'activity', 'list', '--kind', 'control', '--limit', limit, ...(cursor === null ? [] : ['--cursor', cursor]));
    assert.ok(page.items.length <= Number(limit));
    seen.push(...page.items.map(({ sequence }) => sequence));
    cursor = page.next;
  } while (cursor !== null);
  assert.deepEqual(seen, whole.items.map(({ sequence }) => sequence));
  assert.match((await as('alice', 'identities', 'search', '--limit', '1')).stdout, /there are more: --cursor migrator\n$/);
  for (const wrong of [['--limit', '0'], ['--limit', '201'], ['--limit', 'many'], ['--cursor', 'x y']]) assert.equal((await as('alice', 'identities', 'search', ...wrong)).code, 2, wrong.join(' '));
});

test('nobody gets in without a good ID token of a person, and nothing but the API is reached', async () => {
  const { people } = stage;
  const good = tokens.get('alice') ?? '';
  for (const [code, idToken] of [
    ['token_malformed', undefined],
    ['token_malformed', 7],
    ['issuer_unknown', await stage.scene.token('reader')],
    ['not_id_token', await people.machineToken()],
    ['expired', await people.idToken('alice', { expiresIn: -120 })],
    ['audience_wrong', await people.idToken('alice', { aud: 'another' })],
    ['not_interactive', await people.idToken('alice', { claims: { nonce: '' } })],
    ['signature_invalid', `${good.slice(0, -8)}AAAAAAAA`],
  ] as const) {
    const answer = await send({ idToken, path: '/api/v1/tokens' });
    assert.deepEqual([answer.ok, !answer.ok && answer.code], [false, code], JSON.stringify(answer));
  }
  for (const path of ['/metrics', '/ready', '/login/okta', 'http://127.0.0.1/api/v1/me', '/', '', undefined, 7, `/api/v1/${'x'.repeat(20_000)}`]) {
    const answer = await send({ path, idToken: good });
    assert.ok(!answer.ok && answer.code === 'invalid', `${String(path)}: ${JSON.stringify(answer)}`);
  }
  for (const method of ['PUT', 'DELETE', 'HEAD', 'get']) assert.deepEqual((await send({ method, idToken: good })).ok, false, method);
  for (const [method, path] of [['GET', '/api/v1/events'], ['GET', '/api/v1/%65vents'], ['GET', `/api/v1/evidence/jobs/${'00'.repeat(8)}/pack`], ['POST', '/api/v1/approvals/X/answer'], ['POST', '/api/v1/logout'], ['GET', '/api/v1/../metrics'], ['GET', '/api/v1/nothing']] as const) {
    const answer = await send({ method, path, idToken: good, ...(method === 'POST' ? { body: '{}' } : {}) });
    assert.ok(answer.ok && (answer.result as ActionAnswer).status === 404 || (answer.ok && path.includes('..')), `${path}: ${JSON.stringify(answer)}`);
  }
  assert.equal(((await send({ method: 'POST', path: '/api/v1/tokens', body: '{"name":', idToken: good })) as { result: ActionAnswer }).result.status, 400);
});

test('while somebody asks at a terminal, nobody on the network is taken for them', async () => {
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      if (i % 2 === 0) return (await at('alice', 'GET', '/identities/reader')).status;
      const response = await fetch(`${stage.site}/api/v1/tokens`, i % 4 === 1 ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"x","roles":["admin"],"days":1}' });
      await response.arrayBuffer();
      return response.status;
    }),
  );
  assert.deepEqual(statuses, statuses.map((_, i) => (i % 2 === 0 ? 200 : 401)));
});

test('the ID token that login has kept is used; without one it says what to do', async () => {
  const { gateway } = stage.scene;
  const plain = (...words: readonly string[]): Promise<Ran> => gateway.cli(...words, '--config', gateway.configFile);
  const before = await plain('overview', '--json');
  assert.deepEqual([before.code, JSON.parse(before.stdout)], [1, { ok: false, error: 'you are not logged in: run wicketgate login, or give --login or --id-token', code: 'not_logged_in' }]);
  assert.equal((await plain('login', '--id-token', `file:${own.file('carol')}`)).code, 0);
  assert.match((await plain('whoami')).stdout, /name: +Carol Cole\n.*roles: +auditor\n/s);
  writeFileSync(own.file('old'), await stage.people.idToken('carol', { expiresIn: -120 }), { mode: 0o600 });
  const stale = await plain('overview', '--id-token', `file:${own.file('old')}`);
  assert.deepEqual([stale.code, /log in again with wicketgate login/.test(stale.stderr)], [1, true], stale.stderr);
  assert.equal((await plain('overview', '--login', '--id-token', 'env:X')).code, 2);
  assert.equal((await plain('tokens', 'create', 'x', '--role', 'approver', '--days', '1')).code, 2);
});

test('the log verifies, and a stopped gateway is said to be one', async () => {
  const { gateway } = stage.scene;
  const verified = await gateway.cli('evidence', 'verify', 'data', '--keys', 'keys');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  await gateway.terminate();
  const none = await as('alice', 'overview');
  assert.deepEqual([none.code, /no gateway runs on/.test(none.stderr)], [1, true], none.stderr);
});
