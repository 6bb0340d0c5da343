import { readdirSync, readFileSync } from 'node:fs';
import type { Gateway } from '../kit/gateway.ts';

/** What a gateway holds when nobody talks to it, and what nobody needs was collected. */
export interface Held {
  /** Bytes of the main isolate: its heap, and buffers that hang on it. */
  readonly memory: number;
  /** Bytes of the process, of all threads. Grows in steps and seldom shrinks. */
  readonly resident: number;
  readonly files: number;
}

/** Flags with which a gateway lets `held` look into it. */
export const WATCHED: readonly string[] = ['--inspect=127.0.0.1:0', '--expose-gc'];

/** Most time that one answer of the inspector may take: a collection of a large heap. */
const ANSWER_MS = 30_000;
/** What a collection frees (sockets, buffers of the kernel's side) is given back by callbacks, which the next one collects. */
const COLLECT = `(async () => {
  for (let n = 0; n < 4; n++) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
})()`;

/** Collects, and measures. The gateway must have been started with `WATCHED`. */
export const held = async (gateway: Pick<Gateway, 'pid' | 'log'>): Promise<Held> => {
  // Of a gateway that was started again the last one.
  const address = [...gateway.log().matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1];
  if (address === undefined) throw new Error('the gateway was not started with an inspector');
  const memory = Number(await evaluate(address, COLLECT));
  const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1] ?? NaN) * 1024;
  return { memory, resident, files: readdirSync(`/proc/${gateway.pid}/fd`).length };
};

/** Chrome DevTools Protocol, `Runtime.evaluate`: a connection for each question, so that none is there while the clients work. */
const evaluate = (address: string, expression: string): Promise<unknown> => new Promise((resolve, reject) => {
  const socket = new WebSocket(address);
  const late = setTimeout(() => { socket.close(); reject(new Error('the inspector did not answer in time')); }, ANSWER_MS);
  socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, awaitPromise: true, returnByValue: true } }));
  socket.onerror = () => { clearTimeout(late); reject(new Error('the inspector cannot be reached')); };
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(String(data)) as { readonly id?: number; readonly result?: { readonly result: { readonly value?: unknown }; readonly exceptionDetails?: unknown } };
    if (answer.id !== 1) return;
    clearTimeout(late);
    socket.close();
    if (answer.result === undefined || answer.result.exceptionDetails !== undefined) reject(new Error(`the inspector could not say: ${String(data).slice(0, 300)}`));
    else resolve(answer.result.result.value);
  };
});
