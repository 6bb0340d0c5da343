import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pgbench } from '../kit/clients.ts';
import type { Gateway } from '../kit/gateway.ts';
import { requireProgram } from '../kit/present.ts';
import { run } from '../kit/run.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startObserver, type Observer } from './observer.ts';
import { plainConfig, plainConnection, plainEnv, startSurroundings, type Config, type Surroundings } from './plain-stage.ts';

/** What goes on while the gateway is killed, or its power is cut: one combination of mode, protocol and script for each round. */
export interface RoundPlan {
  readonly round: number;
  readonly mode: 'strict' | 'effect';
  readonly protocol: 'simple' | 'extended' | 'prepared';
  readonly load: 'marks' | 'block' | 'tpcb' | 'rows';
  /** For messages. */
  readonly what: string;
}

const MODES = ['strict', 'effect'] as const;
const PROTOCOLS = ['simple', 'extended', 'prepared'] as const;
const LOADS = ['marks', 'block', 'tpcb', 'rows'] as const;

/** All combinations in turn. */
export const planOf = (round: number): RoundPlan => {
  const mode = MODES[round % MODES.length] as RoundPlan['mode'];
  const protocol = PROTOCOLS[Math.floor(round / MODES.length) % PROTOCOLS.length] as RoundPlan['protocol'];
  const load = LOADS[Math.floor(round / (MODES.length * PROTOCOLS.length)) % LOADS.length] as RoundPlan['load'];
  return { round, mode, protocol, load, what: `round ${round}: ${mode}, ${protocol}, ${load}` };
};

const SCRIPTS: Readonly<Record<Exclude<RoundPlan['load'], 'tpcb'>, string>> = {
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

/** A target that logs every statement, the load's tables and scripts, and the observer that clients connect through. */
export interface CrashStage {
  readonly around: Surroundings;
  readonly observer: Observer;
  readonly scripts: string;
  /** A gateway with one connection for each mode. */
  readonly config: Config;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startCrashStage = async (): Promise<CrashStage> => {
  await using made = new AsyncDisposableStack();
  const around = made.use(await startSurroundings({ version: 18, config: { log_statement: 'all', log_line_prefix: '%a|%p|' } }));
  const scripts = made.use(tempFolder('crash'));
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(scripts.file(name), text);
  await prepareTarget(around);
  const observer = await startObserver();
  made.defer(() => observer.close());
  const kept = made.move();
  return {
    around,
    observer,
    scripts: scripts.path,
    config: plainConfig(around, { connections: MODES.map((mode) => plainConnection(mode, around, { evidence: { mode } })) }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
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

/** pgbench in the middle of its work. */
export interface RunningLoad {
  /** Length of the target's log before it began. */
  readonly logged: number;
  /** The token that it logged in with. */
  readonly token: string;
  /** Checkpoints that the log showed meanwhile. */
  readonly signed: ReadonlySet<string>;
  /** Resolves when it has ended, as it does when its connections are cut. */
  readonly over: Promise<unknown>;
}

/** Starts the round's load through the observer, and resolves when it has got a random number of answers. */
export const loadUntilRandom = async ({ around, observer, scripts }: CrashStage, gateway: Gateway, dataDir: string, { round, mode, protocol, load, what }: RoundPlan): Promise<RunningLoad> => {
  const { target } = around;
  await target.query('DELETE FROM pgbench_history');
  const logged = target.log().length;
  observer.reset(gateway.port(mode));
  const env = await plainEnv(around, gateway, 'writer', mode);
  const script = load === 'tpcb' ? ['-b', 'tpcb-like'] : ['-f', `${scripts}/${load}`];
  const bench = pgbench(['-n', '-c', '4', '-j', '2', '-T', '60', '-M', protocol, '-D', `round=${round}`, ...script], { ...env, PGPORT: String(observer.port) });
  let ended: string | undefined;
  const over = bench.then(({ stderr }) => (ended = stderr), (error: unknown) => (ended = String(error)));
  const enough = randomInt(1, load === 'rows' ? 30 : 250);
  const signed = new Set<string>();
  await until(() => {
    signed.add(readFileSync(join(dataDir, 'evidence', 'tlog', 'checkpoint'), 'utf8'));
    return observer.answered >= enough || ended !== undefined;
  }, 60_000, `${what}: ${enough} answers`);
  assert.ok(observer.answered >= enough, `${what}: pgbench ended by itself: ${ended}\n${gateway.log().slice(-3000)}`);
  return { logged, token: env['PGPASSWORD'] as string, signed, over };
};

/** What was under way at the target ends by itself, committed or not. */
export const targetAtRest = ({ around }: CrashStage, what: string): Promise<boolean> =>
  until(async () => (await around.target.query(`SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%'`)).length === 0, 30_000, `${what}: the target's sessions to end`);
