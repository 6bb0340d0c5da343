import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { median } from './rounds.ts';

/** CPU time of a process with all its threads, in microseconds. */
const cpuOf = (pid: number): number => {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const file = `/proc/${pid}/task/${task}/schedstat`;
    if (existsSync(file)) nanoseconds += Number(readFileSync(file, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1000;
};

interface Costly {
  readonly name: string;
  readonly pid: number;
}

/** What each of the processes takes of CPU for one piece of work, in rounds in which their order rotates. `run` does `each` pieces, and gives their rate. */
export const costs = async <One extends Costly>(title: string, contenders: readonly One[], rounds: number, each: number, run: (one: One) => Promise<number>): Promise<string> => {
  const spent = contenders.map(() => [] as number[]);
  const rates = contenders.map(() => [] as number[]);
  for (const one of contenders) for (let warm = 0; warm < 2; warm++) await run(one);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + turn) % contenders.length;
      const one = contenders[index] as One;
      const before = cpuOf(one.pid);
      rates[index]?.push(await run(one));
      spent[index]?.push((cpuOf(one.pid) - before) / each);
    }
  }
  const lines = contenders.map(({ name }, index) => {
    const all = spent[index] ?? [];
    return `  ${name.padEnd(36)} ${median(all).toFixed(1).padStart(7)} [${Math.min(...all).toFixed(1)} .. ${Math.max(...all).toFixed(1)}]  ${Math.round(median(rates[index] ?? []))} a second`;
  });
  return `\n${title}\n${lines.join('\n')}\n`;
};
