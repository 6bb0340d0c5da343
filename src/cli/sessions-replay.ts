import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { TimelineEntry } from '../evidence/sessions.ts';
import { visible, withRecordedOptions, wrongUse, type RecordedOptions } from './recorded.ts';
import { describeEntry, timelineOf } from './sessions-show.ts';

export interface ReplayDependencies {
  /** Words the recorded bytes of an answer, as the protocol's client would show them: tables, messages, errors. */
  readonly render: (protocol: string, bytes: Buffer) => string;
}

interface ReplayOptions extends RecordedOptions {
  readonly speed?: string;
}

/** Longer silences are cut to this, in milliseconds before `--speed` is applied: nobody watches a session sleep. */
const LONGEST_SILENCE = 5000;

/** `wicketgate sessions replay`: a session as it went, with statements and the answers that the client got. */
export function registerSessionsReplay(sessions: Command, dependencies: ReplayDependencies): void {
  withRecordedOptions(sessions.command('replay <session>').description('replay a recorded session in the terminal'))
    .option('--speed <times>', 'how many times faster than it went; 0 does not wait (default: 1 on a terminal, 0 in a pipe)')
    .action((session: string, options: ReplayOptions) => replay(session, options, dependencies));
}

const replay = async (session: string, options: ReplayOptions, { render }: ReplayDependencies): Promise<void> => {
  const speed = options.speed === undefined ? (process.stdout.isTTY ? 1 : 0) : Number(options.speed);
  if (!Number.isFinite(speed) || speed < 0) {
    wrongUse('--speed takes a number: 2 is twice as fast, 0 does not wait');
    return;
  }
  const entries = await timelineOf('replay', session, options);
  if (!entries) return;
  const protocol = entries.map(({ leaf }) => (leaf.record.kind === 'session_open' ? leaf.record.protocol : undefined)).find((found) => found !== undefined) ?? '';
  let before: TimelineEntry | undefined;
  for (const entry of entries) {
    if (speed > 0 && before) await wait(Math.min(LONGEST_SILENCE, Math.max(0, Date.parse(entry.leaf.time) - Date.parse(before.leaf.time))) / speed);
    before = entry;
    const answer = answerOf(entry);
    if (options.json) process.stdout.write(`${JSON.stringify({ time: entry.leaf.time, sequence: entry.leaf.seq, record: entry.leaf.record, ...(answer ? { answer: render(protocol, answer) } : {}) })}\n`);
    else process.stdout.write(`${describeEntry(entry)}${answer ? indented(render(protocol, answer)) : ''}`);
  }
};

/** The recorded pieces of an answer, joined as far as they can be opened without a hole. */
const answerOf = ({ bodies }: TimelineEntry): Buffer | undefined => {
  const pieces = bodies.filter(({ part }) => part === 'answer');
  const hole = pieces.findIndex((piece) => 'absent' in piece);
  const whole = (hole < 0 ? pieces : pieces.slice(0, hole)).flatMap((piece) => ('bytes' in piece ? [piece.bytes] : []));
  return whole.length === 0 ? undefined : Buffer.concat(whole);
};

/** Below its record, as statements are: no line of an answer stands where a record does. */
const indented = (text: string): string => `${visible(text).trimEnd().replaceAll(/^(?=.)/gm, '    ')}\n`;
