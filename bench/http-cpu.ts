import { program } from '../test/kit/present.ts';
import { startHttpField, streamedTo } from './http-field.ts';
import { loaded, type Load } from './http-load.ts';
import { costs } from './process-cpu.ts';

const CONNECTIONS = 32;
/** Requests of a round. */
const EACH = 16_000;
const BODY = JSON.stringify({ customer: 'Customer 4711', note: 'as agreed', cents: 1200 });

/** The same request again and again, sixteen addresses in turn on each connection, or never the same twice on one. */
const WORKS: Readonly<Record<string, Partial<Load>>> = {
  'http-get': {},
  'http-post': { body: BODY },
  'http-addresses': { addresses: 16 },
  'http-new-addresses': { addresses: EACH / CONNECTIONS },
  'http2-get': { http2: true },
  'http2-addresses': { http2: true, addresses: 16 },
  'http2-new-addresses': { http2: true, addresses: EACH / CONNECTIONS },
};

export const HTTP_WORKS: readonly string[] = Object.keys(WORKS);

/** CPU of the bare proxy, of this tree's gateway and of those of clones beside it, for each request. */
export const httpCosts = async (rounds: number, work: string, others: readonly string[]): Promise<string> => {
  await using field = await startHttpField(others);
  const { token } = field;
  const load = WORKS[work] ?? {};
  return await costs(`${work}: us of CPU for each request`, load.http2 === true ? field.tlsProcesses : field.processes, rounds, EACH, async ({ url }) =>
    (await loaded({ url: `${url}/small`, token, connections: CONNECTIONS, seconds: 2, count: EACH, ...load })).rate);
};

/** The same for one GiB down one connection, in milliseconds. The rates are megabytes a second. */
export const httpStreamCosts = async (rounds: number, others: readonly string[]): Promise<string> => {
  const curl = program('curl');
  if (curl === undefined) return '\nHTTP/1.1, one GiB: not measured, curl is not installed\n';
  await using field = await startHttpField(others);
  const { token, processes } = field;
  return await costs('HTTP/1.1, one GiB down one connection: ms of CPU, and MB', processes, rounds, 1000, ({ url }) => streamedTo(curl, url, token));
};
