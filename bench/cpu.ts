import { join } from 'node:path';
import { pgbench } from '../test/kit/clients.ts';
import { bulkCosts } from './bulk.ts';
import { HTTP_WORKS, httpCosts, httpStreamCosts } from './http-cpu.ts';
import { costs } from './process-cpu.ts';
import { GATEWAYS, startField, type Env, type GatewayKind } from './targets.ts';

/*
 * node bench/cpu.ts ROUNDS WORK[,WORK...] [TREE...]: CPU time of the gateway for each command, of this tree and of others beside it (paths of clones),
 * in alternation, and of a forwarder that looks at nothing; for `bulk-KIND` for a read of 200 MB; for the works of http-cpu.ts for each request, for `http-gib` for
 * a GiB down one connection, and of the bare proxy. Rates depend on what else the machine does; this hardly does.
 */
const HERE = join(import.meta.dirname, '..');
const [roundsText = '5', works = 'select', ...others] = process.argv.slice(2);

interface Work {
  readonly kinds: readonly GatewayKind[];
  readonly args: readonly string[];
  readonly clients: number;
  /** Transactions of each client in a round. */
  readonly each: number;
}

const WORKS: Readonly<Record<string, Work>> = {
  select: { kinds: ['none'], args: ['-S', '-M', 'prepared'], clients: 32, each: 1200 },
  records: { kinds: ['records'], args: ['-S', '-M', 'prepared'], clients: 32, each: 800 },
  answers: { kinds: ['answers'], args: ['-S', '-M', 'prepared'], clients: 32, each: 600 },
  strict: { kinds: ['strict'], args: ['-S', '-M', 'prepared'], clients: 32, each: 600 },
  simple: { kinds: ['none'], args: ['-S', '-M', 'simple'], clients: 32, each: 800 },
  tpcb: { kinds: ['records'], args: ['-M', 'prepared'], clients: 32, each: 200 },
  tls: { kinds: ['tlsNone'], args: ['-S', '-M', 'prepared'], clients: 32, each: 800 },
};

interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly env: Env;
}

const measure = async (name: string, work: Work): Promise<void> => {
  const field = await startField(work.kinds, false, 400, [HERE, ...others]);
  try {
    await pgbench(['-i', '-s', '20', '-q'], field.direct);
    const contenders: Contender[] = field.trees.flatMap(({ tree, gateways }) => work.kinds.map((kind) => ({ name: `${tree} ${kind}`, pid: gateways[kind].gateway.pid, env: gateways[kind].env })));
    if (!work.kinds.includes('tlsNone')) contenders.push({ name: 'forwarder', ...field.forwarder });
    process.stdout.write(await costs(`${name}: us of CPU for each transaction, with opening its share of a session`, contenders, Number(roundsText), work.each * work.clients, async ({ env }) => {
      const ran = await pgbench(['-n', ...work.args, '-c', String(work.clients), '-j', '1', '-t', String(work.each)], env);
      if (ran.code !== 0) throw new Error(`pgbench failed (${ran.code}): ${ran.stderr.slice(-500)}`);
      return ran.tps ?? NaN;
    }));
  } finally {
    await field.stop();
  }
};

const names = works.split(',');
const bulk = GATEWAYS.filter((kind) => names.includes(`bulk-${kind}`));
if (bulk.length > 0) process.stdout.write(await bulkCosts(Number(roundsText), bulk, [HERE, ...others]));
for (const name of names.filter((one) => !bulk.some((kind) => one === `bulk-${kind}`))) {
  const work = WORKS[name];
  if (work) await measure(name, work);
  else if (HTTP_WORKS.includes(name)) process.stdout.write(await httpCosts(Number(roundsText), name, others));
  else if (name === 'http-gib') process.stdout.write(await httpStreamCosts(Number(roundsText), others));
  else throw new Error(`works are ${Object.keys(WORKS).join(', ')}, bulk-answers, bulk-keep, bulk-redact, bulk-detect, ${HTTP_WORKS.join(', ')}, http-gib`);
}
