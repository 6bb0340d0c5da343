import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { skipUnless } from '../kit/present.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { plainClient, plainConfig, plainConnection, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { readEvidence, type RecordedCommand } from './recorded-evidence.ts';
import { readTrace, tracing, type SystemCall } from './system-calls.ts';

/*
 * The order of system calls of the gateway, seen from outside by strace: write of a record, return of the sync that covers it, then
 * the bytes that take effect, then the answer. kill -9 cannot see a missing sync, since the page cache survives it; this can.
 */

/** Replaces the log's sync by nothing, as a mistake would. */
const NO_SYNC = pathToFileURL(join(import.meta.dirname, 'testdata', 'no-sync.js')).href;

interface Sent {
  /** What stands in the message to the target, and in nothing else. */
  readonly text: string;
  /** What stands in its answer, and in no other. */
  readonly answer: string;
  /** What commits it: the message itself, the Sync behind it, or nothing of its own. */
  readonly commits: 'message' | 'sync' | undefined;
}

/** Commands of one session, in order. The mark stands in the text, or in a value. */
const sendAll = async (mode: string, send: (text: string, values?: string[]) => Promise<unknown>): Promise<Sent[]> => {
  const sent: Sent[] = [];
  const one = async (commits: Sent['commits'], make: (mark: string) => string | [string, string[]], answer?: string): Promise<void> => {
    const mark = `${mode}${sent.length + 1}mark`;
    const text = make(mark);
    await (typeof text === 'string' ? send(text) : send(...text));
    sent.push({ text: mark, answer: answer ?? mark, commits });
  };
  for (let round = 0; round < 6; round += 1) {
    await one('message', (mark) => `INSERT INTO audit VALUES (${round}, '${mark}') RETURNING note`);
    await one(undefined, (mark) => `SELECT '${mark}' AS note`);
    await one('sync', (mark) => ['INSERT INTO audit VALUES ($1, $2) RETURNING note', ['7', mark]]);
    await one(undefined, (mark) => ['SELECT name, $1::text FROM customers WHERE id = 1', [mark]]);
    await one('sync', (mark) => [`UPDATE audit SET note = '${mark}' WHERE id = $1 RETURNING note`, ['1']]);
    await one(undefined, (mark) => `BEGIN /* ${mark} */`, 'BEGIN\\0');
    await one(undefined, (mark) => `INSERT INTO audit VALUES (${round}, '${mark}') RETURNING note`);
    await one(undefined, (mark) => ['UPDATE audit SET note = $1 WHERE id = 1 RETURNING note', [mark]]);
    await one('message', (mark) => `COMMIT /* ${mark} */`, 'COMMIT\\0');
  }
  return sent;
};

/** A Sync as strace shows it. */
const SYNC = 'S\\0\\0\\0\\4';

interface Found {
  readonly violations: readonly string[];
  /** Statements that were at the target before their record was durable. */
  readonly ahead: number;
  readonly checked: number;
}

/** Holds every command against the trace. */
const judge = (calls: readonly SystemCall[], sent: readonly Sent[], commands: readonly RecordedCommand[], ports: { readonly gateway: number; readonly target: number }, mode: 'strict' | 'effect'): Found => {
  const violations: string[] = [];
  let ahead = 0;
  const writes = calls.filter(({ name, result }) => name !== 'fdatasync' && name !== 'fsync' && result > 0);
  const toLog = writes.filter(({ on }) => on.endsWith('.seg'));
  const syncs = calls.filter(({ name, on, result }) => (name === 'fdatasync' || name === 'fsync') && on.endsWith('.seg') && result === 0);
  const toTarget = writes.filter(({ on }) => on.startsWith('TCP') && on.endsWith(`->127.0.0.1:${ports.target}]`));
  const toClient = writes.filter(({ on }) => on.startsWith(`TCP:[127.0.0.1:${ports.gateway}->`));
  /** When the intent of a command was durable: the end of the first sync that began after it was written. */
  const durable = ({ session, command }: RecordedCommand): number => {
    const number = `\\"command\\":${command},`;
    const record = toLog.find(({ args }) => args.split('\\"record\\":').some((leaf) => leaf.includes(number) && leaf.includes('\\"kind\\":\\"intent\\"') && leaf.includes(session)));
    if (!record) return Infinity;
    return syncs.filter(({ on, start }) => on === record.on && start > record.end).reduce((first, { end }) => Math.min(first, end), Infinity);
  };
  /** How often the same answer came before, for those that name no mark; comments are not recorded, so their commands have none either. */
  const seen = new Map<string, number>();
  sent.forEach(({ text, answer, commits }, i) => {
    const what = `${mode}, command ${i + 1}`;
    const before = seen.get(answer) ?? 0;
    seen.set(answer, before + 1);
    const own = answer === text ? commands.filter(({ statement, parameters }) => statement?.includes(text) || parameters.includes(text)) : commands.filter(({ statement }) => statement?.startsWith(answer.slice(0, -2))).slice(before, before + 1);
    // In strict mode a Parse has a record of its own, in front of that of what runs.
    const [first, last] = [own[0], own.at(-1)];
    const forwarded = toTarget.find(({ args }) => args.includes(text));
    const answered = toClient.filter(({ args }) => args.includes(answer))[before];
    const committed = commits === 'sync' ? toTarget.find(({ start, args }) => forwarded !== undefined && start >= forwarded.start && args.includes(SYNC)) : forwarded;
    if (!first || !last || !forwarded || !answered || !committed) {
      violations.push(`${what}: not in the trace or the log`);
      return;
    }
    if (forwarded.start < durable(first)) {
      ahead += 1;
      if (mode === 'strict') violations.push(`${what}: sent to the target before its record was durable`);
    }
    if (commits !== undefined && committed.start < durable(last)) violations.push(`${what}: could commit before its record was durable`);
    if (answered.start < durable(last)) violations.push(`${what}: answered before its record was durable`);
  });
  return { violations, ahead, checked: sent.length };
};

describe('order of system calls', { skip: skipUnless('strace') }, () => {
  let around: Surroundings;
  let folder: TempFolder;
  before(async () => {
    around = await startSurroundings();
    folder = tempFolder('strace');
  });
  after(async () => {
    folder.remove();
    await around[Symbol.asyncDispose]();
  });

  /** One session in each mode, traced. */
  const trace = async (name: string, nodeArgs: readonly string[]): Promise<Record<'strict' | 'effect', Found>> => {
    const file = folder.file(name);
    const modes = ['strict', 'effect'] as const;
    const gateway = await startPlainGateway(plainConfig(around, { connections: modes.map((mode) => plainConnection(mode, around, { evidence: { mode } })) }), { under: tracing(file), nodeArgs });
    try {
      const all = new Map<string, Sent[]>();
      for (const mode of modes) {
        const client = await plainClient(around, gateway, 'writer', mode);
        try {
          all.set(mode, await sendAll(mode, (text, values) => client.query(text, values)));
        } finally {
          await client.end();
        }
      }
      assert.equal(await gateway.terminate(), 0, gateway.log());
      const calls = readTrace(file);
      const { sessions, commands } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
      const found = (mode: (typeof modes)[number]): Found => {
        const [id = ''] = [...sessions].find(([, { open }]) => open.connection === mode) ?? [];
        return judge(calls, all.get(mode) ?? [], commands.filter(({ session }) => session === id), { gateway: gateway.port(mode), target: around.target.port }, mode);
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
    t.diagnostic(`${strict.checked} commands in each mode; effect: ${effect.ahead} were at the target before their record was durable, as they may`);
  });

  test('the same look finds a sync that does nothing', async () => {
    const { strict, effect } = await trace('no-sync', ['--import', NO_SYNC]);
    assert.ok(strict.violations.some((one) => one.includes('sent to the target before')), strict.violations.join('\n'));
    assert.ok(effect.violations.some((one) => one.includes('could commit before')), effect.violations.join('\n'));
    assert.ok(effect.violations.some((one) => one.includes('answered before')), effect.violations.join('\n'));
  });
});
