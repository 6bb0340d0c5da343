import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verify } from '../../src/evidence/verify/verify.ts';
import { pgbench } from '../kit/clients.ts';
import type { Gateway } from '../kit/gateway.ts';
import { run } from '../kit/run.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { requireProgram } from '../kit/present.ts';
import { startObserver, type Observer } from './observer.ts';
import { plainConfig, plainConnection, plainEnv, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';
import { commandKey, readEvidence, type RecordedCommand, type RecordedEvidence } from './recorded-evidence.ts';

/** What the rounds came to. */
export interface CrashSummary {
  rounds: number;
  /** Statements of clients in the target's log, strict rounds only. */
  executed: number;
  /** Rows that the target committed. */
  committed: number;
  /** Commands of which the client got a byte of the answer, and those of which it got the end. */
  answered: number;
  ended: number;
  intents: number;
  indeterminate: number;
  sessionsLost: number;
  records: number;
  seconds: number;
}

export interface CrashOptions {
  readonly rounds: number;
  /** No new round begins after this many seconds. */
  readonly seconds?: number;
  readonly onRound?: (round: number, what: string) => void;
  /** Flags for the gateway's node. */
  readonly nodeArgs?: readonly string[];
}

const MODES = ['strict', 'effect'] as const;
const PROTOCOLS = ['simple', 'extended', 'prepared'] as const;
const LOADS = ['marks', 'block', 'tpcb', 'rows'] as const;
type Load = (typeof LOADS)[number];

const SCRIPTS: Readonly<Record<Exclude<Load, 'tpcb'>, string>> = {
  marks: `\\set m random(1, 99999999)
INSERT INTO marks (round, marker) VALUES (:round, :m) RETURNING marker;
SELECT count(*) FROM tallies WHERE id = :m;
`,
  block: `\\set m random(1, 99999999)
\\set t random(1, 8)
BEGIN;
INSERT INTO marks (round, marker) VALUES (:round, :m) RETURNING marker;
UPDATE tallies SET n = n + 1 WHERE id = :t;
END;
`,
  // Long answers, so that some are cut in the middle.
  rows: `\\set m random(1, 99999999)
SELECT :m AS marker, repeat('x', 500) FROM generate_series(1, 4000);
`,
};

/** Rounds on one log; then a new one, because each round verifies the whole of it. */
const ROUNDS_A_LOG = 24;

/**
 * Kills the gateway with SIGKILL in the middle of pgbench, again and again, and holds against what it left behind: the target's own
 * statement log (`strict`), the rows that the target committed, and the bytes that clients received. Rejects at the first lie.
 */
export const crashRounds = async ({ rounds, seconds = Infinity, onRound = () => {}, nodeArgs = [] }: CrashOptions): Promise<CrashSummary> => {
  const began = performance.now();
  const summary: CrashSummary = { rounds: 0, executed: 0, committed: 0, answered: 0, ended: 0, intents: 0, indeterminate: 0, sessionsLost: 0, records: 0, seconds: 0 };
  await using around = await startSurroundings({ version: 18, config: { log_statement: 'all', log_line_prefix: '%a|%p|' } });
  using scripts = tempFolder('crash');
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(scripts.file(name), text);
  await prepareTarget(around);
  const observer = await startObserver();
  try {
    while (summary.rounds < rounds) {
      const gateway = await startPlainGateway(plainConfig(around, { connections: MODES.map((mode) => plainConnection(mode, around, { evidence: { mode } })) }), { nodeArgs });
      try {
        let from = 0;
        for (let n = 0; n < ROUNDS_A_LOG && summary.rounds < rounds && (performance.now() - began) / 1000 < seconds; n += 1) {
          from = await oneRound({ around, gateway, observer, scripts: scripts.path, summary, from, onRound });
        }
      } finally {
        if (gateway.ended() === undefined) await gateway.terminate();
        await gateway.stop();
      }
      if ((performance.now() - began) / 1000 >= seconds) break;
    }
  } finally {
    await observer.close();
  }
  summary.seconds = Math.round((performance.now() - began) / 1000);
  return summary;
};

const prepareTarget = async ({ target }: Surroundings): Promise<void> => {
  const made = await run(requireProgram('pgbench'), ['-i', '-q', '-s', '1'], { env: target.psqlEnv });
  assert.equal(made.code, 0, made.stderr);
  await target.query(`
    CREATE TABLE marks (round int, marker bigint, PRIMARY KEY (round, marker));
    CREATE TABLE tallies (id int PRIMARY KEY, n int NOT NULL);
    INSERT INTO tallies SELECT g, 0 FROM generate_series(1, 8) g;
    ALTER TABLE marks OWNER TO app; ALTER TABLE tallies OWNER TO app;
    ALTER TABLE pgbench_accounts OWNER TO app; ALTER TABLE pgbench_branches OWNER TO app;
    ALTER TABLE pgbench_tellers OWNER TO app; ALTER TABLE pgbench_history OWNER TO app; ANALYZE`);
};

interface Round {
  readonly around: Surroundings;
  readonly gateway: Gateway;
  readonly observer: Observer;
  readonly scripts: string;
  readonly summary: CrashSummary;
  readonly from: number;
  readonly onRound: (round: number, what: string) => void;
}

/** One kill. Gives the sequence of the first record of the next round. */
const oneRound = async ({ around, gateway, observer, scripts, summary, from, onRound }: Round): Promise<number> => {
  const round = summary.rounds;
  const mode = MODES[round % MODES.length] as (typeof MODES)[number];
  const protocol = PROTOCOLS[Math.floor(round / MODES.length) % PROTOCOLS.length] as string;
  const load = LOADS[Math.floor(round / (MODES.length * PROTOCOLS.length)) % LOADS.length] as Load;
  const what = `round ${round}: ${mode}, ${protocol}, ${load}`;
  const { target } = around;
  await target.query('DELETE FROM pgbench_history');
  const logged = target.log().length;

  observer.reset(gateway.port(mode));
  const killAfter = randomInt(1, load === 'rows' ? 30 : 250);
  const bench = pgbench(['-n', '-c', '4', '-j', '2', '-T', '60', '-M', protocol, '-D', `round=${round}`, ...(load === 'tpcb' ? ['-b', 'tpcb-like'] : ['-f', `${scripts}/${load}`])], {
    ...(await plainEnv(around, gateway, 'writer', mode)),
    PGPORT: String(observer.port),
  });
  let benchEnded: string | undefined;
  bench.then(({ stderr }) => (benchEnded = stderr), (error: unknown) => (benchEnded = String(error)));
  await until(() => observer.answered >= killAfter || benchEnded !== undefined, 60_000, `${what}: ${killAfter} answers`);
  assert.ok(observer.answered >= killAfter, `${what}: pgbench ended by itself: ${benchEnded}\n${gateway.log().slice(-3000)}`);
  await gateway.kill9();
  await bench;
  // What was under way at the target ends by itself, committed or not.
  await until(async () => (await target.query(`SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%'`)).length === 0, 30_000, `${what}: the target's sessions to end`);
  await gateway.start();

  const evidence = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'), from);
  checkRecovered(evidence, what);
  const { integrity, completeness } = await verify(join(gateway.dataDir, 'evidence'), { keys: join(gateway.folder, 'keys') });
  assert.ok(integrity.ok, `${what}: ${JSON.stringify(integrity)}`);
  assert.deepEqual([completeness.verdict, completeness.gapCount, completeness.openSessions, completeness.openCommands], ['open', 0, 0, 0], `${what}: ${JSON.stringify(completeness)}`);

  const intents = intentsOf(evidence);
  const seen = observer.commands();
  covered(seen.filter(({ answered }) => answered).map(({ key }) => key), keysOf(intents), `${what}: answered without an intent`);
  covered(seen.filter(({ ended }) => ended).map(({ key }) => key), keysOf(intents.filter(({ end }) => end !== undefined && end !== 'indeterminate')), `${what}: its end was seen, and its outcome is not recorded`);
  summary.committed += await checkCommitted(around, round, load, intents, what);
  if (mode === 'strict') summary.executed += checkTargetLog(target.log().slice(logged), evidence, what);

  summary.rounds += 1;
  summary.answered += seen.filter(({ answered }) => answered).length;
  summary.ended += seen.filter(({ ended }) => ended).length;
  summary.intents += intents.length;
  summary.indeterminate += intents.filter(({ end }) => end === 'indeterminate').length;
  summary.sessionsLost += [...evidence.sessions.values()].filter(({ end }) => end === 'lost').length;
  summary.records += evidence.leaves.length;
  onRound(round, what);
  return evidence.next;
};

/** Nothing is left open: a lost session is said to be lost, a command without an outcome to be indeterminate. */
const checkRecovered = ({ sessions, commands, leaves }: RecordedEvidence, what: string): void => {
  for (const [id, { end }] of sessions) assert.notEqual(end, 'open', `${what}: session ${id} has no end`);
  for (const { kind, end, session, command } of commands) if (kind === 'intent') assert.notEqual(end, undefined, `${what}: command ${command} of ${session} has no end`);
  const starts = leaves.filter(({ record }) => record.kind === 'instance' && record.event === 'start');
  assert.ok(starts.length > 0, `${what}: no start was recorded`);
  leaves.forEach(({ seq }, i) => assert.equal(seq, (leaves[0]?.seq ?? 0) + i, `${what}: sequence numbers have a gap`));
};

/** Every row that the target committed was announced. Gives their number. */
const checkCommitted = async ({ target }: Surroundings, round: number, load: Load, intents: readonly RecordedCommand[], what: string): Promise<number> => {
  const rows =
    load === 'tpcb'
      ? await target.query(`SELECT concat_ws(' ', 'history', tid, bid, aid, delta) AS row FROM pgbench_history`)
      : await target.query(`SELECT concat_ws(' ', 'mark', round, marker) AS row FROM marks WHERE round = ${round}`);
  covered(rows.map(({ row }) => String(row)), count(intents.flatMap((intent) => rowOf(intent) ?? [])), `${what}: committed without an intent`);
  return rows.length;
};

/** The row that a recorded INSERT would make, with its values from the text or from the parameters. */
const rowOf = ({ statement = '', parameters }: RecordedCommand): string | undefined => {
  const [, table = '', list = ''] = /^INSERT INTO (marks|pgbench_history) \([^)]*\) VALUES \(([^)]*)\)/.exec(statement) ?? [];
  if (table === '') return undefined;
  const values = list.split(',').map((text) => text.trim()).map((text) => (text.startsWith('$') ? parameters[Number(text.slice(1)) - 1] : text));
  return [table === 'marks' ? 'mark' : 'history', ...values.filter((value) => value !== 'CURRENT_TIMESTAMP')].join(' ');
};

/** Of what ran. That a statement was prepared, which strict mode records too, announces no run of it. */
const intentsOf = ({ commands }: RecordedEvidence): RecordedCommand[] => commands.filter(({ kind, verb }) => kind === 'intent' && verb !== 'prepare');

/** Every statement in the target's log, by the session it names, was announced in that session. Gives their number. */
const checkTargetLog = (log: string, evidence: RecordedEvidence, what: string): number => {
  const recorded = count(intentsOf(evidence).map(({ session, statement = '', parameters }) => `${session.slice(0, 12)} ${commandKey(statement, parameters)}`));
  const executed = statementsIn(log);
  assert.ok(executed.length > 0, `${what}: the target logged no statement`);
  covered(executed, recorded, `${what}: executed at the target without an intent`);
  return executed.length;
};

/** `session key` of each statement that a client's session ran, from lines `application|pid|LOG:  ...`; long ones go on behind a tab. */
const statementsIn = (log: string): string[] => {
  const found: { session: string; text: string; parameters: (string | null)[] }[] = [];
  /** The statement whose DETAIL may follow, by process. */
  const last = new Map<string, (typeof found)[number]>();
  for (const line of log.replaceAll(/\n\t/g, ' ').split('\n')) {
    const [, session = '', process = '', level = '', rest = ''] = /^wg:([0-9a-z]{12}):[^|]*\|(\d+)\|(LOG|DETAIL): {2}(.*)$/.exec(line) ?? [];
    if (level === 'DETAIL') {
      const statement = last.get(process);
      if (statement && /^parameters: /i.test(rest)) statement.parameters = [...rest.matchAll(/\$\d+ = (?:NULL|'((?:[^']|'')*)')/g)].map(([, value]) => value?.replaceAll("''", "'") ?? null);
    } else if (level === 'LOG') {
      const [, text] = /^(?:statement|execute [^:]+): (.*)$/.exec(rest) ?? [];
      if (text === undefined) continue;
      const statement = { session, text, parameters: [] };
      found.push(statement);
      last.set(process, statement);
    }
  }
  return found.map(({ session, text, parameters }) => `${session} ${commandKey(text, parameters)}`);
};

const keysOf = (commands: readonly RecordedCommand[]): Map<string, number> => count(commands.map(({ statement = '', parameters }) => commandKey(statement, parameters)));

const count = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

/** Each of `wanted` is in `there`, as often. */
const covered = (wanted: readonly string[], there: ReadonlyMap<string, number>, otherwise: string): void => {
  const missing = [...count(wanted)].filter(([key, times]) => (there.get(key) ?? 0) < times);
  assert.equal(missing.length, 0, `${otherwise}: ${missing.length} of ${wanted.length}, such as ${JSON.stringify(missing.slice(0, 3))}; there are ${there.size}, such as ${JSON.stringify([...there].slice(0, 3))}`);
};
