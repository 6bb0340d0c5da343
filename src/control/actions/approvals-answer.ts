import { defineAction } from '../api/action.ts';
import { notFound, Refused } from '../api/refused.ts';
import { AnswerRequest, ApprovalDetail } from '../api/schema/approvals.ts';
import { approvalDetail } from '../approval-view.ts';
import { ApprovalId } from './approvals-show.ts';

export const approvalsAnswer = defineAction({
  id: 'approvals.answer',
  method: 'POST',
  path: '/approvals/{id}/answer',
  says: 'A person\'s answer. Whether it counts is decided by the rule that asks. It has effect once its record is durable.',
  who: ['approver'],
  person: true,
  params: ApprovalId,
  body: AnswerRequest,
  response: ApprovalDetail,
  handle: async ({ params, body, actor, services }) => {
    // Asked again here, although no token comes this far: a machine never answers.
    if (actor.kind !== 'person') throw new Refused(403, 'forbidden', 'only a person answers');
    if (!services.approvals) throw notFound('such request');
    const view = await services.approvals.answer({ request: params.id, person: actor.person, verdict: body.verdict, reason: body.reason, channel: 'page', digest: body.digest });
    return approvalDetail(view, actor, services.config().approvals.breakGlass);
  },
});
