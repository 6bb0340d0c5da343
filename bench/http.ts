import { readFileSync, writeFileSync } from 'node:fs';
import { program } from '../test/kit/present.ts';
import { loaded, type Load } from './http-load.ts';
import { startHttpField, streamedTo, type HttpField } from './http-field.ts';
import { quantile, syncTime } from './latency.ts';
import { printRow } from './report.ts';
import { median, pairedRounds, type Contender } from './rounds.ts';

const SECONDS = 2;
const CONNECTIONS = 32;
const ADDRESSES = 16;

/** The rows of HTTP. What cannot be measured here says why. */
export const httpRows = async (rounds: number, report: (text: string) => void): Promise<void> => {
  if (program('nginx') === undefined) {
    report('\nHTTP: not measured, nginx is not installed');
    return;
  }
  await using field = await startHttpField();
  const { token } = field;
  const rate = (name: string, url: string, more: Partial<Load> = {}): Contender => ({ name, measure: async () => (await loaded({ url: `${url}/small`, token, connections: CONNECTIONS, seconds: SECONDS, ...more })).rate });
  const unit = 'requests/s';
  const goals = [{ contender: 'gateway', atLeast: 0.75 }];
  report(printRow({ what: `HTTP/1.1, GET, ${CONNECTIONS} connections: policy, evidence, recording`, unit, goals, paired: await pairedRounds([rate('bare proxy on node:http', field.bare), rate('gateway', field.gated), rate('nginx', field.nginx), rate('direct', field.direct)], rounds) }));
  // Another head each time: what is found out of the last one on a connection serves none of them.
  report(printRow({ what: `HTTP/1.1, GET of ${ADDRESSES} addresses in turn, ${CONNECTIONS} connections`, unit, goals, paired: await pairedRounds([rate('bare proxy on node:http', field.bare, { addresses: ADDRESSES }), rate('gateway', field.gated, { addresses: ADDRESSES })], rounds) }));
  const body = JSON.stringify({ customer: 'Customer 4711', note: 'as agreed', cents: 1200 });
  report(printRow({ what: `HTTP/1.1, POST of JSON, ${CONNECTIONS} connections: durable before it is sent on`, unit, goals: [], paired: await pairedRounds([rate('bare proxy on node:http', field.bare, { body }), rate('gateway', field.gated, { body })], rounds) }));
  if (program('h2load') === undefined) report('\nHTTP/2: not measured, h2load is not installed');
  else report(printRow({ what: `HTTP/2 over TLS, GET, ${CONNECTIONS} connections: policy, evidence, recording`, unit, goals, paired: await pairedRounds([rate('bare proxy on node:http2', field.bareTls, { http2: true }), rate('gateway', field.gatedTls, { http2: true })], rounds) }));
  if (program('h2load') !== undefined) report(printRow({ what: `HTTP/2 over TLS, GET of ${ADDRESSES} addresses in turn, ${CONNECTIONS} connections`, unit, goals, paired: await pairedRounds([rate('bare proxy on node:http2', field.bareTls, { http2: true, addresses: ADDRESSES }), rate('gateway', field.gatedTls, { http2: true, addresses: ADDRESSES })], rounds) }));
  report(await addedByRequests(field, rounds, body));
  report(await streamed(field, rounds));
};

/** What one client waits longer than at the target itself, against the fdatasync of the same round. */
const addedByRequests = async ({ token, direct, gated, gateway }: HttpField, rounds: number, body: string): Promise<string> => {
  const sync: number[] = [];
  const added = { 'GET, p50': [] as number[], 'GET, p99': [] as number[], 'POST, p50': [] as number[], 'POST, p99': [] as number[] };
  const one = async (url: string, more: Partial<Load>): Promise<readonly number[]> => (await loaded({ url: `${url}/small`, token, connections: 1, seconds: SECONDS, ...more })).latencies;
  for (let round = 0; round < rounds; round += 1) {
    sync.push(syncTime(gateway.dataDir));
    for (const [name, more] of [['GET', {}], ['POST', { body }]] as const) {
      const base = await one(direct, more);
      const through = await one(gated, more);
      for (const [label, share] of [['p50', 0.5], ['p99', 0.99]] as const) added[`${name}, ${label}`].push(quantile(through, share) - quantile(base, share));
    }
  }
  const goal = 3 * median(sync) + 500;
  const us = (value: number): string => `${Math.round(value)} us`;
  return [
    '\nHTTP/1.1, added time at one client (medians over the rounds)',
    `  fdatasync p50 of the run            ${us(median(sync))}`,
    ...Object.entries(added).map(([name, values]) => `  added, ${name.padEnd(28)} ${us(median(values))}${name.endsWith('p99') ? `   goal 3 x fdatasync + 0.5 ms = ${us(goal)}: ${median(values) <= goal ? 'reached' : 'MISSED'}` : ''}`),
  ].join('\n');
};

const kib = (pid: number, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN);

/** One large body after another, down and thrown away, and what the gateway's memory grows by meanwhile. */
const streamed = async ({ token, direct, nginx, bare, gated, gateway }: HttpField, rounds: number): Promise<string> => {
  const curl = program('curl');
  if (curl === undefined) return '\nHTTP/1.1, one GiB: not measured, curl is not installed';
  const grown: number[] = [];
  const rate = (name: string, url: string): Contender => ({
    name,
    measure: async () => {
      const before = kib(gateway.pid, 'VmRSS');
      // Linux: the highest point is forgotten.
      writeFileSync(`/proc/${gateway.pid}/clear_refs`, '5');
      const rate = await streamedTo(curl, url, token);
      if (url === gated) grown.push((kib(gateway.pid, 'VmHWM') - before) / 1024);
      return rate;
    },
  });
  const row = printRow({ what: 'HTTP/1.1, one GiB down, one connection', unit: 'MB/s', goals: [{ contender: 'gateway', atLeast: 0.85 }], paired: await pairedRounds([rate('nginx', nginx), rate('gateway', gated), rate('bare proxy on node:http', bare), rate('direct', direct)], rounds) });
  const most = Math.max(...grown);
  return `${row}\n  growth of the gateway's memory meanwhile, at most ${Math.round(most)} MiB   goal 64 MiB: ${most < 64 ? 'reached' : 'MISSED'}`;
};
