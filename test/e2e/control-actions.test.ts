import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { createClient, type EvidenceView, type IdentityDetail, type Job, type Overview, type SessionSummary, type TimelineEntry } from '../../src/control/client.ts';
import { SOON_MS, until } from '../kit/until.ts';
import { startControlScene, type ControlScene } from './control-scene.ts';
import type { Browser } from './control-browser.ts';
import { readEvidence } from './recorded-evidence.ts';
import { TABLES } from './scene.ts';

let stage: ControlScene;
let admin: Browser;
let auditor: Browser;
let viewer: Browser;
let reader: pg.Client;
let session: string;

const items = <T>(page: { json<U>(): U }): T[] => page.json<{ items: T[] }>().items;

before(async () => {
  stage = await startControlScene({
    postgres: { setup: `${TABLES} CREATE SCHEMA reports; CREATE TABLE reports.daily(day date); GRANT USAGE ON SCHEMA reports TO app; GRANT SELECT ON reports.daily TO app; ALTER ROLE app SET search_path = reports, public;` },
    policies: [
      { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ columns: ['customers.ssn'], mode: 'display', transform: 'redact' }] },
      { name: 'migrating', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'schema'], rules: [{ name: 'no-drop', match: { verbs: ['drop'] }, effect: 'deny', reason: 'nothing is dropped' }] },
    ],
  });
  [admin, auditor, viewer] = [await stage.signedIn('alice'), await stage.signedIn('carol'), await stage.signedIn('mallory')];
  reader = await stage.scene.client('reader');
  // It is ended by an administrator below, and says so more than once.
  reader.on('error', () => {});
  await reader.query("SELECT name, ssn FROM customers WHERE name <> 'needle-in-the-hay' ORDER BY id");
  await reader.query('DROP TABLE customers').catch(() => undefined);
  session = await until(async () => items<SessionSummary>(await viewer.get('/sessions?state=live')).find(({ identity, commands, refused }) => identity === 'reader' && commands === 1 && refused === 1)?.id, 30_000, 'the session in the index');
}, { timeout: 120_000 });
after(async () => {
  await reader.end().catch(() => undefined);
  await stage[Symbol.asyncDispose]();
});

test('a live session is in the list, and found by what it did', async () => {
  for (const query of ['?identity=reader', '?state=live&connection=shop', '?verb=drop', '?decision=refused', '?object=customers&identity=read*']) {
    const found = items<SessionSummary>(await viewer.get(`/sessions${query}`));
    assert.deepEqual(found.map(({ id }) => id), [session], query);
  }
  for (const query of ['?identity=nobody', '?state=past', '?verb=alter']) assert.deepEqual(items(await viewer.get(`/sessions${query}`)), [], query);
  const one = (await viewer.get(`/sessions/${session}`)).json<SessionSummary>();
  assert.deepEqual([one.state, one.live, one.commands, one.refused, one.protocol, one.peer], ['open', true, 1, 1, 'postgres', '127.0.0.1']);
});

test('a text is found by who may read it, and looking for it is on record first', async () => {
  assert.equal((await viewer.get('/sessions?text=needle-in')).status, 403);
  assert.equal((await viewer.get('/commands?text=needle-in')).status, 403);
  // The index takes the records in after they were written.
  const found = await until(async () => items<{ texts: { text?: string }[] }>(await auditor.get('/commands?text=NEEDLE-in-the'))[0]);
  assert.match(found.texts[0]?.text ?? '', /needle-in-the-hay/);
  assert.deepEqual(items<SessionSummary>(await auditor.get('/sessions?text=needle-in-the')).map(({ id }) => id), [session]);
  const hidden = items<{ texts: unknown[] }>(await viewer.get('/commands?verb=select'));
  assert.ok(hidden.length > 0 && hidden.every(({ texts }) => texts.length === 0));
  const { leaves } = await readEvidence(stage.scene.gateway.dataDir, join(stage.scene.gateway.folder, 'keys'));
  const looked = leaves.filter(({ record }) => record.kind === 'access' && record.act === 'search');
  assert.ok(looked.length >= 2);
  for (const { record } of looked) assert.ok(record.kind === 'access' && record.by === 'a person of okta' && !JSON.stringify(record).includes('needle'));
});

test('a refusal by masking says why: in the timeline, in a replay and in the terminal, and in no leaf', async () => {
  const client = await stage.scene.client('reader');
  await assert.rejects(client.query('COPY customers TO STDOUT'), /ssn would be copied out/);
  await client.end();
  const { id } = await until(async () => items<SessionSummary>(await viewer.get('/sessions?state=past')).find(({ commands, refused }) => commands === 0 && refused === 1), 30_000, 'the session in the index');
  const refused = items<TimelineEntry>(await auditor.get(`/sessions/${id}/timeline`)).find(({ kind }) => kind === 'refused');
  assert.deepEqual([refused?.code, refused?.reason], ['masking', 'public.customers.ssn would be copied out (mask reading/1)']);
  assert.match(refused?.words ?? '', /refused, masking: public\.customers\.ssn would be copied out/);
  const frames = items<{ kind: string; text: string }>(await auditor.get(`/sessions/${id}/replay`));
  assert.match(frames.find(({ kind }) => kind === 'refused')?.text ?? '', /would be copied out/);
  assert.doesNotMatch(frames.find(({ kind }) => kind === 'statement')?.text ?? '', /would be copied out/);
  const shown = await stage.scene.gateway.cli('sessions', 'show', id, '--config', stage.scene.gateway.configFile);
  assert.match(shown.stdout, /reason: public\.customers\.ssn would be copied out \(mask reading\/1\)/, shown.stderr);
  const { leaves } = await readEvidence(stage.scene.gateway.dataDir, join(stage.scene.gateway.folder, 'keys'));
  assert.ok(!JSON.stringify(leaves.map(({ record }) => record)).includes('copied out'));
  // The log of the gateway says how it ended.
  const closed = await until(() => stage.scene.gateway.logLines().find((line) => line['msg'] === 'session closed' && line['session'] === id));
  assert.equal(closed['reason'], 'client left');
});

test('the timeline shows what was asked, decided and done; the answer is the masked one', async () => {
  const entries = items<TimelineEntry>(await auditor.get(`/sessions/${session}/timeline`));
  assert.deepEqual(entries.map(({ kind }) => kind), ['opened', 'command', 'refused']);
  const [, select, drop] = entries;
  assert.match(select?.texts[0]?.text ?? '', /SELECT name, ssn FROM customers/);
  assert.deepEqual([select?.outcome?.status, select?.outcome?.rowsReturned, select?.decision?.effect], ['ok', 2, 'allow']);
  assert.deepEqual(Object.values(select?.outcome?.masked ?? {}), [2]);
  assert.equal(drop?.code, 'denied');
  assert.match(drop?.reason ?? '', /drop.* refused/);
  assert.deepEqual(drop?.texts.map(({ part }) => part), ['statement'], 'the reason is shown as such');
  const answer = (await auditor.get(`/sessions/${session}/commands/${select?.command}/answer`)).json<{ text: string; truncated: boolean }>();
  assert.match(answer.text, /Ada/);
  assert.doesNotMatch(answer.text, /123-45-6789/);
  const frames = items<{ kind: string; refused: boolean; at: number; text: string }>(await auditor.get(`/sessions/${session}/replay`));
  assert.deepEqual(frames.map(({ kind }) => kind), ['opened', 'statement', 'answer', 'statement', 'refused']);
  assert.ok(frames.every(({ at }, i) => at >= (frames[i - 1]?.at ?? 0)));
  for (const path of ['timeline', 'replay', `commands/${select?.command}/answer`]) assert.equal((await viewer.get(`/sessions/${session}/${path}`)).status, 403, path);
});

test('a timeline comes in pages that fit together', async () => {
  const client = await stage.scene.client('reader');
  for (let i = 0; i < 25; i += 1) await client.query(`SELECT ${i} AS number`);
  await client.end();
  const id = await until(async () => items<SessionSummary>(await viewer.get('/sessions?state=past')).find(({ commands }) => commands === 25)?.id, 30_000, 'the session');
  const seen: TimelineEntry[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: { items: TimelineEntry[]; next: string | null } = (await auditor.get(`/sessions/${id}/timeline?limit=10&cursor=${cursor}`)).json();
    seen.push(...page.items);
    cursor = page.next;
  }
  assert.deepEqual(seen.map(({ kind }) => kind), ['opened', ...Array<string>(25).fill('command'), 'closed']);
  assert.ok(seen.every(({ sequence }, i) => sequence > (seen[i - 1]?.sequence ?? -1)));
});

test('the overview adds up', async () => {
  const view = (await viewer.get('/overview?hours=2')).json<Overview>();
  assert.equal(view.hours.length, 2);
  assert.ok(view.hours.reduce((sum, { allowed }) => sum + allowed, 0) >= 26);
  assert.ok(view.denied.some(({ identity, code, connection }) => identity === 'reader' && code === 'denied' && connection === 'shop'));
  assert.deepEqual([view.evidence.available, view.live.sessions, view.newIdentities.map(({ identity }) => identity)], [true, 1, ['reader']]);
});

test('an identity shows what it may reach and what it used', async () => {
  const detail = (await viewer.get('/identities/reader')).json<IdentityDetail>();
  assert.deepEqual(detail.reaches.map(({ connection, allow, masks }) => [connection, allow, masks]), [['shop', ['read'], 1]]);
  assert.ok((detail.reaches[0]?.used ?? 0) >= 27);
  assert.ok(detail.used.some(({ verb, allowed }) => verb === 'select' && allowed >= 26));
  assert.ok(detail.objects.some(({ object }) => object === 'table:public.customers'));
  const never = (await viewer.get('/identities/migrator')).json<IdentityDetail>();
  assert.deepEqual([never.lastUse, never.reaches[0]?.used], [undefined, 0]);
  assert.deepEqual(items<{ name: string }>(await viewer.get('/identities?limit=2')).map(({ name }) => name), ['migrator', 'reader']);
  assert.deepEqual(items<{ name: string }>(await viewer.get('/identities?limit=2&cursor=reader')).map(({ name }) => name), ['writer']);
  const text = (await viewer.get('/connections')).text;
  assert.ok(text.includes('shop') && !text.includes('app') && !text.includes('only-the-gateway-knows'), 'no credential');
});

test('policies are explained with the names of the target, and say file and line', async () => {
  const explained = (await viewer.post('/policies/explain', { identity: 'migrator', connection: 'shop', command: 'DROP TABLE customers' })).json<{ verdict: string; catalog: string; rules: { rule: string; origin: { line: number } }[] }>();
  assert.deepEqual([explained.verdict, explained.catalog, explained.rules[0]?.rule], ['deny', 'live', 'no-drop']);
  assert.ok((explained.rules[0]?.origin.line ?? 0) > 0);
  const allowed = (await viewer.post('/policies/explain', { identity: 'reader', connection: 'shop', command: 'SELECT * FROM orders' })).json<{ verdict: string; effects: { object?: string }[] }>();
  assert.deepEqual([allowed.verdict, allowed.effects[0]?.object], ['allow', 'table:public.orders']);
  const matrix = (await viewer.get('/policies/matrix')).json<{ cells: { identity: string; connection: string }[] }>();
  assert.deepEqual(matrix.cells.map(({ identity, connection }) => `${identity} ${connection}`), ['migrator shop', 'reader shop']);
  const versions = items<{ event: string }>(await viewer.get('/policies/versions'));
  assert.equal(versions.at(-1)?.event, 'start');
});

test('a question about policy looks names up where a session of the connection would, or where it says', async () => {
  const ask = async (more: object) => (await viewer.post('/policies/explain', { identity: 'reader', connection: 'shop', command: 'SELECT * FROM daily', ...more })).json<{ searchPath: string[]; searchPathFrom: string; effects: { object?: string }[] }>();
  const ofRole = await ask({});
  assert.deepEqual([ofRole.searchPathFrom, ofRole.searchPath, ofRole.effects[0]?.object], ['target', ['pg_catalog', 'reports', 'public'], 'table:reports.daily']);
  const asked = await ask({ searchPath: ['$user', 'public'] });
  assert.deepEqual([asked.searchPathFrom, asked.searchPath], ['asked', ['pg_catalog', 'app', 'public']]);
  assert.ok(asked.effects.every(({ object }) => object !== 'table:reports.daily'), JSON.stringify(asked.effects));
  assert.equal((await viewer.post('/policies/explain', { identity: 'reader', connection: 'shop', command: 'SELECT 1', searchPath: [] })).status, 400);

  const { gateway } = stage.scene;
  const catalog = await gateway.cli('catalog', '--config', gateway.configFile, '--connection', 'shop');
  assert.equal(catalog.code, 0, catalog.stderr);
  writeFileSync(join(gateway.folder, 'catalog.json'), catalog.stdout);
  const explain = async (...more: string[]): Promise<string> => (await gateway.cli('policy', 'explain', '--config', gateway.configFile, '--identity', 'reader', '--connection', 'shop', '--command', 'SELECT * FROM daily', ...more)).stdout;
  assert.match(await explain('--catalog', 'catalog.json'), /table reports\.daily(.|\n)*as the catalog file says, in: pg_catalog, reports, public\n$/);
  const elsewhere = await explain('--catalog', 'catalog.json', '--search-path', 'public');
  assert.doesNotMatch(elsewhere, /reports\.daily/);
  assert.match(elsewhere, /as --search-path says, in: pg_catalog, public\n$/);
});

test('the log is verified, and a pack is made that the command line verifies', { timeout: 120_000 }, async () => {
  const started = await auditor.post('/evidence/verify');
  assert.equal(started.status, 202, started.text);
  const verified = await until(async () => {
    const job = (await auditor.get(`/evidence/jobs/${started.json<Job>().id}`)).json<Job>();
    return job.state === 'running' ? undefined : job;
  }, 60_000);
  assert.deepEqual([verified.state, verified.ok, verified.findings], ['done', true, []], JSON.stringify(verified));
  const asked = await auditor.post('/evidence/exports', { from: '2020-01-01T00:00:00Z', to: new Date().toISOString(), sample: 5, reason: 'the yearly audit' });
  assert.equal(asked.status, 202, asked.text);
  const id = asked.json<Job>().id;
  const job = await until(async () => {
    const found = (await auditor.get(`/evidence/jobs/${id}`)).json<Job>();
    return found.state === 'running' ? undefined : found;
  }, 60_000);
  assert.equal(job.state, 'done', job.result ?? '');
  const response = await fetch(`${stage.site}/api/v1/evidence/jobs/${id}/pack`, { headers: { cookie: `wicketgate=${auditor.cookies.get('wicketgate')}`, connection: 'close' } });
  assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="wicketgate-evidence-/);
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(createHash('sha256').update(bytes).digest('hex'), job.sha256);
  const file = join(stage.scene.gateway.folder, 'pack.zip');
  writeFileSync(file, bytes);
  const cli = await stage.scene.gateway.cli('evidence', 'verify', file);
  assert.equal(cli.code, 0, cli.stdout + cli.stderr);
  assert.equal((await viewer.get(`/evidence/jobs/${id}/pack`)).status, 403);
});

/** An answer of the rate of questions is not what is asked about: a quick machine gets through what one person may ask before that fills again. */
const patiently = <Answer extends { readonly status: number }>(ask: () => Promise<Answer>): Promise<Answer> =>
  until(async () => {
    const answer = await ask();
    return answer.status === 429 ? undefined : answer;
  });

test('holds are added, listed, and ended, each on record', async () => {
  const hold = (reason: string): ReturnType<typeof auditor.post> => patiently(() => auditor.post('/evidence/holds', { name: 'lawsuit', reason, connections: ['shop'] }));
  assert.equal((await hold('case 17')).status, 200);
  assert.equal((await hold('again')).status, 409);
  await until(async () => items<{ name: string }>(await auditor.get('/evidence/holds')).some(({ name }) => name === 'lawsuit'));
  const plan = (await patiently(() => auditor.get('/evidence/purge-plan'))).json<{ stays: { stays: string; connection: string }[] }>();
  assert.ok(plan.stays.some(({ stays, connection }) => connection === 'shop' && stays === 'hold'));
  assert.equal((await patiently(() => auditor.post('/evidence/holds/lawsuit/release', { reason: 'settled' }))).status, 200);
  await until(async () => items(await auditor.get('/evidence/holds')).length === 0);
  assert.ok((await viewer.get('/evidence')).json<EvidenceView>().health.available);
});

test('API tokens: shown once, hashed, scoped, listed, revoked; never more than their maker, never an approver', async () => {
  const made = await admin.post('/tokens', { name: 'reports', roles: ['admin'], actions: ['overview.show', 'tokens.list'], days: 7 });
  assert.equal(made.status, 201, made.text);
  const { token, secret } = made.json<{ token: { id: string }; secret: string }>();
  const client = createClient({ address: stage.site, token: secret });
  assert.equal((await client.overview.show()).evidence.available, true);
  assert.ok(!JSON.stringify(await client.tokens.list()).includes(secret));
  await assert.rejects(client.settings.show(), { status: 403 });
  await assert.rejects(client.sessions.terminate({ id: session }, { reason: 'x' }), { status: 403 });
  for (const roles of [['auditor'], ['approver'], ['admin', 'viewer']]) assert.ok([400, 403].includes((await admin.post('/tokens', { name: 'more', roles, days: 1 })).status), roles.join());
  assert.equal((await admin.post('/tokens', { name: 'reports', roles: ['admin'], days: 1 })).status, 409);
  assert.equal((await admin.post(`/tokens/${token.id}/revoke`)).status, 200);
  await assert.rejects(client.overview.show(), { status: 401 });
});

test('sessions end and identities are revoked, with their reasons on record', async () => {
  const told: string[] = [];
  const events = httpGet(`${stage.site}/api/v1/events`, { headers: { cookie: `wicketgate=${viewer.cookies.get('wicketgate')}` } }, (response) => void response.on('data', (chunk: Buffer) => told.push(chunk.toString())));
  events.on('error', () => {});
  await until(() => told.length > 0);
  assert.equal((await viewer.post(`/sessions/${session}/terminate`, { reason: 'no' })).status, 403);
  const ended = new Promise<Error>((resolve) => {
    reader.once('error', resolve);
  });
  assert.equal((await admin.post(`/sessions/${session}/terminate`, { reason: 'it reads too much' })).status, 200);
  assert.match((await ended).message, /ended by an operator|terminat|Connection/i);
  assert.equal((await admin.post(`/sessions/${session}/terminate`, { reason: 'again' })).status, 404);
  assert.equal((await admin.post('/identities/writer/revoke', { reason: 'left the company' })).status, 200);
  assert.equal((await admin.post('/identities/writer/revoke', { reason: 'again' })).status, 409);
  await assert.rejects(stage.scene.client('writer'));
  assert.equal((await admin.post('/identities/writer/restore', { reason: 'came back' })).status, 200);
  await until(() => told.join('').includes('event: identity') && told.join('').includes(`"id":"${session}","state":"closed"`));
  // Somebody whose session an administrator ends sees nothing more, as soon as others whose right has ended.
  const mallory = items<{ id: string; name?: string }>(await admin.get('/people')).find(({ name }) => name === 'Mallory')?.id ?? '';
  const closed = new Promise<number>((resolve) => events.once('close', () => resolve(performance.now())));
  const signedOut = performance.now();
  assert.equal((await admin.post(`/people/${mallory}/sign-out`, { reason: 'left a screen open' })).status, 200);
  assert.ok((await closed) - signedOut < SOON_MS, 'at once');
  assert.match(told.join(''), /event: signed_out/);
  const mine = await until(async () => {
    const found = items<{ act: string; by?: string; target?: string; detail?: string }>(await auditor.get('/activity?kind=control&limit=200'));
    return found.some(({ act }) => act === 'identities.restore') ? found : undefined;
  });
  const terminated = mine.find(({ act, target }) => act === 'sessions.terminate' && target === session);
  assert.deepEqual([terminated?.by, terminated?.detail], ['Alice Ames', 'reason: it reads too much']);
  assert.ok(mine.some(({ act, by }) => act === 'refused: sessions.terminate' && by === 'Mallory'));
  assert.equal(JSON.stringify(mine).includes('it reads too much'), true);
  const { leaves } = await readEvidence(stage.scene.gateway.dataDir, join(stage.scene.gateway.folder, 'keys'));
  assert.ok(!JSON.stringify(leaves.filter(({ record }) => record.kind === 'control')).includes('Alice'), 'names stand in sealed bodies only');
});

test('every answer has the headers that keep pages safe', async () => {
  for (const path of ['/api/v1/me', '/api/v1/nothing', '/login/nobody', '/health']) {
    const { headers } = await stage.browser().fetch(path);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/, path);
    assert.deepEqual([headers.get('x-content-type-options'), headers.get('cache-control'), headers.get('referrer-policy')], ['nosniff', 'no-store', 'no-referrer'], path);
  }
});
