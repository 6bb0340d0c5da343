import { program } from '../test/kit/present.ts';
import { startHttpField, streamedTo } from './http-field.ts';
import { loaded } from './http-load.ts';
import { costs } from './process-cpu.ts';

const CONNECTIONS = 32;
/** Requests of a round. */
const EACH = 16_000;
const BODY = JSON.stringify({ customer: 'Customer 4711', note: 'as agreed', cents: 1200 });

/** CPU of the bare proxy, of this tree's gateway and of those of clones beside it, for each request of HTTP/1.1. */
export const httpCosts = async (rounds: number, post: boolean, others: readonly string[]): Promise<string> => {
  await using field = await startHttpField(others);
  const { token, processes } = field;
  return await costs(`HTTP/1.1, ${post ? 'POST' : 'GET'}: us of CPU for each request`, processes, rounds, EACH, async ({ url }) =>
    (await loaded({ url: `${url}/small`, token, connections: CONNECTIONS, seconds: 2, count: EACH, ...(post ? { body: BODY } : {}) })).rate);
};

/** The same for one GiB down one connection, in milliseconds. The rates are megabytes a second. */
export const httpStreamCosts = async (rounds: number, others: readonly string[]): Promise<string> => {
  const curl = program('curl');
  if (curl === undefined) return '\nHTTP/1.1, one GiB: not measured, curl is not installed\n';
  await using field = await startHttpField(others);
  const { token, processes } = field;
  return await costs('HTTP/1.1, one GiB down one connection: ms of CPU, and MB', processes, rounds, 1000, ({ url }) => streamedTo(curl, url, token));
};
