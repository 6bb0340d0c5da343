import { drain } from './drain.ts';
import { costs } from './process-cpu.ts';
import { printRow } from './report.ts';
import { pairedRounds, type Contender } from './rounds.ts';
import { startField, type Env, type Field, type GatewayKind } from './targets.ts';

const SQL = 'SELECT * FROM bulk';

const loginOf = (env: Env): { user: string; database: string; password: string } => ({ user: env['PGUSER'] ?? '', database: env['PGDATABASE'] ?? '', password: env['PGPASSWORD'] ?? '' });
const readAll = (env: Env): Promise<number> => drain(env['PGHOST'] ?? '', Number(env['PGPORT']), loginOf(env), SQL);

/** CPU of the gateway for one read of 200 MB over one connection, of these trees in alternation. */
export const bulkCosts = async (rounds: number, kinds: readonly GatewayKind[], trees: readonly string[]): Promise<string> => {
  const field = await startField(kinds, true, 200, trees);
  try {
    const contenders = kinds.flatMap((kind) => field.trees.map(({ tree, gateways }) => ({ name: `${tree} ${kind}`, pid: gateways[kind].gateway.pid, env: gateways[kind].env })));
    return await costs('bulk read of 200 MB, one connection: ms of CPU, and MB', contenders, rounds, 1000, ({ env }) => readAll(env));
  } finally {
    await field.stop();
  }
};

/** Megabytes a second of reading 200 MB over one and over four connections at once. */
export const bulkRead = async (field: Field, rounds: number): Promise<string[]> => {
  const read = (name: string, env: Env, connections: number): Contender => ({
    name,
    measure: () =>
      field.alone(env, async () => {
        const rates = await Promise.all(Array.from({ length: connections }, () => readAll(env)));
        return rates.reduce((sum, rate) => sum + rate, 0);
      }),
  });
  const { gateways } = field;
  const reports: string[] = [];
  for (const [connections, keep, redact, detect] of [[1, 0.95, 0.88, 0.9], [4, 0.78, 0.55, 0.5]] as const) {
    const paired = await pairedRounds(
      [
        read('direct', { ...field.direct, PGUSER: 'bulk' }, connections),
        read('effect, answers up to 1 MiB', gateways.answers.env, connections),
        read('mask of 2 of 8, length kept', gateways.keep.env, connections),
        read('mask of 2 of 8, redact', gateways.redact.env, connections),
        read('all detectors, every text column', gateways.detect.env, connections),
      ],
      rounds,
    );
    reports.push(
      printRow({
        what: `bulk read of 200 MB, ${connections} connection${connections === 1 ? '' : 's'}`,
        unit: 'MB/s',
        paired,
        goals: [
          { contender: 'mask of 2 of 8, length kept', atLeast: keep },
          { contender: 'mask of 2 of 8, redact', atLeast: redact },
          { contender: 'all detectors, every text column', atLeast: detect },
        ],
      }),
    );
  }
  return reports;
};
