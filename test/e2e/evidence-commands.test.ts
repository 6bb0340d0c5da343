import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../kit/until.ts';
import { readEvidence } from './recorded-evidence.ts';
import { startScene, type Scene } from './scene.ts';
import { gatewayWire, say, type Wire } from './wire.ts';

/*
 * However a session goes, its records add up: commands are numbered without a gap, every intent has one outcome and it says what
 * came of it, and nothing is open when the session closes.
 */

const run = (text: string, name = ''): Buffer[] => [say.parse(name, text), say.bind(name, name, [], []), say.execute(name)];
const data = (text: string): Buffer => say.copyData(Buffer.from(text));

type Course = (wire: Wire, scene: Scene) => Promise<void>;

/** Sends, and waits for so many ReadyForQuery. */
const course = (ends: number, ...messages: readonly Buffer[]): Course => async (wire) => {
  wire.send(...messages);
  assert.equal((await wire.until('ReadyForQuery', ends)).at(-1)?.kind, 'ReadyForQuery');
};

/** What is sent, and each command that must be on record with its end; `refused` for a refusal. */
const COURSES: Readonly<Record<string, readonly [Course, readonly string[]]>> = {
  'COPY, and a Query at once behind it': [course(2, say.query('COPY orders FROM STDIN'), data('5\t1\tx\n'), say.copyDone, say.query('SELECT count(*) FROM orders')), ['copy ok', 'select ok']],
  'two COPYs among other statements': [
    async (wire) => {
      wire.send(say.query("COPY orders FROM STDIN; INSERT INTO audit VALUES (1,'multi'); COPY audit(id,note) FROM STDIN; SELECT 1"));
      await wire.until('CopyInResponse');
      wire.send(data('6\t1\tx\n'), say.copyDone);
      await wire.until('CopyInResponse');
      wire.send(data('6\tx\n'), say.copyDone);
      await wire.until('ReadyForQuery');
    },
    ['multiple ok'],
  ],
  'COPY that fails, its rest on the way': [
    async (wire) => {
      wire.send(say.query('COPY orders FROM STDIN'));
      await wire.until('CopyInResponse');
      wire.send(data('bad\tx\n'), data('7\t1\tx\n'));
      await wire.until('ErrorResponse');
      wire.send(data('8\t1\tx\n'), say.copyDone, say.query('SELECT 1'));
      await wire.until('ReadyForQuery', 2);
    },
    ['copy error', 'select ok'],
  ],
  'COPY in a series, data sent ahead': [course(1, ...run('COPY orders FROM STDIN'), data('9\t1\tx\n'), say.copyDone, say.sync), ['copy ok']],
  'COPY, and the client leaves': [
    async (wire) => {
      wire.send(say.query('COPY orders FROM STDIN'));
      await wire.until('CopyInResponse');
      wire.send(data('11\t1\tx\n'));
    },
    ['copy indeterminate'],
  ],
  'portals that are never run': [course(1, ...run('SELECT 1', 'a'), say.bind('x', 'a', [], []), say.bind('y', 'a', [], []), say.bind('', 'a', [], []), say.bind('', 'a', [], []), say.sync), ['select ok', 'select unused', 'select unused', 'select unused', 'select unused']],
  'a portal left in the middle': [
    async (wire) => {
      await wire.query('BEGIN');
      await course(1, say.parse('', 'SELECT g FROM generate_series(1,10) g'), say.bind('p', '', [], []), say.execute('p', 2), say.execute('p', 2), say.sync)(wire, undefined as never);
    },
    ['begin ok', 'select ok'],
  ],
  'a portal that its Sync ends': [course(2, say.parse('', 'SELECT g FROM generate_series(1,10) g'), say.bind('p', '', [], []), say.execute('p', 2), say.sync, say.execute('p', 2), say.sync), ['select ok', 'undefined refused']],
  'the target\'s process killed in a block': [
    async (wire, scene) => {
      const row = (await wire.query('SELECT pg_backend_pid()')).find((message) => message.kind === 'DataRow');
      await wire.query('BEGIN');
      await wire.query("INSERT INTO audit VALUES (50,'k')");
      assert.ok(row);
      await scene.target.query(`SELECT pg_terminate_backend(${row.values[0]?.toString()})`);
      await wire.rest();
    },
    ['select ok', 'begin ok', 'insert ok'],
  ],
  'the target\'s process killed in an answer': [
    async (wire, scene) => {
      wire.send(say.query("SELECT pg_backend_pid(), repeat('x',1000) FROM generate_series(1,3000000)"));
      const row = (await wire.until('DataRow')).at(-1);
      assert.ok(row?.kind === 'DataRow');
      await scene.target.query(`SELECT pg_terminate_backend(${row.values[0]?.toString()})`);
      await wire.rest();
    },
    ['select (?:aborted|error|indeterminate)'],
  ],
  'an error in a series, told, and more behind it': [
    async (wire) => {
      wire.send(...run("INSERT INTO audit VALUES (60,'a')"), ...run('SELECT 1/0'), ...run("INSERT INTO audit VALUES (61,'b')"), say.flush);
      await wire.until('ErrorResponse');
      wire.send(...run("INSERT INTO audit VALUES (62,'c')"), say.query("INSERT INTO audit VALUES (63,'d')"), data('x'), say.sync);
      await wire.until('ReadyForQuery');
    },
    // 1/0 fails when it is planned, so it never ran. How much of the third was admitted before its error came is a matter of time, above all in strict
    // mode, where each message waits; what was admitted has its end on record.
    ['insert ok', 'select unused(?:, prepare unused)?(?:, insert unused)?'],
  ],
  'a refusal behind a change in a series': [course(1, ...run("INSERT INTO audit VALUES (70,'a')"), ...run('DROP TABLE audit'), ...run("INSERT INTO audit VALUES (71,'b')"), say.sync), ['insert ok', '(?:drop_table|prepare) refused']],
  'a Query in a series': [course(2, ...run("INSERT INTO audit VALUES (80,'a')"), say.query('SELECT 1/0'), say.sync), ['insert ok', 'select error']],
  'a refused Query in a series': [course(2, ...run("INSERT INTO audit VALUES (81,'a')"), say.query('DROP TABLE audit'), say.sync), ['insert ok', 'drop_table refused']],
  'a held cursor run by the protocol': [
    async (wire) => {
      for (const text of ['BEGIN', 'DECLARE c CURSOR WITH HOLD FOR SELECT id FROM audit', 'COMMIT']) await wire.query(text);
      await course(1, say.describe('portal', 'c'), say.execute('c', 1), say.execute('c', 1), say.sync)(wire, undefined as never);
    },
    ['begin ok', 'declare ok', 'commit ok', 'select ok'],
  ],
};

for (const mode of ['effect', 'strict']) {
  test(`the records of every course of a session add up, in ${mode}`, { timeout: 240_000 }, async () => {
    const scene = await startScene({ connection: { evidence: { mode } } });
    try {
      const sessions: string[] = [];
      const keys = join(scene.gateway.folder, 'keys');
      for (const [name, [go]] of Object.entries(COURSES)) {
        const wire = await gatewayWire(scene, 'writer');
        await go(wire, scene).catch((error: unknown) => assert.fail(`${name}: ${String(error)}`));
        wire.close();
        // One after the other, so that sessions are told apart by their order.
        sessions.push(await until(async () => [...(await readEvidence(scene.gateway.dataDir, keys)).sessions].filter(([id, { end }]) => end === 'closed' && !sessions.includes(id))[0]?.[0], 20_000, `the end of the session: ${name}`));
      }
      await scene.gateway.terminate();
      const { leaves, commands } = await readEvidence(scene.gateway.dataDir, keys);
      const numbers = new Map<string, number>();
      const open = new Map<string, Set<number>>();
      for (const { record } of leaves) {
        const session = 'session' in record ? record.session : undefined;
        if (session === undefined) continue;
        const opened = open.get(session) ?? new Set();
        open.set(session, opened);
        if ((record.kind === 'intent' || record.kind === 'refusal') && record.command !== undefined) {
          const number = (numbers.get(session) ?? 0) + 1;
          assert.equal(record.command, number, 'commands are numbered without a gap');
          numbers.set(session, number);
        }
        if (record.kind === 'intent') opened.add(record.command);
        if (record.kind === 'outcome') assert.ok(opened.delete(record.command), 'an outcome belongs to one open intent');
        if (record.kind === 'session_close') assert.equal(opened.size, 0, 'nothing is open when a session closes');
      }
      assert.ok([...open.values()].every((each) => each.size === 0));
      const wrong: string[] = [];
      for (const [index, [name, [, expected]]] of Object.entries(COURSES).entries()) {
        // In strict mode a Parse is a command of its own.
        const said = commands.filter(({ session, verb, end }) => session === sessions[index] && !(mode === 'strict' && verb === 'prepare' && end === 'ok')).map(({ kind, verb, end }) => `${verb} ${kind === 'refusal' ? 'refused' : end}`);
        if (!new RegExp(`^${expected.join(', ')}$`).test(said.join(', '))) wrong.push(`${name}: ${said.join(', ')}`);
      }
      assert.deepEqual(wrong, []);
      const verified = await scene.gateway.cli('evidence', 'verify', scene.gateway.dataDir);
      assert.equal(verified.code, 0, verified.stdout + verified.stderr);
      assert.ok(!scene.gateway.log().includes('session failed'), scene.gateway.log());
    } finally {
      await scene[Symbol.asyncDispose]();
    }
  });
}
