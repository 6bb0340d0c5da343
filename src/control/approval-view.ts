import type { ApprovalView } from '../approvals/approvals.ts';
import { samePerson } from '../model/person.ts';
import type { ApprovalDetail, ApprovalSummary } from './api/schema/approvals.ts';
import type { Actor } from './sign-in/actor.ts';

const time = (at: number): string => new Date(at).toISOString();

/** A request without its text. */
export const approvalSummary = (view: ApprovalView, actor: Actor): ApprovalSummary => {
  const mine = actor.kind === 'person' ? view.answers.findLast((answer) => samePerson(answer, actor.person))?.verdict : undefined;
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
    ...(view.estimatedRows === undefined ? {} : { estimatedRows: view.estimatedRows }),
    ...(view.liftsRowLimit === undefined ? {} : { liftsRowLimit: view.liftsRowLimit }),
    waiting: view.waiting,
    exception: view.answers.some(({ verdict }) => verdict === 'force'),
    ...(mine === undefined ? {} : { mine }),
  };
};

/** A request with its text. `breakGlass`: the groups whose people can force it. */
export const approvalDetail = (view: ApprovalView, actor: Actor, breakGlass: readonly string[]): ApprovalDetail => ({
  ...approvalSummary(view, actor),
  ...(view.text === undefined ? {} : { text: view.text }),
  ...(view.parameters === undefined ? {} : { parameters: [...view.parameters] }),
  hidden: view.hidden,
  ...(view.data === undefined ? {} : { data: { ...view.data } }),
  ...(view.notCovered === undefined ? {} : { notCovered: view.notCovered }),
  digest: view.digest,
  mayForce: view.state === 'pending' && actor.kind === 'person' && breakGlass.some((group) => actor.person.groups.includes(group)),
  answers: view.answers.map(({ by, provider, verdict, reason, at, channel }) => ({ by, provider, verdict, reason, at: time(at), channel })),
});
