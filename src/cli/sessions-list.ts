import type { Command } from 'commander';
import { listSessions } from '../evidence/sessions.ts';
import { columns, recordedIn, visibleLine, withRecordedOptions, wrongUse, type RecordedOptions } from './recorded.ts';

interface ListOptions extends RecordedOptions {
  readonly since?: string;
  readonly until?: string;
}

/** `wicketgate sessions list`: recorded sessions, oldest first. */
export function registerSessionsList(sessions: Command): void {
  withRecordedOptions(sessions.command('list').description('recorded sessions'))
    .option('--since <time>', 'opened at or after: a time as in 2026-11-22T08:00Z, or an age as in 30m, 12h, 7d')
    .option('--until <time>', 'opened before')
    .action(list);
}

const list = async (options: ListOptions): Promise<void> => {
  const now = Date.now();
  const since = instant(options.since, now);
  const until = instant(options.until, now);
  if (since === null || until === null) {
    wrongUse('--since and --until take a time (2026-11-22T08:00Z) or an age (30m, 12h, 7d)');
    return;
  }
  const recorded = await recordedIn(options);
  if (!recorded) return;
  const window = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
  const found = (await Promise.all(recorded.folders.map((folder) => listSessions(folder, window)))).flat().sort((a, b) => (a.opened < b.opened ? -1 : 1));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(found)}\n`);
    return;
  }
  const rows = found.map((one) => [one.session, one.opened, one.identity, one.connection, String(one.commands), String(one.refusals), one.state].map(visibleLine));
  process.stdout.write(columns([['SESSION', 'OPENED', 'IDENTITY', 'CONNECTION', 'COMMANDS', 'REFUSED', 'STATE'], ...rows]));
};

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** RFC 3339 of a time or an age; undefined for none, null for neither. */
export const instant = (text: string | undefined, now: number): string | undefined | null => {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const at = count === undefined || unit === undefined ? Date.parse(text) : now - Number(count) * (UNITS[unit] ?? 0);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
};
