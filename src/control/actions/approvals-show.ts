import Type from 'typebox';
import { defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { ApprovalDetail } from '../api/schema/approvals.ts';
import { approvalDetail } from '../approval-view.ts';
import { INBOX } from './approvals-list.ts';

export const ApprovalId = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'Id of the request.' }) }, { description: 'Which request.' });

export const approvalsShow = defineAction({
  id: 'approvals.show',
  method: 'GET',
  path: '/approvals/{id}',
  says: 'One request with the recorded form of the command. That it is shown is recorded before it is.',
  who: INBOX,
  params: ApprovalId,
  response: ApprovalDetail,
  handle: async ({ params, actor, services }) => {
    const view = services.approvals?.get(params.id);
    if (!view) throw notFound('such request');
    await services.deeds.view(actor, { act: 'show', recording: view.session, count: 1 });
    return approvalDetail(view, actor, services.config().approvals.breakGlass);
  },
});
