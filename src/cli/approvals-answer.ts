import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { ApprovalView, Verdict } from '../approvals/approvals.ts';
import type { ApprovalSummary } from '../control/approvals.ts';
import { askApprovals, sayNo, withApprovalsOptions, type ApprovalsOptions } from './approvals.ts';
import { describe, viewOf } from './approvals-show.ts';
import { browserWait, byBrowser, isLoginProblem, withBrowserOptions, type BrowserOptions } from './browser-login.ts';
import { loginOf, PersonUnclear, personToken, type PersonOptions } from './person-token.ts';
import { visibleLine, wrongUse } from './recorded.ts';
import { configOf } from './steward.ts';

interface AnswerOptions extends ApprovalsOptions, PersonOptions, BrowserOptions {
  readonly reason: string;
  readonly login?: boolean;
  readonly yes?: boolean;
}

const SAYS: Readonly<Record<Verdict, string>> = {
  approve: 'approve exactly what is shown, as the person who is logged in',
  deny: 'deny it; the reason reaches the client',
  force: 'break-glass: let it through alone, as one of approvals.breakGlass; recorded as an exception',
};

/** `wicketgate approvals approve`, `deny`, `force`: shows the request, asks, and answers what was shown. */
export const registerApprovalsAnswer =
  (verdict: Verdict) =>
  (approvals: Command): void => {
    const command = withApprovalsOptions(approvals.command(`${verdict} <request>`).description(SAYS[verdict]))
      .requiredOption('--reason <text>', 'why, in one line of at most 500 characters; recorded')
      .option('--provider <name>', 'which of control.login you are logged in to, when there are several')
      .option('--login', 'log in in a browser for this answer alone; nothing is kept')
      .option('--id-token <env:NAME or file:PATH>', 'prove who you are with this ID token instead of the one that login has kept');
    withBrowserOptions(command)
      .option('--yes', 'do not ask; required without a terminal')
      .action((id: string, options: AnswerOptions) => answer(verdict, id, options));
  };

const answer = async (verdict: Verdict, id: string, options: AnswerOptions): Promise<void> => {
  const { config: where, reason, json, yes } = options;
  if (!yes && !(process.stdin.isTTY && process.stderr.isTTY)) return wrongUse('give --yes: there is no terminal to ask on');
  if (options.login && options.idToken !== undefined) return wrongUse('give --login or --id-token, not both');
  const wait = browserWait(options);
  const config = wait && (await configOf(where));
  if (!config) return;
  let idToken: string;
  try {
    idToken = options.login ? await byBrowser(loginOf(config, options.provider), wait, async (token) => token) : await personToken(config, options);
  } catch (error) {
    if (!isLoginProblem(error)) throw error;
    sayNo({ ok: false, error: error.message, code: 'not_logged_in' }, json);
    if (error instanceof PersonUnclear) process.exitCode = 2;
    return;
  }
  const view = await viewOf(config, id, json);
  if (!view) return;
  // For programs the standard output is the answer alone; people must see it all the same before they are asked.
  if (!json) process.stdout.write(describe(view));
  else if (!yes) process.stderr.write(describe(view));
  if (!yes && !(await confirmed(verdict))) {
    sayNo({ ok: false, error: 'nothing was answered', code: 'not_confirmed' }, json);
    return;
  }
  const request = { do: 'approvals', act: 'answer', id: view.id, verdict, reason, digest: view.digest, idToken } as const;
  const result = (await askApprovals(config, request, json)) as { readonly request: ApprovalSummary } | undefined;
  if (result) process.stdout.write(json ? `${JSON.stringify({ ok: true, ...result })}\n` : `${visibleLine(told(verdict, result.request))}\n`);
};

const confirmed = async (verdict: Verdict): Promise<boolean> => {
  const question = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D ends the input without an answer.
  const gone = new Promise<string>((resolve) => question.once('close', () => resolve('')));
  try {
    return /^y(es)?$/i.test((await Promise.race([question.question(`${verdict} this? [y/N] `), gone])).trim());
  } finally {
    question.close();
  }
};

const told = (verdict: Verdict, { id, state, steps }: Pick<ApprovalSummary, 'id' | 'steps'> & { readonly state: ApprovalView['state'] }): string => {
  if (state !== 'pending') return `${id} is ${state}`;
  const missing = steps.filter(({ approved, count }) => approved < count).map(({ rule, approved, count }) => `${rule} has ${approved} of ${count}`);
  return `your answer (${verdict}) is recorded; ${id} still waits: ${missing.join('; ')}`;
};
