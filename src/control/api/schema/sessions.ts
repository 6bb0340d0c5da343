import Type, { type Static } from 'typebox';
import { Count, Name, Page, paging, Reason, Texts, Time, Words } from './forms.ts';

const SESSION_STATES = ['open', 'closed', 'lost'] as const;

/** One machine session in a line. */
export const SessionSummary = Type.Object(
  {
    id: Type.String({ description: 'Id of the session.' }),
    identity: Type.String({ description: 'Identity that had it.' }),
    connection: Type.String({ description: 'Connection.' }),
    protocol: Type.String({ description: 'Protocol.' }),
    peer: Type.String({ description: 'Address that the client came from.' }),
    openedAt: Time('When it was opened.'),
    closedAt: Type.Optional(Time('When it ended.')),
    state: Words(SESSION_STATES, 'open; closed; lost: the gateway ended before it did.'),
    live: Type.Boolean({ description: 'It is open in this gateway now, and can be terminated.' }),
    commands: Count('Commands let through so far.'),
    refused: Count('Commands refused so far.'),
    lastAt: Type.Optional(Time('Its last command.')),
  },
  { description: 'A session.' },
);
export type SessionSummary = Static<typeof SessionSummary>;

const commandFilters = {
  identity: Type.Optional(Name('Identity; * for any characters.')),
  connection: Type.Optional(Name('Connection; * for any characters.')),
  verb: Type.Optional(Name('What a command is or does: drop_table, drop.')),
  object: Type.Optional(Name('table:public.customers, public.customers or customers.')),
  decision: Type.Optional(Name('allow, a reason of refusal (denied, masking ...), or refused for all of those.')),
  text: Type.Optional(Type.String({ minLength: 3, maxLength: 1000, description: 'Part of the recorded statement or its parameters. Needs the role auditor or admin, and is recorded.' })),
  rows: Type.Optional(Type.String({ maxLength: 20, description: 'Rows returned or changed: >100, >=, <, <=, =.' })),
  since: Type.Optional(Time('From, inclusive.')),
  until: Type.Optional(Time('To, exclusive.')),
} as const;

export const SessionQuery = Type.Object(
  { ...commandFilters, state: Type.Optional(Words(['live', 'past', 'all'], 'live: open in this gateway now. Default all.')), ...paging },
  { additionalProperties: false, description: 'Sessions; with verb, object, decision, text or rows: those that have such a command.' },
);
export type SessionQuery = Static<typeof SessionQuery>;
export const SessionPage = Page(SessionSummary, 'Sessions, newest first.');

/** A recorded text: opened, or why it cannot be. */
export const RecordedText = Type.Object(
  {
    part: Type.String({ description: 'statement, parameters, principal, detail.' }),
    text: Type.Optional(Type.String({ description: 'The recorded form. Hostile text: show as text.' })),
    absent: Type.Optional(Words(['key_destroyed', 'lost', 'missing', 'altered'], 'Why there is no text: its key was destroyed, the disk lost it, it is not in the log, or its key does not open it.')),
    cut: Type.Optional(Type.Boolean({ description: 'Only the beginning is here; the rest is longer than a page shows.' })),
  },
  { description: 'A recorded text.' },
);

export const CommandOutcome = Type.Object(
  {
    status: Type.String({ description: 'ok, error, withheld, aborted, unused, indeterminate.' }),
    code: Type.Optional(Type.String({ description: 'The target\'s code.' })),
    tag: Type.Optional(Type.String({ description: 'The target\'s word for what was done.' })),
    rowsReturned: Type.Optional(Count('Rows returned.')),
    rowsAffected: Type.Optional(Count('Rows changed.')),
    bytesDown: Type.Optional(Count('Bytes of the answer.')),
    bytesUp: Type.Optional(Count('Bytes of data that the client sent behind the command, such as the body of a request or the rows of COPY.')),
    masked: Type.Record(Type.String(), Type.Integer(), { description: 'Cells replaced, by mask.' }),
    recorded: Type.Optional(Count('Bytes of the answer that were recorded, masked.')),
    truncated: Type.Optional(Type.Boolean({ description: 'The recording was cut at its cap.' })),
    recordedData: Type.Optional(Count('Bytes of the recorded form of that data.')),
  },
  { description: 'What came of a command.' },
);

/** One step of a session. */
export const TimelineEntry = Type.Object(
  {
    sequence: Count('Number of its record in the log.'),
    at: Time('When.'),
    kind: Words(['opened', 'command', 'refused', 'closed', 'lost', 'approval', 'other'], 'What it is.'),
    command: Type.Optional(Count('Number of the command in its session.')),
    verb: Type.Optional(Type.String({ description: 'What the command is.' })),
    objects: Texts('What it touches, by catalog names.'),
    decision: Type.Optional(Type.Object({ effect: Type.String({ description: 'allow, deny or require_approval.' }), rules: Texts('Rules that decided, the first first.'), policy: Type.String({ description: 'Version of the policies.' }) }, { description: 'What policy said.' })),
    code: Type.Optional(Type.String({ description: 'Why it was refused, in a stable word.' })),
    reason: Type.Optional(Type.String({ description: 'Why it was refused, as its client was told, where its text can be opened. May quote what an approver said: show as text.' })),
    approval: Type.Optional(Type.String({ description: 'Approval request that it ran with or waits for.' })),
    masks: Texts('Masks in force for it; `outcome.masked` tells which masked anything.'),
    texts: Type.Array(RecordedText, { description: 'Statement and parameters as recorded.' }),
    outcome: Type.Optional(CommandOutcome),
    outcomeAt: Type.Optional(Time('When its outcome was written.')),
    words: Type.String({ description: 'The step in a sentence of ours.' }),
  },
  { description: 'One step of a session.' },
);
export type TimelineEntry = Static<typeof TimelineEntry>;
export const TimelinePage = Page(TimelineEntry, 'Steps of a session, in order.');

/** The masked answer of one command, worded as its client would show it, and what the client sent behind it. */
export const CommandAnswer = Type.Object(
  {
    command: Count('Number of the command.'),
    text: Type.Optional(Type.String({ description: 'Tables, messages and errors as text. Hostile text: show as text.' })),
    absent: Type.Optional(Type.String({ description: 'Why there is none: not recorded, its key was destroyed, altered ...' })),
    bytes: Count('Bytes of the whole answer.'),
    recorded: Count('Bytes recorded.'),
    truncated: Type.Boolean({ description: 'Recording or text was cut.' }),
    data: Type.Optional(
      Type.Object(
        {
          text: Type.Optional(Type.String({ description: 'Its recorded form: masked, secrets replaced by markers, bytes that are no text counted. Hostile text: show as text.' })),
          absent: Type.Optional(Type.String({ description: 'Why there is none.' })),
          bytes: Count('Bytes of the whole recorded form.'),
          recorded: Count('Bytes recorded.'),
          truncated: Type.Boolean({ description: 'Recording or text was cut.' }),
        },
        { description: 'What the client sent behind the command, such as the body of a request or the rows of COPY; absent where there was nothing.' },
      ),
    ),
  },
  { description: 'A recorded answer.' },
);

/** One frame of a replay. */
export const ReplayFrame = Type.Object(
  {
    at: Type.Integer({ minimum: 0, description: 'Milliseconds since the session opened.' }),
    kind: Words(['opened', 'statement', 'data', 'answer', 'refused', 'closed'], 'What appears.'),
    command: Type.Optional(Count('Number of the command.')),
    sequence: Count('Number of the record.'),
    text: Type.String({ description: 'What appears, as text. Hostile text: show as text.' }),
    refused: Type.Boolean({ description: 'A denial: where to jump to.' }),
  },
  { description: 'One frame.' },
);
export const ReplayPage = Page(ReplayFrame, 'Frames of a session, in order.');

export const TerminateRequest = Type.Object({ reason: Reason('Why it is ended.') }, { additionalProperties: false, description: 'Ends a live session.' });

/** One command that was found. */
export const CommandHit = Type.Object(
  {
    sequence: Count('Number of its record.'),
    at: Time('When.'),
    session: Type.Optional(Type.String({ description: 'Its session.' })),
    command: Type.Optional(Count('Its number there.')),
    identity: Type.Optional(Type.String({ description: 'Identity.' })),
    connection: Type.Optional(Type.String({ description: 'Connection.' })),
    verbs: Texts('What it is, then what its effects are.'),
    decision: Type.String({ description: 'allow, require_approval, or why it was refused.' }),
    objects: Texts('What it touches.'),
    status: Type.String({ description: 'open, refused, or how it ended.' }),
    rows: Type.Union([Type.Integer(), Type.Null()], { description: 'Rows returned or changed; null when not known.' }),
    texts: Type.Array(RecordedText, { description: 'Statement and parameters as recorded; empty for roles that may not read them.' }),
  },
  { description: 'A command.' },
);
export const CommandQuery = Type.Object({ ...commandFilters, ...paging }, { additionalProperties: false, description: 'Commands.' });
export const CommandPage = Page(CommandHit, 'Commands, newest first.');
