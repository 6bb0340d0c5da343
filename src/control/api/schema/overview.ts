import Type, { type Static } from 'typebox';
import { Count, Texts, Time } from './forms.ts';

/** What happened in one hour. */
export const HourOfCommands = Type.Object(
  {
    hour: Time('Begin of the hour.'),
    allowed: Count('Commands that were let through.'),
    refused: Count('Commands and logins that were refused.'),
  },
  { description: 'One hour.' },
);

export const EvidenceHealth = Type.Object(
  {
    available: Type.Boolean({ description: 'Evidence can be written. When it cannot, every command is refused.' }),
    reason: Type.Optional(Type.String({ description: 'Why it cannot.' })),
    records: Count('Records in the log.'),
    signedSize: Count('Records under the last signed checkpoint.'),
    signedAge: Type.Optional(Type.Number({ description: 'Its age in seconds.' })),
    witnesses: Count('Witnesses that are configured.'),
    cosigning: Count('Those of them that cosign.'),
    witnessedSize: Type.Optional(Count('Records under the newest checkpoint that enough witnesses cosigned.')),
    witnessedAge: Type.Optional(Type.Number({ description: 'Its age in seconds.' })),
    late: Texts('What is late, in words. Empty when all is well.'),
    selfChecksFailed: Count('Times since start that the log found something wrong with itself.'),
  },
  { description: 'State of the evidence.' },
);

/** The first page: is all well, and what is waiting. */
export const Overview = Type.Object(
  {
    at: Time('When this was put together.'),
    ready: Type.Boolean({ description: 'The gateway serves.' }),
    problems: Texts('What keeps it from serving well, in words.'),
    evidence: EvidenceHealth,
    live: Type.Object(
      {
        sessions: Count('Sessions open now.'),
        byConnection: Type.Array(Type.Object({ connection: Type.String({ description: 'Connection.' }), sessions: Count('Sessions open on it now.') }), { description: 'Connections that have any, most first.' }),
      },
      { description: 'What is going on now.' },
    ),
    approvals: Type.Object({ pending: Count('Requests that wait for people.'), waiting: Count('Live commands that are held for them.'), oldest: Type.Optional(Time('When the oldest of them was asked.')) }, { description: 'What waits for people.' }),
    hours: Type.Array(HourOfCommands, { description: 'The last hours, oldest first, without a gap. The last one is not over.' }),
    denied: Type.Array(
      Type.Object({ identity: Type.String({ description: 'Identity; empty when nobody was known.' }), connection: Type.String({ description: 'Connection; empty when none was.' }), code: Type.String({ description: 'Why: denied, not_granted, masking ...' }), count: Count('How often in these hours.'), last: Time('The last time.') }),
      { description: 'Who is refused most in these hours, at most 10.' },
    ),
    newIdentities: Type.Array(Type.Object({ identity: Type.String({ description: 'Identity.' }), firstSeen: Time('Its first session that is on record.'), session: Type.String({ description: 'That session.' }) }), { description: 'Identities whose first session lies in the last 7 days, newest first, at most 10.' }),
    indexed: Type.Object({ size: Count('Records that these numbers are drawn from.'), of: Count('Records in the log.') }, { description: 'How far the index has come.' }),
  },
  { description: 'Overview.' },
);
export type Overview = Static<typeof Overview>;
