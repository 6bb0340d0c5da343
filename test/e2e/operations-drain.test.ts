import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verify } from '../../src/evidence/verify/verify.ts';
import { until } from '../kit/until.ts';
import { plainClient, plainConfig, plainPsql, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { readEvidence } from './recorded-evidence.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

const get = async (address: string): Promise<{ status: number; type: string; text: string }> => {
  const response = await fetch(address, { headers: { connection: 'close' } });
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
};

test('SIGTERM: idle sessions end with a native error, a transaction may finish, new clients are turned away, the evidence is complete', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  const idle = await plainClient(around, gateway, 'writer');
  const busy = await plainClient(around, gateway, 'writer');
  const ended = new Promise<Error & { code?: string }>((resolve) => idle.once('error', resolve));
  await busy.query('BEGIN');
  await busy.query("INSERT INTO audit VALUES (80, 'while draining')");
  gateway.signal('SIGTERM');
  const why = await ended;
  assert.deepEqual([why.code, why.message], ['57P01', 'wicketgate: the gateway is stopping; connect again']);
  const ready = await get(`${gateway.control}/ready`);
  assert.deepEqual([ready.status, JSON.parse(ready.text)], [503, { ready: false, draining: 'the gateway is stopping' }]);
  assert.equal((await get(`${gateway.control}/health`)).status, 200);
  await assert.rejects(new Promise((resolve, reject) => createConnection(gateway.port(), '127.0.0.1').once('connect', resolve).once('error', reject)), /ECONNREFUSED/);
  // A second signal changes nothing.
  gateway.signal('SIGTERM');
  assert.equal((await busy.query("UPDATE audit SET note = 'finished' WHERE id = 80")).rowCount, 1);
  await busy.query('COMMIT');
  await until(() => gateway.ended(), 20_000, 'the end');
  assert.deepEqual(gateway.ended(), { code: 0, signal: null }, gateway.log());
  assert.deepEqual(await around.target.query('SELECT note FROM audit WHERE id = 80'), [{ note: 'finished' }]);
  assert.equal(gateway.logLines().at(-1)?.['msg'], 'stopped');

  const { completeness, integrity } = await verify(join(gateway.dataDir, 'evidence'), { keys: join(gateway.folder, 'keys') });
  assert.deepEqual([integrity.ok, completeness.verdict], [true, 'complete']);
  const { leaves, sessions } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
  const last = leaves.at(-1)?.record;
  assert.ok(last?.kind === 'instance' && last.event === 'stop');
  assert.deepEqual([...sessions.values()].map(({ end }) => end), ['closed', 'closed']);
  const cli = await gateway.cli('evidence', 'verify', gateway.dataDir, '--keys', join(gateway.folder, 'keys'), '--closed');
  assert.equal(cli.code, 0, cli.stdout + cli.stderr);
});

test('a transaction that commits while the gateway stops is answered as committed', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  await around.target.query('DELETE FROM audit WHERE id >= 1000');
  let commits = 0;
  const work = async (n: number): Promise<void> => {
    const client = await plainClient(around, gateway, 'writer');
    client.on('error', () => {});
    try {
      for (;;) {
        await client.query('BEGIN');
        await client.query('INSERT INTO audit VALUES ($1, $2)', [1000 + n, 'counted']);
        await client.query('COMMIT');
        commits += 1;
      }
    } catch {
      // It ended between two transactions, or turned the next one away.
    }
  };
  // Some of them have to be between what the target says and its record, at the moment of the stop.
  for (let round = 1; round <= 3; round++) {
    const before = commits;
    const working = Promise.all(Array.from({ length: 60 }, (_, n) => work(n)));
    await until(() => commits >= before + 180, 30_000, 'transactions');
    assert.equal(await gateway.terminate(), 0);
    await working;
    assert.equal(await around.target.count('audit WHERE id >= 1000'), commits);
    if (round < 3) await gateway.start();
  }
});

test('a transaction that does not end is ended after the time for draining', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  const stuck = await plainClient(around, gateway, 'writer');
  await stuck.query('BEGIN');
  await stuck.query("INSERT INTO audit VALUES (81, 'never committed')");
  const ended = new Promise<Error & { code?: string }>((resolve) => stuck.once('error', resolve));
  const began = performance.now();
  assert.equal(await gateway.terminate(30_000), 0);
  assert.equal((await ended).code, '57P01');
  assert.ok(performance.now() - began > 9_000, 'it was given time');
  assert.deepEqual(await around.target.query('SELECT 1 FROM audit WHERE id = 81'), []);
});

test('health, readiness and metrics say what is true, in Prometheus\' own format', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  const client = await plainClient(around, gateway, 'reader');
  await client.query('SELECT 1');
  await client.query('DELETE FROM audit').catch(() => {});
  // Drivers with values are refused at Parse.
  await client.query('DELETE FROM audit WHERE id = $1', [1]).catch(() => {});
  await until(async () => (await get(`${gateway.control}/metrics`)).text.includes('wicketgate_evidence_unsynced 0'), 20_000, 'all records durable');
  assert.deepEqual(await get(`${gateway.control}/health`), { status: 200, type: 'text/plain', text: 'ok\n' });
  assert.deepEqual(await get(`${gateway.control}/ready`), { status: 200, type: 'application/json', text: '{"ready":true}\n' });
  assert.equal((await get(`${gateway.control}/other`)).status, 404);
  assert.equal((await fetch(`${gateway.control}/metrics`, { method: 'POST', headers: { connection: 'close' } })).status, 405);

  const { text, type } = await get(`${gateway.control}/metrics`);
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  const samples = parsePrometheus(text);
  const value = (name: string): number | undefined => samples.get(name);
  assert.equal(value('wicketgate_sessions{connection="shop"}'), 1);
  assert.equal(value('wicketgate_sessions_opened_total{connection="shop"}'), 1);
  assert.equal(value('wicketgate_decisions_total{connection="shop",decision="allow"}'), 1);
  assert.equal(value('wicketgate_decisions_total{connection="shop",decision="deny"}'), 2);
  assert.equal(value('wicketgate_outcomes_total{connection="shop",status="ok"}'), 1);
  assert.equal(value('wicketgate_configuration_valid'), 1);
  assert.equal(value('wicketgate_evidence_available'), 1);
  assert.equal(value('wicketgate_evidence_sync_failures_total'), 0);
  assert.ok((value('wicketgate_evidence_records_total') ?? 0) >= 5);
  assert.ok((value('wicketgate_evidence_free_bytes') ?? 0) > 0);
  assert.equal(value('wicketgate_clients'), 1);
  assert.equal(value('wicketgate_evidence_syncs_within_seconds{le="+Inf"}'), value('wicketgate_evidence_syncs_total'));
  await client.end();
  await until(async () => (await get(`${gateway.control}/metrics`)).text.includes('wicketgate_sessions{connection="shop"} 0'), 20_000, 'the session to be counted off');
});

test('every line of the log is JSON with time and level, and holds no token and no password', async () => {
  await using gateway = await startPlainGateway(plainConfig(around));
  const token = await around.issuer.token({ claims: { job: 'reader' } });
  const pieces = [token, token.split('.')[2] as string];
  const psql = async (env: Record<string, string>): Promise<void> => {
    await plainPsql(around, gateway, 'reader', '-c', 'SELECT 1', '-d', Object.entries(env).map(([key, value]) => `${key}='${value}'`).join(' '));
  };
  await psql({ password: token });
  // Users paste tokens into the wrong places.
  await psql({ user: token.slice(0, 60), password: token });
  await psql({ dbname: 'nowhere', password: token });
  await psql({ application_name: 'job', options: `-c search_path=${token.slice(-40)}`, password: `${token}x` });
  assert.equal(await gateway.terminate(), 0);
  const lines = gateway.log().trimEnd().split('\n');
  assert.ok(lines.length > 5);
  for (const line of lines) {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.equal(typeof parsed['level'], 'number', line);
    assert.match(String(parsed['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, line);
    assert.equal(typeof parsed['msg'], 'string', line);
  }
  for (const piece of [...pieces, 'only-the-gateway-knows-this-9f2']) assert.equal(gateway.log().includes(piece), false);
});

/** The samples of a text exposition by `name{labels}`. Rejects what the format does not allow, and what was not announced by TYPE. */
const parsePrometheus = (text: string): Map<string, number> => {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  assert.ok(text.endsWith('\n'));
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const [, typed, type] = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) {
      types.set(typed, type);
      continue;
    }
    const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (-?[\d.e+-]+|NaN|[+-]Inf)$/.exec(line) ?? [];
    assert.notEqual(name, '', `not a sample: ${line}`);
    assert.ok(types.has(name), `${name} has no TYPE`);
    assert.ok(!samples.has(name + labels), `twice: ${name}${labels}`);
    samples.set(name + labels, Number(value));
  }
  return samples;
};
