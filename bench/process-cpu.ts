import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { inRounds, median } from './rounds.ts';

/** CPU time of a process with all its threads, in microseconds. */
export const cpuOf = (pid: number): number => {
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
  const measured = await inRounds(contenders, rounds, async (one) => {
    const before = cpuOf(one.pid);
    const rate = await run(one);
    return { rate, spent: (cpuOf(one.pid) - before) / each };
  });
  const lines = measured.map(([{ name }, values]) => {
    const all = values.map(({ spent }) => spent);
    return `  ${name.padEnd(36)} ${median(all).toFixed(1).padStart(7)} [${Math.min(...all).toFixed(1)} .. ${Math.max(...all).toFixed(1)}]  ${Math.round(median(values.map(({ rate }) => rate)))} a second`;
  });
  return `\n${title}\n${lines.join('\n')}\n`;
};
