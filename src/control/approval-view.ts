import type { ApprovalView } from '../approvals/approvals.ts';
import type { ApprovalDetail, ApprovalSummary } from './api/schema/approvals.ts';
import type { Actor } from './sign-in/actor.ts';

const time = (at: number): string => new Date(at).toISOString();

/** A request without its text. */
export const approvalSummary = (view: ApprovalView, actor: Actor): ApprovalSummary => {
  // By name, for the page to show: who counts is decided by issuer and subject where answers are taken.
  const mine = actor.kind === 'person' ? view.answers.findLast(({ by, provider }) => provider === actor.person.provider && by === actor.person.name)?.verdict : undefined;
  return {
    id: view.id,
    state: view.state,
    askedAt: time(view.askedAt),
    expiresAt: time(view.expiresAt),
    session: view.session,
    identity: view.identity,
    owner: { ...view.owner },
    ...(view.requester === undefined ? {} : { requester: view.requester }),
    connection: view.connection,
    protocol: view.protocol,
    verb: view.verb,
    effects: view.effects.map((effect) => ({ ...effect })),
    reason: view.reason,
    steps: view.steps.map(({ rule, file, line, groups, count, approvedBy }) => ({ rule, origin: { file, line }, groups: [...groups], count, approvedBy: [...approvedBy] })),
    inTransaction: view.inTransaction,
    ...(view.rows === undefined ? {} : { rows: view.rows }),
    ...(view.maxRows === undefined ? {} : { maxRows: view.maxRows }),
    ...(view.liftsRowLimit === undefined ? {} : { liftsRowLimit: view.liftsRowLimit }),
    waiting: view.waiting,
    exception: view.answers.some(({ verdict }) => verdict === 'force'),
    ...(mine === undefined ? {} : { mine }),
  };
};

export const approvalDetail = (view: ApprovalView, actor: Actor): ApprovalDetail => ({
  ...approvalSummary(view, actor),
  ...(view.text === undefined ? {} : { text: view.text }),
  ...(view.parameters === undefined ? {} : { parameters: [...view.parameters] }),
  hidden: view.hidden,
  ...(view.data === undefined ? {} : { data: { ...view.data } }),
  ...(view.notCovered === undefined ? {} : { notCovered: view.notCovered }),
  digest: view.digest,
  answers: view.answers.map(({ by, provider, verdict, reason, at, channel }) => ({ by, provider, verdict, reason, at: time(at), channel })),
});
