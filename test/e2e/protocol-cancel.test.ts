import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { skipUnless, requireProgram } from '../kit/present.ts';
import { python } from '../kit/clients.ts';
import { environment } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { startScene, type Scene } from './scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';
import { gatewayWire, openSocket, openTls, plain, say, type Wire } from './wire.ts';

let scene: Scene;
before(async () => {
  scene = await startScene({ connection: { functions: ['pg_catalog.pg_sleep(double precision)'] } });
});
after(() => scene[Symbol.asyncDispose]());

/** What a file of a process is; it may be closed by now. */
const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

const sleeping = (count: number): Promise<unknown> =>
  until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND state = 'active'")).length === count, 20_000, `${count} sleeping`);

const cancel = async (processId: number, key: Uint8Array, tls: boolean): Promise<void> => {
  const socket = tls ? await openTls(scene.gateway.port(), readFileSync(scene.gateway.caFile, 'utf8')) : await openSocket(scene.gateway.port());
  socket.on('error', () => {});
  socket.resume();
  socket.write(say.cancelRequest(processId, key));
  await until(() => socket.closed || socket.readableEnded, 20_000, 'the end of the cancel connection');
  socket.destroy();
};

const cancelled = async (wire: Wire): Promise<void> => {
  assert.deepEqual(plain((await wire.until('ReadyForQuery')).filter(({ kind }) => kind !== 'RowDescription')), ['E57014', 'ZI']);
};

for (const minor of [0, 2]) {
  for (const tls of [false, true]) {
    test(`a key of protocol 3.${minor} cancels its own session ${tls ? 'inside TLS' : 'in clear'}`, async () => {
      using wire = await gatewayWire(scene, 'writer', { minor });
      assert.equal(wire.key.length === 4, minor === 0);
      wire.send(say.query('SELECT pg_sleep(60)'));
      await sleeping(1);
      await cancel(wire.processId, wire.key, tls);
      await cancelled(wire);
      assert.deepEqual(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
    });
  }
}

test('of a request to cancel no socket is left, with the right key or a wrong one, whether its client closes or not', async () => {
  using wire = await gatewayWire(scene, 'writer');
  const sockets = (): number => readdirSync(`/proc/${scene.gateway.pid}/fd`, { withFileTypes: true }).filter(({ name }) => linkOf(`/proc/${scene.gateway.pid}/fd/${name}`).startsWith('socket:')).length;
  const before = sockets();
  for (let n = 0; n < 30; n++) await cancel(wire.processId, n % 2 === 0 ? wire.key : Buffer.alloc(4), n % 3 === 0);
  const open = connect({ host: '127.0.0.1', port: scene.gateway.port(), allowHalfOpen: true });
  open.resume();
  open.write(say.cancelRequest(wire.processId, wire.key));
  await until(() => open.readableEnded, 20_000, 'the end of the cancel connection');
  await until(() => sockets() <= before, 10_000, `no more than ${before} sockets`);
  open.destroy();
});

test('however many requests to cancel one session sends, one of them at a time is a connection to the target', async () => {
  using wire = await gatewayWire(scene, 'writer');
  const sockets = (): number => readdirSync(`/proc/${scene.gateway.pid}/fd`, { withFileTypes: true }).filter(({ name }) => linkOf(`/proc/${scene.gateway.pid}/fd/${name}`).startsWith('socket:')).length;
  const before = sockets();
  wire.send(say.query('SELECT pg_sleep(60)'));
  await sleeping(1);
  const postmaster = Number(readFileSync(`${scene.target.dataDir}/postmaster.pid`, 'utf8').split('\n')[0]);
  process.kill(postmaster, 'SIGSTOP');
  try {
    for (let n = 0; n < 40; n++) await cancel(wire.processId, wire.key, false);
    // One more for a look at the catalog that may be on its way.
    await until(() => sockets() <= before + 2, 5_000, `no more than ${before + 2} sockets, not ${sockets()}`);
  } finally {
    process.kill(postmaster, 'SIGCONT');
  }
  await cancelled(wire);
  await until(async () => !plain(await wire.query('SELECT 1')).includes('E57014'), 20_000, 'the end of the last request');
});

test('nobody can cancel with the wrong key, of any length', async () => {
  using wire = await gatewayWire(scene, 'writer');
  wire.send(say.query('SELECT pg_sleep(60)'));
  await sleeping(1);
  for (const key of [Buffer.alloc(4), Buffer.alloc(32), Buffer.concat([wire.key, Buffer.alloc(1)]), wire.key.map((byte) => byte ^ 1)]) await cancel(wire.processId, key, true);
  using other = await gatewayWire(scene, 'writer');
  await cancel(wire.processId, other.key, true);
  await cancel(other.processId, wire.key, true);
  await cancel(other.processId, other.key, true);
  await sleeping(1);
  await cancel(wire.processId, wire.key, true);
  await cancelled(wire);
});

test('the key of the target itself is not known outside', async () => {
  using wire = await gatewayWire(scene, 'writer');
  const backends = await scene.target.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'wg:%'");
  assert.ok(backends.every(({ pid }) => pid !== wire.processId));
});

test('a cancel while idle changes nothing', async () => {
  using wire = await gatewayWire(scene, 'writer');
  await cancel(wire.processId, wire.key, true);
  assert.deepEqual(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
});

test('a cancel in a block leaves it failed, and a cancelled COPY is over', async () => {
  using wire = await gatewayWire(scene, 'writer');
  await wire.query('BEGIN');
  wire.send(say.query('SELECT pg_sleep(60)'));
  await sleeping(1);
  await cancel(wire.processId, wire.key, false);
  assert.deepEqual(plain(await wire.until('ReadyForQuery')).slice(-2), ['E57014', 'ZE']);
  assert.deepEqual(plain(await wire.query('COMMIT')), ['ROLLBACK', 'ZI']);
  wire.send(say.query('COPY audit(id, note) FROM STDIN'));
  await wire.until('CopyInResponse');
  await cancel(wire.processId, wire.key, false);
  wire.send(say.copyData(Buffer.from('5\tfive\n')), say.copyFail('over'));
  assert.match(plain(await wire.until('ReadyForQuery')).join(' '), /E57014 ZI/);
});

for (const block of [false, true]) {
  test(`a cancel that meets a look-up of the gateway's own ${block ? 'in a block' : 'outside a block'} cancels what the client has sent`, async () => {
    using wire = await gatewayWire(scene, 'writer');
    await wire.query('SELECT 1');
    if (block) await wire.query('BEGIN');
    const other = await scene.target.client();
    await other.query('BEGIN; LOCK pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE');
    try {
      assert.ok(plain(await wire.query('SET search_path = elsewhere, public')).includes('SET'));
      wire.send(say.query('SELECT name FROM customers'));
      await until(async () => (await other.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'pg_catalog.pg_namespace'::regclass")).rowCount === 1, 20_000, 'the look-up waiting');
      await cancel(wire.processId, wire.key, true);
      assert.deepEqual(plain((await wire.until('ReadyForQuery')).filter(({ kind }) => kind !== 'ParameterStatus')), ['E57014', block ? 'ZE' : 'ZI']);
    } finally {
      await other.query('ROLLBACK');
      await other.end();
    }
    if (block) assert.deepEqual(plain(await wire.query('COMMIT')), ['ROLLBACK', 'ZI']);
    assert.equal(plain(await wire.query('SELECT name FROM customers')).at(-1), 'ZI');
  });
}

test('the key is worth nothing when the session is over', async () => {
  const wire = await gatewayWire(scene, 'writer');
  wire.send(say.terminate);
  await wire.rest();
  await cancel(wire.processId, wire.key, true);
  using next = await gatewayWire(scene, 'writer');
  assert.deepEqual(plain(await next.query('SELECT 1')).at(-1), 'ZI');
});

test('psql stops its query when its user presses Ctrl-C', async () => {
  const child = spawn(requireProgram('psql'), ['-X', '-w', '-c', 'SELECT pg_sleep(60)', '-c', 'SELECT 4711 AS after'], { env: environment(await scene.env('writer')), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await sleeping(1);
  child.kill('SIGINT');
  await until(() => child.exitCode !== null || child.signalCode !== null);
  assert.match(said, /canceling statement due to user request|Cancel request sent/);
  await sleeping(0);
});

test('psycopg cancels from another thread', { skip: skipUnless('psycopg') }, async () => {
  const ran = await python(
    `
import psycopg, threading, time
with psycopg.connect("", autocommit=True) as c:
    done = threading.Event()
    def stop():
        with psycopg.connect("", autocommit=True) as watch:
            pass
        while not done.is_set():
            c.cancel()
            time.sleep(0.2)
    t = threading.Thread(target=stop)
    t.start()
    try:
        c.execute("SELECT pg_sleep(60)")
        print("not cancelled")
    except psycopg.errors.QueryCanceled as e:
        print("cancelled", e.sqlstate)
    done.set()
    t.join()
    for _ in range(3):
        try:
            print(c.execute("SELECT 1").fetchone()[0])
            break
        except psycopg.errors.QueryCanceled:
            pass
`,
    await scene.env('writer'),
  );
  assert.equal(ran.stdout, 'cancelled 57014\n1\n', ran.stderr);
});

test('what was cancelled is recorded as failed, and the evidence is whole', async () => {
  await stopAndVerify(scene);
  const slept = await recorded(scene, 'pg_sleep(60)');
  assert.ok(slept.length >= 6, String(slept.length));
  assert.deepEqual([...new Set(slept.map(({ end }) => end))], ['error']);
});
