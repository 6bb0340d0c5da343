import { startScene } from '../../e2e/scene.ts';
import { gatewayWire, say, type Wire } from '../../e2e/wire.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { counted } from '../together.ts';

const CLIENTS = 8;
const TIMES = 6;

/** What each is in the midst of when its machine is taken away. */
const MIDST: readonly ((wire: Wire) => Promise<unknown>)[] = [
  async (wire) => {
    wire.send(say.query("SELECT repeat('x', 1000) FROM generate_series(1, 200000)"));
    await wire.until('DataRow');
  },
  async (wire) => {
    wire.send(say.query('COPY orders FROM STDIN'));
    await wire.until('CopyInResponse');
    for (let n = 0; n < 100; n++) wire.send(say.copyData(Buffer.from(`${n}\t1\tnever committed\n`)));
  },
  async (wire) => {
    wire.send(say.query('COPY (SELECT * FROM generate_series(1, 500000)) TO STDOUT'));
    await wire.until('CopyData');
  },
  async (wire) => {
    await wire.query('BEGIN');
    await wire.query("INSERT INTO orders VALUES (1, 1, 'never committed')");
  },
  async (wire) => {
    wire.send(say.parse('', "INSERT INTO orders VALUES (1, 1, 'never committed')"), say.bind('', '', [], []), say.execute(''), say.flush);
    await wire.until('CommandComplete');
  },
  async (wire) => wire.send(say.query('SELECT pg_sleep(600)')),
];

/** Clients that are gone without a word, in the middle of answers, COPY and transactions: the target is left at once, and nothing of theirs stays. */
export const soak: Soak = {
  name: 'postgres-vanishing',
  // Logins and ends are few in a round: their code is compiled, and the verified signatures of their tokens are remembered, for longer.
  warm: 6,
  async start(nodeArgs) {
    const scene = await startScene({ nodeArgs });
    return {
      gateway: scene.gateway,
      async round() {
        const done = await counted(CLIENTS, async (client) => {
          for (let n = 0; n < TIMES; n++) {
            using wire = await gatewayWire(scene, 'writer');
            await MIDST[(client + n) % MIDST.length]?.(wire);
          }
          return TIMES;
        });
        await until(async () => await scene.target.count("pg_stat_activity WHERE application_name LIKE 'wg:%'") === 0, 20_000, 'the end of their sessions at the target');
        if (await scene.target.count("orders WHERE note = 'never committed'") !== 0) throw new Error('something of theirs was committed');
        return done;
      },
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  },
};
