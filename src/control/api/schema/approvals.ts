import Type, { type Static } from 'typebox';
import { Count, OriginView, Page, paging, Texts, Time, Words } from './forms.ts';

const APPROVAL_STATES = ['pending', 'approved', 'denied', 'used', 'expired', 'withdrawn'] as const;

export const ApprovalAnswer = Type.Object(
  {
    by: Type.String({ description: 'Name of the person, for reading.' }),
    provider: Type.String({ description: 'Who vouched for them.' }),
    verdict: Words(['approve', 'deny', 'force'], 'force: break-glass, an exception.'),
    reason: Type.String({ description: 'Their reason. Hostile text: show as text.' }),
    at: Time('When.'),
    channel: Type.String({ description: 'page, terminal, or name of a channel.' }),
  },
  { description: 'What a person answered.' },
);

export const approvalSummary = {
  id: Type.String({ description: 'Id of the request. It carries no right.' }),
  state: Words(APPROVAL_STATES, 'pending: waits for people. approved: can be used until it expires. used: let one execution through. withdrawn: every client that waited has cancelled.'),
  askedAt: Time('When it was asked.'),
  expiresAt: Time('When it expires, unanswered or unused.'),
  session: Type.String({ description: 'Session that asked.' }),
  identity: Type.String({ description: 'Identity that asks.' }),
  owner: Type.Object({ group: Type.Optional(Type.String({ description: 'Group.' })), contact: Type.Optional(Type.String({ description: 'Contact.' })) }, { description: 'Who is accountable for the identity.' }),
  requester: Type.Optional(Type.String({ description: 'The human author behind the job. Hostile text.' })),
  connection: Type.String({ description: 'Connection.' }),
  protocol: Type.String({ description: 'Protocol.' }),
  verb: Type.String({ description: 'What the command is.' }),
  effects: Type.Array(Type.Object({ class: Type.String({ description: 'Class.' }), verb: Type.String({ description: 'Verb.' }), object: Type.Optional(Type.String({ description: 'Object.' })) }), { description: 'What it would do.' }),
  reason: Type.String({ description: 'Why it needs approval.' }),
  steps: Type.Array(
    Type.Object({
      rule: Type.String({ description: 'Rule that asks.' }),
      origin: OriginView,
      groups: Texts('A person of one of these counts.'),
      count: Count('How many people.'),
      approvedBy: Texts('Names of those who count so far.'),
    }),
    { description: 'Every step must be met.' },
  ),
  inTransaction: Type.Boolean({ description: 'It stands in a transaction.' }),
  rows: Type.Optional(Count('Rows that it would change, where they could be counted.')),
  maxRows: Type.Optional(Count('Most rows that the approval covers.')),
  estimatedRows: Type.Optional(Type.Union([Count('Rows.'), Type.Null()], { description: 'Rows that the target itself takes the changed tables to hold, where those of the command were not counted. null: it cannot tell, as they were never analyzed.' })),
  liftsRowLimit: Type.Optional(Count('rowsPerCommand, which does not hold for it: its rows could not be counted, so an approval has no maximum.')),
  waiting: Count('Live commands that wait for the answer.'),
  exception: Type.Boolean({ description: 'It was forced (break-glass).' }),
  mine: Type.Optional(Words(['approve', 'deny', 'force'], 'What the person who asks has answered.')),
} as const;

export const ApprovalSummary = Type.Object(approvalSummary, { description: 'A request for approval, without its text.' });
export type ApprovalSummary = Static<typeof ApprovalSummary>;

export const ApprovalDetail = Type.Object(
  {
    ...approvalSummary,
    text: Type.Optional(Type.String({ description: 'Recorded form of the command; absent when its key was destroyed. Hostile text: show as text.' })),
    parameters: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]), { description: 'Recorded form of its values.' })),
    hidden: Count('Literals that are not shown. The digest covers them.'),
    data: Type.Optional(
      Type.Object(
        { bytes: Count('Bytes.'), rows: Type.Optional(Count('Rows, where they can be told.')), sha256: Type.String({ description: 'SHA-256 of all of it, hex.' }) },
        { description: 'Data that follows the command and is approved with it. The digest covers it.' },
      ),
    ),
    notCovered: Type.Optional(Type.String({ description: 'What the digest does not cover.' })),
    digest: Type.String({ description: 'Keyed digest of exactly what is approved, hex. Send it back with the answer.' }),
    mayForce: Type.Boolean({ description: 'The person who asks is of a group of approvals.breakGlass, and it still waits. Duties that forbid it are judged with the answer.' }),
    answers: Type.Array(ApprovalAnswer, { description: 'Answers, in order.' }),
  },
  { description: 'A request for approval.' },
);
export type ApprovalDetail = Static<typeof ApprovalDetail>;

export const ApprovalQuery = Type.Object({ state: Type.Optional(Words(APPROVAL_STATES, 'Only these.')), exceptions: Type.Optional(Words(['only'], 'only: those that somebody forced (break-glass).')), ...paging }, { additionalProperties: false, description: 'Requests for approval.' });
export const ApprovalPage = Page(ApprovalSummary, 'Requests, newest first.');

export const AnswerRequest = Type.Object(
  {
    verdict: Words(['approve', 'deny', 'force'], 'force: break-glass, for members of approvals.breakGlass.groups.'),
    reason: Type.String({ minLength: 1, maxLength: 500, description: 'Mandatory, one line. A reason to deny reaches the client.' }),
    digest: Type.String({ pattern: '^[0-9a-f]{16,128}$', description: 'Digest of what was shown: it must be the request\'s.' }),
  },
  { additionalProperties: false, description: 'A person\'s answer.' },
);
