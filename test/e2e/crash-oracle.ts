import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readLog } from '../../src/evidence/read.ts';
import { verify } from '../../src/evidence/verify/verify.ts';
import type { Gateway } from '../kit/gateway.ts';
import { signedViolation } from '../kit/checkpoints.ts';
import type { CrashStage, RoundPlan } from './crash-load.ts';
import type { Surroundings } from './plain-stage.ts';
import { commandKey, readEvidence, type RecordedCommand, type RecordedEvidence } from './recorded-evidence.ts';

/*
 * What the evidence is held against after a crash: the target's own log of statements, the rows that the target committed, and what a
 * program between client and gateway saw pass. None of them knows of the gateway's evidence, nor shares code with what writes it.
 */

/** What rounds came to. */
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

export const emptySummary = (): CrashSummary => ({ rounds: 0, executed: 0, committed: 0, answered: 0, ended: 0, intents: 0, indeterminate: 0, sessionsLost: 0, records: 0, seconds: 0 });

export interface CrashedRound {
  readonly stage: CrashStage;
  readonly plan: RoundPlan;
  /** Folders on which a gateway has started again. */
  readonly dataDir: string;
  readonly keys: string;
  /** Checkpoints that the log showed in the round. */
  readonly signed: ReadonlySet<string>;
  /** Length of the target's log before the round. */
  readonly logged: number;
  /** Sequence of the first record that this round may have written. */
  readonly from: number;
  /** `process`: what was written is there. `power`: only what was durable. */
  readonly survives: 'process' | 'power';
  readonly summary: CrashSummary;
}

/** Holds what was recovered against what happened, and rejects at the first lie. Gives the sequence of the next round's first record. */
export const judgeRound = async ({ stage, plan, dataDir, keys, signed, logged, from, survives, summary }: CrashedRound): Promise<number> => {
  const { around, observer } = stage;
  const { what, mode } = plan;
  const evidence = await readEvidence(dataDir, keys, from);
  checkRecovered(evidence, what);
  await checkVerified(dataDir, keys, evidence, what);

  const intents = intentsOf(evidence);
  const seen = observer.commands();
  covered(seen.filter(({ answered }) => answered).map(({ key }) => key), keysOf(intents), `${what}: answered without an intent`);
  // An outcome is only written when the client sees the end of its answer: a power cut may take it, and then the command is indeterminate.
  const settled = intents.filter(({ end }) => end !== undefined && (survives === 'power' || end !== 'indeterminate'));
  covered(seen.filter(({ ended }) => ended).map(({ key }) => key), keysOf(settled), `${what}: its end was seen, and its outcome is not recorded`);
  summary.committed += await checkCommitted(around, plan, intents);
  if (mode === 'strict') summary.executed += checkTargetLog(around.target.log().slice(logged), evidence, what);
  await checkSigned(dataDir, signed, what);

  summary.rounds += 1;
  summary.answered += seen.filter(({ answered }) => answered).length;
  summary.ended += seen.filter(({ ended }) => ended).length;
  summary.intents += intents.length;
  summary.indeterminate += intents.filter(({ end }) => end === 'indeterminate').length;
  summary.sessionsLost += [...evidence.sessions.values()].filter(({ end }) => end === 'lost').length;
  summary.records += evidence.leaves.length;
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

/** The verifier, which shares no code with what writes, agrees. */
const checkVerified = async (dataDir: string, keys: string, evidence: RecordedEvidence, what: string): Promise<void> => {
  const { integrity, completeness, records } = await verify(join(dataDir, 'evidence'), { keys });
  assert.ok(integrity.ok, `${what}: ${JSON.stringify(integrity)}`);
  assert.deepEqual([completeness.verdict, completeness.gapCount, completeness.openSessions, completeness.openCommands], ['open', 0, 0, 0], `${what}: ${JSON.stringify(completeness)}`);
  assert.ok(records >= evidence.next, `${what}: the verifier found ${records} records, the reader ${evidence.next}`);
};

/** What was signed stays signed: the roots are computed again from the recovered records. */
const checkSigned = async (dataDir: string, signed: ReadonlySet<string>, what: string): Promise<void> => {
  const entries: Buffer[] = [];
  for await (const item of readLog(join(dataDir, 'evidence'))) if (item.type === 'leaf') entries.push(item.bytes);
  assert.ok(signed.size > 0, `${what}: no checkpoint was shown`);
  assert.equal(signedViolation(entries, signed), undefined, what);
};

/** So does the command line that an operator would use, with the gateway still running. */
export const checkCommandLine = async (gateway: Gateway, dataDir: string, keys: string): Promise<void> => {
  const { code, stdout, stderr } = await gateway.cli('evidence', 'verify', dataDir, '--keys', keys);
  assert.equal(code, 0, `evidence verify: ${stdout}${stderr}`);
};

/** Every row that the target committed was announced. Gives their number. */
const checkCommitted = async ({ target }: Surroundings, { round, load, what }: RoundPlan, intents: readonly RecordedCommand[]): Promise<number> => {
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
