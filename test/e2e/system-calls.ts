import { readFileSync } from 'node:fs';

/** One system call in a trace of `strace -f -yy`. `start` and `end` are line numbers: another thread's calls may stand between them. */
export interface SystemCall {
  readonly name: string;
  readonly descriptor: number;
  /** What the first argument leads to: a path, or `TCP:[127.0.0.1:5000->127.0.0.1:6000]`. */
  readonly on: string;
  /** The arguments as strace prints them. */
  readonly args: string;
  readonly start: number;
  /** Infinity while it has not returned. */
  readonly end: number;
  readonly result: number;
  /** A write to a file that was opened so that a write returns only when it is durable (O_DSYNC). */
  readonly durable: boolean;
}

/** What strace is run with, in front of the program. `-D` keeps the program's own process id. */
export const tracing = (file: string): readonly string[] => [
  'strace', '-D', '-f', '-yy', '-s', '262144', '-o', file, '-e', 'trace=openat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync', '-e', 'signal=none',
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
  calls.sort((a, b) => a.start - b.start);
  return withDurability(calls);
};

/** Follows which descriptors were opened with O_DSYNC, in the order in which numbers were given away. */
const withDurability = (calls: readonly SystemCall[]): SystemCall[] => {
  const durable = new Map<number, boolean>();
  const events = calls.flatMap((call) => (call.name === 'openat' ? [{ at: call.end, call }] : [{ at: call.start, call }])).sort((a, b) => a.at - b.at);
  const found = new Set<SystemCall>();
  for (const { call } of events) {
    if (call.name === 'openat') durable.set(call.result, /O_D?SYNC/.test(call.args));
    else if (durable.get(call.descriptor) === true) found.add(call);
  }
  return calls.map((call) => (found.has(call) ? { ...call, durable: true } : call));
};

const callOf = (name: string, text: string, start: number, end: number): SystemCall => {
  const [, descriptor, on = ''] = /^(\d+)<((?:TCP[^>]*->[^>]*\]|[^>]*))>/.exec(text) ?? [];
  const [, result] = /\) += (-?\d+)[^"]*$/.exec(text) ?? [];
  return { name, descriptor: Number(descriptor ?? -1), on, args: text, start, end, result: Number(result ?? -1), durable: false };
};
