import { readFileSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { program } from '../test/kit/present.ts';
import { run } from '../test/kit/run.ts';
import { tempFolder } from '../test/kit/temp.ts';

/** What is sent, and by how many at a time. */
export interface Load {
  readonly url: string;
  readonly token: string;
  readonly connections: number;
  /** For so many seconds. */
  readonly seconds: number;
  /** So many requests, for however long; needs h2load. */
  readonly count?: number;
  /** Sent with POST; undefined: GET. */
  readonly body?: string;
  /** So many addresses in turn on each connection, which differ in their query. Default: one. */
  readonly addresses?: number;
  /** Over HTTP/2, one request at a time on each connection. Needs h2load. */
  readonly http2?: boolean;
}

export interface Loaded {
  /** Requests that were answered in a second. */
  readonly rate: number;
  /** How long each took, in microseconds, sorted. */
  readonly latencies: readonly number[];
}

const urlsOf = ({ url, addresses }: Load): readonly string[] => (addresses === undefined ? [url] : Array.from({ length: addresses }, (_, n) => `${url}?n=${n}`));

/** With h2load, where it is installed; otherwise a process of ours, for HTTP/1.1. Throws when any answer is not of class 2xx. */
export const loaded = (load: Load): Promise<Loaded> => {
  const h2load = program('h2load');
  return h2load === undefined ? withNode(load) : withH2load(h2load, load);
};

/** Requests a second of the last run, by what was sent. */
const rates = new Map<string, number>();

const withH2load = async (h2load: string, load: Load): Promise<Loaded> => {
  const { url, token, connections, seconds, count: asked, body, http2, addresses } = load;
  using folder = tempFolder('h2load');
  const log = folder.file('log');
  if (body !== undefined) writeFileSync(folder.file('body'), body);
  // By count, as some versions count nothing by time in HTTP/1.1: as many as the last run of the same made in that time.
  const kind = JSON.stringify([url, connections, body !== undefined, addresses]);
  const count = asked ?? Math.max(connections * 20, Math.round((rates.get(kind) ?? 500) * seconds));
  const args = [...(http2 === true ? ['-m', '1'] : ['--h1']), '-c', String(connections), '-n', String(count), `--log-file=${log}`, '-H', `authorization: Bearer ${token}`, ...(body === undefined ? [] : ['-d', folder.file('body'), '-H', 'content-type: application/json']), ...urlsOf(load)];
  const { stdout, stderr } = await run(h2load, args, { timeoutMs: seconds * 1000 + 120_000 });
  const rate = Number(/, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  const [, good = '', bad3 = '', bad4 = '', bad5 = ''] = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(stdout) ?? [];
  if (!(Number(good) > 0) || Number(bad3) + Number(bad4) + Number(bad5) > 0) throw new Error(`h2load: ${stdout}${stderr}`);
  rates.set(kind, rate);
  const latencies = readFileSync(log, 'utf8').trim().split('\n').map((line) => Number(line.split('\t')[2])).filter(Number.isFinite).toSorted((a, b) => a - b);
  return { rate, latencies };
};

const withNode = async (load: Load): Promise<Loaded> => {
  if (load.http2 === true || load.count !== undefined) throw new Error('this load needs h2load');
  const { stdout, stderr, code } = await run(process.execPath, [import.meta.filename, JSON.stringify(load)], { timeoutMs: load.seconds * 1000 + 60_000 });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Loaded;
};

/** Connections that send one request after another until the time is over. */
const send = async (load: Load): Promise<Loaded> => {
  const { token, connections, seconds, body } = load;
  const urls = urlsOf(load);
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const until = performance.now() + seconds * 1000;
  const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }) };
  const one = (): Promise<void> => new Promise((resolve, reject) => {
    const begun = performance.now();
    http.request(urls[latencies.length % urls.length] as string, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`));
      answer.resume().once('error', reject).once('end', () => {
        latencies.push((performance.now() - begun) * 1000);
        resolve();
      });
    }).once('error', reject).end(body);
  });
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < until) await one();
  }));
  agent.destroy();
  return { rate: latencies.length / seconds, latencies: latencies.toSorted((a, b) => a - b) };
};

const [given] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && given !== undefined) process.stdout.write(JSON.stringify(await send(JSON.parse(given) as Load)));
