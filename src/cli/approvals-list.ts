import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ApprovalFilter } from '../approvals/approvals.ts';
import type { Config } from '../config/resolved.ts';
import type { ApprovalSummary } from '../control/approvals.ts';
import { askApprovals, withApprovalsOptions, type ApprovalsOptions } from './approvals.ts';
import { columns, visibleLine, wrongUse } from './recorded.ts';
import { configOf } from './steward.ts';

interface ListOptions extends ApprovalsOptions {
  readonly state?: string;
  readonly exceptions?: boolean;
  readonly limit: string;
  readonly before?: string;
  readonly watch?: boolean;
}

const STATES = ['pending', 'approved', 'denied', 'used', 'expired', 'withdrawn'] as const;
const WATCH_MS = 1_000;

/** `wicketgate approvals list`: requests, newest first; never what would run. */
export function registerApprovalsList(approvals: Command): void {
  withApprovalsOptions(approvals.command('list').description('requests for approval, newest first; what would run is told by show'))
    .option('--state <state>', `only these: ${STATES.join(', ')}`)
    .option('--exceptions', 'only those that somebody forced (break-glass)')
    .option('--limit <number>', 'at most so many, up to 1000', '50')
    .option('--before <id>', 'older than this request')
    .option('--watch', 'then go on and print each change, until interrupted')
    .action(list);
}

const list = async (options: ListOptions): Promise<void> => {
  const { watch, json, before, exceptions } = options;
  const state = STATES.find((one) => one === options.state);
  const limit = Number(options.limit);
  if (options.state !== undefined && state === undefined) return wrongUse(`--state takes ${STATES.join(', ')}`);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1_000)) return wrongUse('--limit takes a number from 1 to 1000');
  const config = await configOf(options.config);
  if (!config) return;
  const ask = (): Promise<readonly ApprovalSummary[] | undefined> => requests(config, json, { limit, ...(state === undefined ? {} : { state }), ...(exceptions ? { exceptions } : {}), ...(before === undefined ? {} : { before }) });
  const found = await ask();
  if (!found) return;
  if (json && !watch) process.stdout.write(`${JSON.stringify(found)}\n`);
  else if (json) for (const one of found) process.stdout.write(`${JSON.stringify(one)}\n`);
  else process.stdout.write(columns([['REQUEST', 'ASKED', 'STATE', 'IDENTITY', 'CONNECTION', 'VERB', 'WAITING', 'RULE'], ...found.map(row)]));
  if (watch) await follow(found, ask, json);
};

const requests = async (config: Config, json: boolean | undefined, filter: ApprovalFilter): Promise<readonly ApprovalSummary[] | undefined> => {
  return ((await askApprovals(config, { do: 'approvals', act: 'list', ...filter }, json)) as { readonly requests: readonly ApprovalSummary[] } | undefined)?.requests;
};

const row = ({ id, askedAt, state, identity, connection, verb, waiting, steps }: ApprovalSummary): string[] =>
  [id, new Date(askedAt).toISOString(), state, identity, connection, verb, String(waiting), steps[0]?.rule ?? ''].map(visibleLine);

/** What is different from what was printed last. Ends when the gateway does not answer any more, which was then said. */
const follow = async (first: readonly ApprovalSummary[], ask: () => Promise<readonly ApprovalSummary[] | undefined>, json: boolean | undefined): Promise<void> => {
  let shown = new Map(first.map((one) => [one.id, JSON.stringify(one)]));
  for (;;) {
    await pause(WATCH_MS);
    const now = await ask();
    if (!now) return;
    for (const one of now.toReversed()) if (shown.get(one.id) !== JSON.stringify(one)) process.stdout.write(json ? `${JSON.stringify(one)}\n` : `${row(one).join('  ')}\n`);
    shown = new Map(now.map((one) => [one.id, JSON.stringify(one)]));
  }
};
