import { stopAndVerify } from '../e2e/whole-evidence.ts';
import { until } from '../kit/until.ts';
import { held, WATCHED, type Held } from './heap.ts';
import type { Soak, Work } from './soak.ts';

/** Rounds before memory is compared: what is kept on purpose (statements, catalogs, compiled code) is kept then, where a soak does not say more. */
const WARM = 3;
/** What a gateway starts by itself is there then: the first checkpoint, and the thread for what it searches, with a dozen files. */
const SETTLED_MS = 15_000;
/** Bytes that a round may leave behind, on the average of those that count: what V8 learns and forgets of its own. */
const LEFT_OF_A_ROUND = 192 * 1024;
/** Files and sockets that may be open beside those of before: segments of the log, a kept connection to an issuer. */
const FILES = 8;

/** What came of one soak. */
export interface Soaked {
  readonly commands: number;
  readonly seconds: number;
  readonly before: Held;
  readonly after: Held;
  /** Bytes that a round left behind. */
  readonly left: number;
}

/**
 * Runs one: every round has to go as its clients expect; after it no session is open, and memory and files are as after the first ones. At the end the gateway
 * stops as it should, and its log has every command with its outcome. Throws what is not so.
 */
export const runSoak = async (soak: Soak, rounds: number, said: (what: string) => void): Promise<Soaked> => {
  const begun = performance.now();
  await using work = await soak.start(WATCHED);
  let commands = 0;
  const some = async (count: number): Promise<Held> => {
    for (let round = 0; round < count; round++) commands += await work.round();
    await quiet(work);
    const now = await held(work.gateway);
    said(`${commands} commands: ${mebibytes(now.memory)} held, ${mebibytes(now.resident)} resident, ${now.files} files`);
    return now;
  };
  let before = await some(soak.warm ?? WARM);
  while (performance.now() - begun < SETTLED_MS) before = await some(1);
  let after = before;
  for (let round = 0; round < rounds; round++) after = await some(1);
  const left = (after.memory - before.memory) / rounds;
  if (left > LEFT_OF_A_ROUND) throw new Error(`a round leaves ${Math.round(left / 1024)} KiB behind: ${mebibytes(before.memory)} before, ${mebibytes(after.memory)} after ${rounds} rounds`);
  if (after.files > before.files + FILES) throw new Error(`${before.files} files and sockets before, ${after.files} after ${rounds} rounds`);
  const complaints = work.gateway.logLines().filter(({ level }) => level === 'error' || level === 'fatal');
  if (complaints.length > 0) throw new Error(`the gateway logged ${complaints.length} errors, the first: ${JSON.stringify(complaints[0])}`);
  await stopAndVerify(work);
  return { commands, seconds: (performance.now() - begun) / 1000, before, after, left };
};

/** Sessions of HTTP end by idleness: soaks set that short. */
const quiet = ({ gateway }: Work): Promise<boolean> => until(async () => {
  const open = [...(await (await fetch(`${gateway.control}/metrics`, { headers: { connection: 'close' } })).text()).matchAll(/^wicketgate_sessions\{[^}]*\} (\d+)/gm)];
  return open.every(([, count]) => count === '0');
}, 60_000, 'the end of all sessions');

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
