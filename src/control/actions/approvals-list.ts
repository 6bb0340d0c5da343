import { defineAction } from '../api/action.ts';
import { DEFAULT_LIMIT } from '../api/cursor.ts';
import { ApprovalPage, ApprovalQuery } from '../api/schema/approvals.ts';
import { approvalSummary } from '../approval-view.ts';

/** Who sees what waits for people. Only approvers answer. */
export const INBOX = ['admin', 'approver', 'auditor'] as const;

export const approvalsList = defineAction({
  id: 'approvals.list',
  method: 'GET',
  path: '/approvals',
  says: 'Requests for approval, newest first, without their texts.',
  who: INBOX,
  query: ApprovalQuery,
  response: ApprovalPage,
  handle: ({ query, actor, services }) => {
    const { state, exceptions, cursor, limit = DEFAULT_LIMIT } = query;
    const views = services.approvals?.list({ ...(state === undefined ? {} : { state }), ...(exceptions === 'only' ? { exceptions: true } : {}), ...(cursor === undefined || cursor === '' ? {} : { before: cursor }), limit: limit + 1 }) ?? [];
    return { items: views.slice(0, limit).map((view) => approvalSummary(view, actor)), next: views.length > limit ? (views[limit - 1]?.id ?? null) : null };
  },
});
