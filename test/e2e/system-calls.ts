import { readFileSync } from 'node:fs';

/** One system call in a trace of `strace -f -yy`. `start` and `end` are line numbers: another thread's calls may stand between them. */
export interface SystemCall {
  readonly name: string;
  /** What the first argument leads to: a path, or `TCP:[127.0.0.1:5000->127.0.0.1:6000]`. */
  readonly on: string;
  /** The arguments as strace prints them. */
  readonly args: string;
  readonly start: number;
  /** Infinity while it has not returned. */
  readonly end: number;
  readonly result: number;
}

/** What strace is run with, in front of the program. `-D` keeps the program's own process id. */
export const tracing = (file: string): readonly string[] => [
  'strace', '-D', '-f', '-yy', '-s', '262144', '-o', file, '-e', 'trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync', '-e', 'signal=none',
];

/** The calls of a trace, in the order in which they began. */
export const readTrace = (file: string): SystemCall[] => {
  const calls: SystemCall[] = [];
  const unfinished = new Map<string, { name: string; head: string; start: number }>();
  readFileSync(file, 'latin1').split('\n').forEach((line, at) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/s.exec(rest);
    if (resumed) {
      const begun = unfinished.get(thread);
      if (!begun) return;
      unfinished.delete(thread);
      calls.push(callOf(begun.name, begun.head + (resumed[2] ?? ''), begun.start, at));
      return;
    }
    const called = /^(\w+)\((.*)$/s.exec(rest);
    if (!called) return;
    const [, name = '', text = ''] = called;
    if (text.endsWith(' <unfinished ...>')) unfinished.set(thread, { name, head: text.slice(0, -' <unfinished ...>'.length), start: at });
    else calls.push(callOf(name, text, at, at));
  });
  for (const { name, head, start } of unfinished.values()) calls.push(callOf(name, head, start, Infinity));
  return calls.sort((a, b) => a.start - b.start);
};

const callOf = (name: string, text: string, start: number, end: number): SystemCall => {
  const [, on = ''] = /^\d+<((?:TCP[^>]*->[^>]*\]|[^>]*))>/.exec(text) ?? [];
  const [, result] = /\) += (-?\d+)[^"]*$/.exec(text) ?? [];
  return { name, on, args: text, start, end, result: Number(result ?? -1) };
};
