import { cpus } from 'node:os';
import { writeFileSync } from 'node:fs';
import { pgbench } from '../test/kit/clients.ts';
import { addedLatency } from './latency.ts';
import { logAlone } from './log.ts';
import { IDLE_SESSIONS, idleMemory } from './memory.ts';
import { bodiesMasked } from './bodies.ts';
import { handshakeRows } from './handshakes.ts';
import { httpRows } from './http.ts';
import { printRow, type Row } from './report.ts';
import { pairedRounds, type Contender } from './rounds.ts';
import { GATEWAYS, startField, type Env, type Field, type GatewayKind } from './targets.ts';
import { bulkRead } from './bulk.ts';

/*
 * npm run bench [ROUNDS] [ROW...]: ratios to direct access and to pgbouncer in session mode, paired in one run. Rows: select, tpcb, strict,
 * latency, bulk, tls, connect, idle, log, bodies, http, handshake. Everything shares this machine, so a ratio at many clients is one of CPU budgets.
 */
const [roundsText = '5', ...wanted] = process.argv.slice(2);
const rounds = Number(roundsText);
const SECONDS = '4';
/** Rows for which no PostgreSQL is started. */
const WITHOUT_POSTGRES: ReadonlySet<string> = new Set(['log', 'bodies', 'http', 'handshake']);
const wants = (row: string): boolean => wanted.length === 0 || wanted.includes(row);

const tps = (env: Env, args: readonly string[]): (() => Promise<number>) => async () => {
  const ran = await pgbench(['-n', '-T', SECONDS, ...args], env);
  if (ran.tps === undefined || ran.code !== 0) process.stderr.write(`pgbench failed (${ran.code}): ${ran.stderr.slice(-500)}\n`);
  return ran.code === 0 ? (ran.tps ?? NaN) : NaN;
};


const kindsNeeded = (): readonly GatewayKind[] => {
  const kinds = new Set<GatewayKind>(['records']);
  if (wants('select')) for (const kind of ['none', 'answers'] as const) kinds.add(kind);
  if (wants('strict') || wants('latency')) kinds.add('strict');
  if (wants('tls')) for (const kind of ['tls', 'tlsNone'] as const) kinds.add(kind);
  if (wants('bulk')) for (const kind of ['keep', 'redact', 'detect', 'answers'] as const) kinds.add(kind);
  return GATEWAYS.filter((kind) => kinds.has(kind));
};

const measure = async (field: Field, report: (text: string) => void): Promise<void> => {
  const { direct, pgbouncer, gateways } = field;
  const contender = (name: string, env: Env, args: readonly string[]): Contender => ({ name, measure: () => field.alone(env, tps(env, args)) });
  const row = async (what: string, unit: string, contenders: readonly Contender[], goals: Row['goals']): Promise<void> => report(printRow({ what, unit, paired: await pairedRounds(contenders, rounds), goals }));

  if (wants('select')) {
    for (const clients of ['8', '32']) {
      const args = ['-S', '-M', 'prepared', '-c', clients, '-j', '1'];
      await row(`pgbench -S prepared, ${clients} clients`, 'tps', [contender('direct', direct, args), contender('pgbouncer', pgbouncer, args), contender('forwarder', field.forwarder.env, args), contender('no evidence', gateways.none.env, args), contender('effect, records only', gateways.records.env, args), contender('effect, answers recorded', gateways.answers.env, args)], clients === '32' ? [{ contender: 'no evidence', atLeast: 0.62 }, { contender: 'no evidence', against: 'pgbouncer', atLeast: 0.8 }, { contender: 'effect, records only', atLeast: 0.48 }, { contender: 'effect, answers recorded', atLeast: 0.4 }] : []);
    }
  }
  if (wants('strict')) {
    const args = ['-S', '-M', 'prepared', '-c', '32', '-j', '1'];
    await row('pgbench -S prepared, 32 clients, strict', 'tps', [contender('direct', direct, args), contender('strict, records only', gateways.strict.env, args)], [{ contender: 'strict, records only', atLeast: 0.48 }]);
  }
  if (wants('tpcb')) {
    for (const [clients, atLeast] of [['8', 0.42], ['32', 0.52]] as const) {
      const args = ['-M', 'prepared', '-c', clients, '-j', '1'];
      await row(`pgbench TPC-B prepared, ${clients} clients`, 'tps', [contender('direct', direct, args), contender('pgbouncer', pgbouncer, args), contender('forwarder', field.forwarder.env, args), contender('effect, records only', gateways.records.env, args)], [{ contender: 'effect, records only', atLeast }]);
    }
  }
  if (wants('tls')) {
    const args = ['-S', '-M', 'prepared', '-c', '32', '-j', '1'];
    await row('pgbench -S prepared, 32 clients, TLS on both sides', 'tps', [contender('direct', field.directTls, args), contender('pgbouncer', field.pgbouncerTls, args), contender('no evidence', gateways.tlsNone.env, args), contender('effect, records only', gateways.tls.env, args)], [{ contender: 'no evidence', against: 'pgbouncer', atLeast: 0.7 }]);
  }
  if (wants('connect')) {
    const args = ['-C', '-S', '-c', '8', '-j', '1'];
    await row('connection set-up with token verification (pgbench -C -S, 8 clients)', 'tps', [contender('direct', direct, args), contender('effect, records only', gateways.records.env, args)], [{ contender: 'effect, records only', atLeast: 0.65 }]);
  }
  if (wants('latency')) report(await addedLatency(field, rounds));
  if (wants('bulk')) for (const text of await bulkRead(field, rounds)) report(text);
  if (wants('idle')) report(await idleMemory(gateways.records));
};

const lines: string[] = [];
const report = (text: string): void => {
  lines.push(text);
  process.stdout.write(`${text}\n`);
};
const besideTargets = async (): Promise<void> => {
  const field = await startField(kindsNeeded(), wants('bulk'), wants('idle') ? IDLE_SESSIONS + 200 : 200);
  try {
    await pgbench(['-i', '-s', '20', '-q'], field.direct);
    report(`Wicketgate bench: ${rounds} rounds of ${SECONDS} s each, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.versions.node}, PostgreSQL 15`);
    report('Each figure: median ratio to direct access of the same round [lowest .. highest], median rate. Client, target and gateway share the cores.');
    await measure(field, report);
  } finally {
    await field.stop();
  }
};

// Before anything else runs on the machine.
if (wants('log')) report(await logAlone(rounds));
if (wants('bodies')) report(bodiesMasked(rounds));
if (wants('http')) await httpRows(rounds, report);
if (wants('handshake')) await handshakeRows(rounds, report);
if (wanted.length === 0 || wanted.some((row) => !WITHOUT_POSTGRES.has(row))) await besideTargets();
if (process.env['BENCH_REPORT'] !== undefined) writeFileSync(process.env['BENCH_REPORT'], `${lines.join('\n')}\n`);
