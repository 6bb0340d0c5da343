import type { Command } from 'commander';
import type { ApprovalView } from '../approvals/approvals.ts';
import { dataOf, rowsOf } from '../approvals/words.ts';
import type { Config } from '../config/resolved.ts';
import { askApprovals, withApprovalsOptions, type ApprovalsOptions } from './approvals.ts';
import { visible, visibleLine } from './recorded.ts';
import { configOf } from './steward.ts';
import { whoAsks } from './who.ts';

/** `wicketgate approvals show`: what exactly is asked for. That somebody reads it is recorded. */
export function registerApprovalsShow(approvals: Command): void {
  withApprovalsOptions(approvals.command('show <request>').description('what exactly would run, by whom, where, and under which rule; recorded as reading')).action(show);
}

const show = async (id: string, { config: where, json }: ApprovalsOptions): Promise<void> => {
  const config = await configOf(where);
  const view = config && (await viewOf(config, id, json));
  if (!view) return;
  process.stdout.write(json ? `${JSON.stringify(view)}\n` : describe(view));
};

/** One request as it is shown to people, once it is recorded that somebody reads it; undefined after saying what is wrong. */
export const viewOf = async (config: Config, id: string, json: boolean | undefined): Promise<ApprovalView | undefined> =>
  ((await askApprovals(config, { do: 'approvals', act: 'show', id, by: whoAsks() }, json)) as { readonly request: ApprovalView } | undefined)?.request;

/** A request for people. All of it comes from elsewhere, so nothing of it may act on the terminal. */
export const describe = (view: ApprovalView): string => {
  const { owner, requester, effects, steps, answers, hidden } = view;
  const lines: (readonly [string, string | undefined])[] = [
    ['request', `${view.id}, ${view.state}`],
    ['asked', `${when(view.askedAt)}${view.waiting === 0 ? '; no client waits' : `; ${view.waiting} ${view.waiting === 1 ? 'client waits' : 'clients wait'}`}`],
    ['expires', when(view.expiresAt)],
    ['identity', view.identity],
    ['owner', [owner.group, owner.contact].filter((part) => part !== undefined).join(', ') || undefined],
    ['behind it', requester],
    ['session', view.session],
    ['connection', `${view.connection} (${view.protocol})${view.inTransaction ? ', inside a transaction' : ''}`],
    ['does', `${view.verb}${effects.length === 0 ? '' : `: ${effects.map((effect) => [effect.class, effect.verb, effect.object].filter((part) => part !== undefined).join(' ')).join('; ')}`}`],
    ['rows', rowsOf(view)],
    ['data', dataOf(view, true)],
    ['why', view.reason],
    ...steps.map(({ rule, file, line, groups, count, approvedBy }) => ['rule', `${rule} (${file}:${line}): ${count} of ${groups.join(' or ')}; so far ${approvedBy.join(', ') || 'nobody'}`] as const),
    ...answers.map(({ at, by, provider, verdict, channel, reason }) => ['answer', `${when(at)} ${verdict} by ${by} (${provider}) through ${channel}: ${reason}`] as const),
    ['not covered', view.notCovered],
    ['page', view.url],
    ['digest', view.digest],
  ];
  const head = lines.map(([name, text]) => (text === undefined ? '' : `${`${name}:`.padEnd(13)}${visibleLine(text)}\n`)).join('');
  const literals = hidden === 0 ? '' : ` (${hidden} ${hidden === 1 ? 'literal is' : 'literals are'} not shown; the digest covers ${hidden === 1 ? 'it' : 'them'})`;
  const text = view.text === undefined ? 'not readable any more: its key was destroyed\n' : indented(view.text);
  const values = view.parameters === undefined || view.parameters.length === 0 ? '' : `values:\n${view.parameters.map((value, index) => `    $${index + 1} = ${value === null ? 'NULL' : visibleLine(value)}\n`).join('')}`;
  return `${head}command${literals}:\n${text}${values}`;
};

const indented = (text: string): string => `${visible(text).replace(/\n+$/, '').replaceAll(/^/gm, '    ')}\n`;
const when = (at: number): string => new Date(at).toISOString();
