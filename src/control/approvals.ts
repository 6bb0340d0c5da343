import { AnswerRefused, type ApprovalState, type ApprovalView, type Approvals, type Verdict } from '../approvals/approvals.ts';
import type { Access } from '../evidence/retention/steward.ts';
import type { People } from '../identity/people.ts';
import { isRefusal } from '../model/decision.ts';
import { answerOf, type LocalAnswer } from './local.ts';

/** What the terminal asks of approvals. `by`: who sits at the terminal, for the record; who answers is proved by the ID token alone. */
export type ApprovalsRequest =
  | { readonly do: 'approvals'; readonly act: 'list'; readonly state?: ApprovalState; readonly exceptions?: boolean; readonly limit: number; readonly before?: string }
  | { readonly do: 'approvals'; readonly act: 'show'; readonly id: string; readonly by: string }
  | { readonly do: 'approvals'; readonly act: 'answer'; readonly id: string; readonly verdict: Verdict; readonly reason: string; readonly digest: string; readonly idToken: string };

/** A request without what is sealed: neither text nor values, and of answers only how many count. */
export interface ApprovalSummary extends Omit<ApprovalView, 'text' | 'parameters' | 'answers' | 'steps'> {
  readonly steps: readonly (Omit<ApprovalView['steps'][number], 'approvedBy'> & { readonly approved: number })[];
  readonly answers: number;
}

export interface ApprovalsParts {
  readonly approvals: Pick<Approvals, 'list' | 'get' | 'answer'>;
  readonly people: Pick<People, 'verify'>;
  /** Records that somebody is about to read. Nothing is shown when it rejects. */
  readonly access: (access: Access) => Promise<unknown>;
}

const STATES: ReadonlySet<unknown> = new Set<ApprovalState>(['pending', 'approved', 'denied', 'used', 'expired', 'withdrawn']);
const VERDICTS: ReadonlySet<unknown> = new Set<Verdict>(['approve', 'deny', 'force']);
const ID = /^[A-Za-z0-9._-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const MOST_LISTED = 1_000;
/** Before it is judged; the service says how long a reason may be. */
const LONGEST_REASON = 4_096;

const no = (error: string, code?: string): LocalAnswer => ({ ok: false, error, ...(code === undefined ? {} : { code }) });

/** Answers the terminal. The request comes from another process as it was sent: it is judged here. */
export const answerApprovals = async (parts: ApprovalsParts, request: ApprovalsRequest): Promise<LocalAnswer> => {
  switch (request.act) {
    case 'list':
      return list(parts, request);
    case 'show':
      return show(parts, request);
    case 'answer':
      return answer(parts, request);
    default:
      return no('unknown request');
  }
};

const list = ({ approvals }: ApprovalsParts, { state, exceptions, limit, before }: Extract<ApprovalsRequest, { act: 'list' }>): Promise<LocalAnswer> => {
  const unknownState = state !== undefined && !STATES.has(state);
  if (unknownState || !Number.isSafeInteger(limit) || limit < 1 || limit > MOST_LISTED || !(before === undefined || isId(before))) return Promise.resolve(no('not something that can be listed'));
  const filter = { limit, ...(state === undefined ? {} : { state }), ...(exceptions === true ? { exceptions } : {}), ...(before === undefined ? {} : { before }) };
  return answerOf((async () => ({ requests: approvals.list(filter).map(summaryOf) }))());
};

const show = async ({ approvals, access }: ApprovalsParts, { id, by }: Extract<ApprovalsRequest, { act: 'show' }>): Promise<LocalAnswer> => {
  const view = isId(id) ? approvals.get(id) : undefined;
  if (!view) return noSuch(id);
  try {
    await access({ act: 'show', by, recording: view.session, filters: { approval: view.id }, count: 1 });
  } catch (error) {
    return no(`not shown, because it cannot be recorded: ${(error as Error).message}`);
  }
  return { ok: true, result: { request: view } };
};

const answer = async ({ approvals, people }: ApprovalsParts, { id, verdict, reason, digest, idToken }: Extract<ApprovalsRequest, { act: 'answer' }>): Promise<LocalAnswer> => {
  if (!isId(id)) return noSuch(id);
  if (!VERDICTS.has(verdict) || typeof reason !== 'string' || reason.length > LONGEST_REASON || typeof digest !== 'string' || !DIGEST.test(digest)) return no('not an answer');
  const person = await people.verify(idToken);
  if (isRefusal(person)) return no(person.message, person.reason);
  try {
    return { ok: true, result: { request: summaryOf(await approvals.answer({ request: id, person, verdict, reason, channel: 'terminal', digest })) } };
  } catch (error) {
    if (error instanceof AnswerRefused) return no(error.message, error.code);
    throw error;
  }
};

const isId = (id: unknown): id is string => typeof id === 'string' && ID.test(id);
const noSuch = (id: unknown): LocalAnswer => no(isId(id) ? `there is no request ${id}` : 'that is not the id of a request', 'unknown');

const summaryOf = ({ text: _text, parameters: _parameters, answers, steps, ...rest }: ApprovalView): ApprovalSummary => ({
  ...rest,
  steps: steps.map(({ approvedBy, ...step }) => ({ ...step, approved: approvedBy.length })),
  answers: answers.length,
});
