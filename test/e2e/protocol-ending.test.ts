import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { SOON_MS, until } from '../kit/until.ts';
import { DEFAULT_POLICIES, startScene, type Scene } from './scene.ts';
import { closeReasons, recorded, stopAndVerify } from './whole-evidence.ts';
import { errorText, gatewayWire, plain, say, type Wire } from './wire.ts';

/* A live session that may no longer exist ends within two seconds, whatever it is doing, with a native error and a record. */

/** What a session may be doing, and how it is brought to do it. */
const DOING: Readonly<Record<string, (wire: Wire) => Promise<void>>> = {
  'doing nothing': async () => {},
  'in a transaction': async (wire) => {
    await wire.query('BEGIN');
    assert.deepEqual(plain(await wire.query("INSERT INTO audit VALUES (77, 'never')")).slice(-1), ['ZT']);
  },
  'in a transaction that failed': async (wire) => {
    await wire.query('BEGIN');
    await wire.query('SELECT 1/0');
  },
  'running a query': async (wire) => {
    wire.send(say.query('SELECT pg_sleep(60)'));
  },
  'running a change': async (wire) => {
    wire.send(say.query("INSERT INTO audit SELECT 78, 'never' FROM pg_sleep(60)"));
  },
  'sending COPY data': async (wire) => {
    wire.send(say.query('COPY audit(id, note) FROM STDIN'));
    await wire.until('CopyInResponse');
    wire.send(say.copyData(Buffer.from('79\tnever\n')));
  },
  'in an open series': async (wire) => {
    wire.send(say.parse('', "INSERT INTO audit VALUES (80, 'never')"), say.bind('', '', [], []), say.execute(''), say.flush);
    await wire.until('CommandComplete');
  },
};

const WAYS: Readonly<Record<string, { readonly how: (scene: Scene) => Promise<void>; readonly state: string }>> = {
  'its identity is revoked': {
    how: async (scene) => assert.equal((await scene.gateway.cli('identities', 'revoke', 'writer', '--config', scene.gateway.configFile)).code, 0),
    state: '57P01',
  },
  'its identity is removed': {
    how: (scene) => scene.gateway.reload({ ...scene.config, identities: (scene.config['identities'] as { name: string }[]).filter(({ name }) => name !== 'writer'), policies: DEFAULT_POLICIES.filter(({ name }) => name !== 'writing') }),
    state: '57P01',
  },
  'its policy is removed': {
    how: (scene) => scene.gateway.reload({ ...scene.config, policies: DEFAULT_POLICIES.filter(({ name }) => name !== 'writing') }),
    state: '57P01',
  },
};

/** Sessions of the gateway at the target that are still there. */
const atTarget = (scene: Scene): Promise<Record<string, unknown>[]> => scene.target.query("SELECT query FROM pg_stat_activity WHERE application_name LIKE 'wg:%'");

for (const [way, { how, state }] of Object.entries(WAYS)) {
  describe(`when ${way}`, () => {
    let scene: Scene;
    beforeEach(async () => {
      scene = await startScene({ connection: { functions: ['pg_catalog.pg_sleep(double precision)'] } });
    });
    afterEach(() => scene[Symbol.asyncDispose]());

    test('all its sessions end, whatever they do, and nothing of theirs commits', async () => {
      const wires = new Map<string, Wire>();
      for (const [doing, begin] of Object.entries(DOING)) {
        const wire = await gatewayWire(scene, 'writer');
        await begin(wire);
        wires.set(doing, wire);
      }
      const other = await gatewayWire(scene, 'reader');
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%' AND wait_event = 'PgSleep'")).length === 2);
      await how(scene);
      const from = performance.now();
      for (const [doing, wire] of wires) {
        const said = await wire.rest();
        assert.match(errorText(said), new RegExp(`S:FATAL[^]*C:${state}[^]*wicketgate`), doing);
        assert.ok(performance.now() - from < SOON_MS, `${doing}: ended at once`);
      }
      await until(async () => (await atTarget(scene)).length === 1, 20_000, 'the end of the sessions at the target');
      assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit'), [{ n: 2 }]);
      assert.deepEqual(plain(await other.query('SELECT 1')).at(-1), 'ZI');
      other.close();
      const [refused] = [await scene.psql('writer', '-c', 'SELECT 1')];
      assert.equal(refused?.code, 2);
      await until(async () => (await closeReasons(scene)).filter((reason) => reason.startsWith('revoked: ')).length === wires.size);
      const commands = await recorded(scene, 'audit');
      assert.deepEqual(commands.map(({ end }) => String(end)).sort((a, b) => a.localeCompare(b)), ['indeterminate', 'indeterminate', 'ok', 'ok']);
      await stopAndVerify(scene);
    });
  });
}

describe('while the configuration changes', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await startScene({ connection: { functions: ['pg_catalog.pg_sleep(double precision)'] } });
  });
  afterEach(() => scene[Symbol.asyncDispose]());

  test('what runs and may no longer run ends its session; what may goes on under the new policy', async () => {
    using runs = await gatewayWire(scene, 'writer');
    using rests = await gatewayWire(scene, 'writer');
    runs.send(say.query("INSERT INTO audit SELECT 78, 'never' FROM pg_sleep(60)"));
    await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 1);
    await scene.gateway.reload({ ...scene.config, policies: DEFAULT_POLICIES.map((policy) => (policy['name'] === 'writing' ? { ...policy, allow: ['read'] } : policy)) });
    assert.match(errorText(await runs.rest()), /C:57P01/);
    assert.match(errorText(await rests.query("INSERT INTO audit VALUES (81, 'never')")), /C:42501/);
    assert.deepEqual(plain(await rests.query('SELECT 1')).at(-1), 'ZI');
    assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit'), [{ n: 2 }]);
  });

  test('an invalid configuration changes nothing', async () => {
    using wire = await gatewayWire(scene, 'writer');
    await scene.gateway.reload(stringify({ version: 1, nonsense: true }));
    await until(() => scene.gateway.log().includes('the old one stays in force'));
    assert.deepEqual(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
  });

  test('an operator ends one session', async () => {
    using one = await gatewayWire(scene, 'writer');
    using two = await gatewayWire(scene, 'writer');
    const read = await one.query('SHOW application_name');
    const prefix = /wg:([0-9a-z]{12}):/.exec(plain(read).join(' '))?.[1] ?? '';
    const listed = await scene.gateway.cli('sessions', 'list', '--config', scene.gateway.configFile, '--json');
    const session = new RegExp(`${prefix}[0-9a-z]{14}`).exec(listed.stdout)?.[0] ?? '';
    const ended = await scene.gateway.cli('sessions', 'terminate', session, '--config', scene.gateway.configFile);
    assert.equal(ended.code, 0, ended.stderr + listed.stdout + listed.stderr);
    assert.match(errorText(await one.rest()), /C:57P01[^]*operator/);
    assert.deepEqual(plain(await two.query('SELECT 1')).at(-1), 'ZI');
  });
});

describe('a session has an age', () => {
  let scene: Scene;
  after(() => scene[Symbol.asyncDispose]());

  test('beyond which it ends', async () => {
    scene = await startScene({ policies: [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], limits: { sessionAge: '3s' } }] });
    using wire = await gatewayWire(scene, 'reader');
    assert.match(errorText(await wire.rest()), /S:FATAL[^]*greatest age/);
  });
});

describe('when the gateway is told to stop', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await startScene();
  });
  afterEach(() => scene[Symbol.asyncDispose]());

  test('idle sessions end, a transaction goes on to its end, the exit code is 0, and the evidence is whole', async () => {
    using idle = await gatewayWire(scene, 'writer');
    using busy = await gatewayWire(scene, 'writer');
    await busy.query('BEGIN');
    scene.gateway.signal('SIGTERM');
    assert.match(errorText(await idle.rest()), /S:FATAL[^]*C:57P01/);
    assert.deepEqual(plain(await busy.query("INSERT INTO audit VALUES (90, 'drained')")), ['INSERT 0 1', 'ZT']);
    assert.deepEqual(plain(await busy.query('COMMIT')), ['COMMIT', 'ZI']);
    assert.match(errorText(await busy.rest()), /S:FATAL[^]*C:57P01/);
    await until(() => scene.gateway.ended() !== undefined);
    assert.deepEqual(scene.gateway.ended(), { code: 0, signal: null });
    assert.deepEqual(await scene.target.query('SELECT count(*)::int AS n FROM audit WHERE id = 90'), [{ n: 1 }]);
    await scene.gateway.start();
    await stopAndVerify(scene);
  });

  test('nobody new gets in', async () => {
    using busy = await gatewayWire(scene, 'writer');
    await busy.query('BEGIN');
    scene.gateway.signal('SIGTERM');
    await until(() => scene.gateway.log().includes('stopping'));
    await assert.rejects(gatewayWire(scene, 'writer'));
    await busy.query('ROLLBACK');
    await busy.rest();
  });
});
