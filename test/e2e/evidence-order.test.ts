import assert from 'node:assert/strict';
import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { skipUnless } from '../kit/present.ts';
import { runOk } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { OBJECTS, sendAsDriver, sendAsWire, sendGuarded, type Sent } from './order-cases.ts';
import { judge, type Found } from './order-judge.ts';
import { plainClient, plainConfig, plainConnection, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { readEvidence } from './recorded-evidence.ts';
import { readTrace, tracing } from './system-calls.ts';
import { openWire, type Wire } from './wire.ts';

/*
 * The order of system calls of the built gateway, seen from outside by strace: write of a record, return of the sync that covers it, then
 * the bytes that take effect, then the answer. kill -9 cannot see a missing sync, since the page cache survives it; this can.
 */

const ROOT = join(import.meta.dirname, '..', '..');
/** Replaces the log's sync by nothing, as a mistake would. */
const NO_SYNC = pathToFileURL(join(import.meta.dirname, 'testdata', 'no-sync.js')).href;
const ROUNDS = 4;
const MODES = ['strict', 'effect'] as const;

describe('order of system calls', { skip: skipUnless('strace') }, () => {
  let around: Surroundings;
  let folder: TempFolder;
  before(async () => {
    folder = tempFolder('strace');
    // What is published, not the sources.
    await runOk(process.execPath, [join(ROOT, 'tools', 'build.ts'), '--out', folder.file('dist')], { timeoutMs: 180_000 });
    symlinkSync(join(ROOT, 'node_modules'), folder.file('node_modules'));
    copyFileSync(join(ROOT, 'package.json'), folder.file('package.json'));
    around = await startSurroundings();
    await around.target.query(OBJECTS);
  });
  after(async () => {
    folder.remove();
    await around[Symbol.asyncDispose]();
  });

  /** Three sessions in each mode, of a driver, of a client that says what no driver would, and of one whose rows are limited, traced. */
  const trace = async (name: string, nodeArgs: readonly string[]): Promise<Record<'strict' | 'effect', Found>> => {
    const file = folder.file(name);
    const config = plainConfig(around, {
      connections: MODES.map((mode) => plainConnection(mode, around, { evidence: { mode } })),
      policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'schema', 'session', 'unknown'] }, { name: 'few', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'session'], limits: { rowsPerCommand: 5 } }],
    });
    const gateway = await startPlainGateway(config, { under: tracing(file), nodeArgs, program: [folder.file('dist', 'cli', 'main.js'), 'start', '--config'] });
    try {
      const all = new Map<string, Sent[][]>();
      for (const mode of MODES) {
        const client = await plainClient(around, gateway, 'writer', mode);
        const asDriver = await sendAsDriver(mode, client, ROUNDS);
        await client.end();
        const open = async (job: string): Promise<Wire> => openWire({ to: gateway.port(mode), parameters: { user: job, database: 'postgres' }, password: await around.issuer.token({ claims: { job } }) });
        using wire = await open('writer');
        const asWire = await sendAsWire(mode, wire, ROUNDS);
        using limited = await open('migrator');
        all.set(mode, [asDriver, asWire, await sendGuarded(mode, limited, ROUNDS)]);
      }
      assert.equal(await gateway.terminate(), 0, gateway.log());
      const calls = readTrace(file);
      const { sessions, commands } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
      const found = (mode: (typeof MODES)[number]): Found => {
        const ids = [...sessions].flatMap(([id, { open }]) => (open.connection === mode ? [id] : []));
        assert.equal(ids.length, 3);
        const each = (all.get(mode) ?? []).map((sent, i) =>
          judge({ calls, mode, commands: commands.filter(({ session }) => session === ids[i]), ports: { gateway: gateway.port(mode), target: around.target.port } }, sent));
        return { violations: each.flatMap(({ violations }) => violations), ahead: each.reduce((sum, { ahead }) => sum + ahead, 0), checked: each.reduce((sum, { checked }) => sum + checked, 0) };
      };
      return { strict: found('strict'), effect: found('effect') };
    } finally {
      await gateway.stop();
    }
  };

  test('nothing that can commit and no answer goes out before its record is durable; in strict mode nothing at all', async (t) => {
    const { strict, effect } = await trace('as-it-is', []);
    assert.deepEqual(strict.violations, []);
    assert.deepEqual(effect.violations, []);
    assert.equal(strict.ahead, 0);
    assert.equal(strict.checked, effect.checked);
    assert.ok(effect.checked > 100);
    t.diagnostic(`${strict.checked} commands in each mode; effect: ${effect.ahead} were at the target before their record was durable, as they may`);
  });

  test('the same look finds a sync that does nothing', async () => {
    const { strict, effect } = await trace('no-sync', ['--import', NO_SYNC]);
    assert.ok(strict.violations.some((one) => one.includes('sent to the target before')), strict.violations.join('\n'));
    for (const kind of ['COPY FROM STDIN', 'UPDATE of limited rows', 'UPDATE of limited rows, extended', 'INSERT of rows that are not counted before', 'CALL', 'DO', 'Execute of COMMIT', 'third of a pipeline', 'INSERT']) {
      assert.ok(effect.violations.some((one) => one.includes(`: ${kind}: could commit before`)), `${kind}\n${effect.violations.join('\n')}`);
    }
    assert.ok(effect.violations.some((one) => one.includes('answered before')), effect.violations.join('\n'));
  });
});
