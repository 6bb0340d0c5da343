import type { Sent } from './order-cases.ts';
import type { RecordedCommand } from './recorded-evidence.ts';
import type { SystemCall } from './system-calls.ts';

/** What a trace shows of commands. */
export interface Found {
  readonly violations: readonly string[];
  /** Statements that were at the target before their record was durable. */
  readonly ahead: number;
  readonly checked: number;
}

export interface Traced {
  readonly calls: readonly SystemCall[];
  readonly ports: { readonly gateway: number; readonly target: number };
  readonly mode: 'strict' | 'effect';
  /** Of one session, in order. */
  readonly commands: readonly RecordedCommand[];
}

/** Messages as strace shows them. */
const SYNC = 'S\\0\\0\\0\\4';
const COPY_DONE = 'c\\0\\0\\0\\4';
const COMMIT = 'COMMIT\\0';
/** strace shows a length of 14 to 31 as an octal number, which these portals have. */
const executeOf = (portal: string): string => `E\\0\\0\\0\\${(portal.length + 9).toString(8)}${portal}\\0`;

/** Holds every command of a session against the trace. */
export const judge = ({ calls, ports, mode, commands }: Traced, sent: readonly Sent[]): Found => {
  const violations: string[] = [];
  let ahead = 0;
  const writes = calls.filter(({ name, result }) => /write|send/.test(name) && result > 0);
  const toLog = writes.filter(({ on }) => on.endsWith('.seg'));
  const syncs = calls.filter(({ name, on, result }) => (name === 'fdatasync' || name === 'fsync') && on.endsWith('.seg') && result === 0);
  const toTarget = writes.filter(({ on }) => on.startsWith('TCP') && on.endsWith(`->127.0.0.1:${ports.target}]`));
  const toClients = writes.filter(({ on }) => on.startsWith(`TCP:[127.0.0.1:${ports.gateway}->`));
  // Of this session's client: the one that got an answer which nobody else gets.
  const client = toClients.find(({ args }) => sent.some(({ text, answer }) => text === answer && args.includes(answer)))?.on;
  const toClient = toClients.filter(({ on }) => on === client);
  /** When the intent of a command was durable: the end of its write, where that is durable by itself, or of the first sync that began after it. */
  const durable = ({ session, command }: RecordedCommand): number => {
    const number = `\\"command\\":${command},`;
    const record = toLog.find(({ args }) => args.split('\\"record\\":').some((leaf) => leaf.includes(number) && leaf.includes('\\"kind\\":\\"intent\\"') && leaf.includes(session)));
    if (!record) return Infinity;
    if (record.durable) return record.end;
    return syncs.filter(({ on, start }) => on === record.on && start > record.end).reduce((first, { end }) => Math.min(first, end), Infinity);
  };
  /** The first write of a message behind the place where the statement stands. */
  const behind = (forwarded: SystemCall, text: string, message: string): SystemCall | undefined =>
    toTarget.find((call) => call.start >= forwarded.start && call.args.includes(message, call === forwarded ? call.args.lastIndexOf(text) : 0));
  const committing = ({ text, commits }: Sent, forwarded: SystemCall): SystemCall | undefined => {
    if (commits === 'sync') return behind(forwarded, text, SYNC);
    if (commits === 'copyDone') return behind(forwarded, text, COPY_DONE);
    if (commits === 'guard') return behind(forwarded, text, COMMIT);
    if (typeof commits === 'object') return toTarget.find(({ args }) => args.includes(executeOf(commits.execute)));
    return forwarded;
  };
  /** Number of the last command that was looked at. Comments are not recorded: a command without a mark is the next of its kind. */
  let position = 0;
  for (const one of sent) {
    const { text, answer, commits } = one;
    const what = `${mode}, ${text}: ${one.what}`;
    const named = commands.filter(({ statement, parameters }) => statement?.includes(text) || parameters.includes(text));
    const own = named.length > 0 ? named : nextOfKind(commands, position, answer.slice(0, -2));
    const [first, last] = [own[0], own.at(-1)];
    position = last?.command ?? position;
    const forwarded = toTarget.find(({ args }) => args.includes(text));
    const answered = forwarded && toClient.find(({ start, args }) => start >= forwarded.start && args.includes(answer));
    const committed = forwarded && committing(one, forwarded);
    if (!first || !last || !forwarded || !answered || !committed) {
      violations.push(`${what}: not in the trace or the log (${[first && 'recorded', forwarded && 'forwarded', committed && 'committed', answered && 'answered'].join(' ')})`);
      continue;
    }
    if (forwarded.start < durable(first)) {
      ahead += 1;
      if (mode === 'strict') violations.push(`${what}: sent to the target before its record was durable`);
    }
    if (commits !== undefined && committed.start < durable(last)) violations.push(`${what}: could commit before its record was durable`);
    if (answered.start < durable(last)) violations.push(`${what}: answered before its record was durable`);
  }
  return { violations, ahead, checked: sent.length };
};

/** In strict mode a Parse has a record of its own, in front of that of what runs. */
const nextOfKind = (commands: readonly RecordedCommand[], position: number, start: string): RecordedCommand[] => {
  const from = commands.findIndex(({ command, statement }) => command > position && statement?.startsWith(start));
  if (from < 0) return [];
  const until = commands.findIndex(({ verb }, i) => i >= from && verb !== 'prepare');
  return commands.slice(from, until + 1);
};
