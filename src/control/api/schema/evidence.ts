import Type, { type Static } from 'typebox';
import { Count, Reason, Texts, Time, Words } from './forms.ts';
import { EvidenceHealth } from './overview.ts';

export const HoldView = Type.Object(
  {
    name: Type.String({ description: 'Name.' }),
    by: Type.String({ description: 'Who asked for it.' }),
    reason: Type.String({ description: 'Why.' }),
    since: Time('When it was recorded.'),
    connections: Type.Optional(Texts('Only these connections.')),
    sessions: Type.Optional(Texts('Only these sessions.')),
    from: Type.Optional(Type.String({ description: 'First UTC day.' })),
    to: Type.Optional(Type.String({ description: 'Last UTC day.' })),
  },
  { description: 'A legal hold: what it covers is not purged.' },
);

export const EvidenceView = Type.Object(
  {
    log: Type.String({ description: 'Name of the log.' }),
    key: Type.Optional(Type.String({ description: 'Verifier key of its checkpoints (signed-note vkey).' })),
    health: EvidenceHealth,
    head: Type.Optional(Type.Object({ size: Count('Records.'), root: Type.String({ description: 'Root of the Merkle tree, base64.' }) }, { description: 'The last signed checkpoint.' })),
    witnesses: Type.Array(
      Type.Object({ name: Type.String({ description: 'Name.' }), state: Type.String({ description: 'cosigning, or what is wrong.' }), size: Type.Optional(Count('Records under the checkpoint that it cosigned last.')), fault: Type.Optional(Type.String({ description: 'The last fault, in words.' })), faults: Count('Faults since start.') }),
      { description: 'Witnesses of the configuration.' },
    ),
    anchors: Type.Array(
      Type.Object({ name: Type.String({ description: 'Name.' }), type: Type.String({ description: 'file, webhook, rfc3161 or s3.' }), late: Type.Boolean({ description: 'It keeps nothing for too long.' }), keptSize: Type.Optional(Count('Records under what it keeps.')), keptAge: Type.Optional(Type.Number({ description: 'Age of that in seconds.' })), fault: Type.Optional(Type.String({ description: 'Why it did not keep the last one.' })) }),
      { description: 'Anchors of the configuration.' },
    ),
    disk: Type.Object({ bytes: Count('Bytes written since start.'), free: Type.Optional(Count('Bytes free.')), queued: Count('Records not written yet.'), unsynced: Count('Records not durable yet.') }, { description: 'The disk.' }),
    holds: Type.Array(HoldView, { description: 'Legal holds in force.' }),
  },
  { description: 'Evidence.' },
);

export const HoldList = Type.Object({ items: Type.Array(HoldView, { description: 'Holds in force.' }) }, { description: 'Legal holds.' });
const Day = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description });
const Named = (description: string) => Type.Array(Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$' }), { minItems: 1, maxItems: 200, description });
export const HoldRequest = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'Name of the hold.' }),
    reason: Type.String({ minLength: 1, maxLength: 200, description: 'Why. One line without control characters or invisible marks; it stands in the record in clear.' }),
    connections: Type.Optional(Named('Only these connections.')),
    sessions: Type.Optional(Named('Only these sessions.')),
    from: Type.Optional(Day('First UTC day, inclusive.')),
    to: Type.Optional(Day('Last UTC day, inclusive.')),
  },
  { additionalProperties: false, description: 'A legal hold. Without any of the last four it covers everything.' },
);
export const ReleaseRequest = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 200, description: 'Why. One line without control characters or invisible marks; it stands in the record in clear.' }) }, { additionalProperties: false, description: 'Ends a hold.' });

/** Long work that runs beside everything else. */
export const Job = Type.Object(
  {
    id: Type.String({ description: 'Id.' }),
    kind: Words(['verify', 'export'], 'What it is.'),
    state: Words(['running', 'done', 'failed'], 'How far it is.'),
    startedAt: Time('When it began.'),
    endedAt: Type.Optional(Time('When it ended.')),
    by: Type.String({ description: 'Who started it.' }),
    ok: Type.Optional(Type.Boolean({ description: 'Of a verification that is done: the log verifies.' })),
    result: Type.Optional(Type.String({ description: 'What came of it, for people.' })),
    findings: Texts('Of a verification: what is wrong, in words.'),
    bytes: Type.Optional(Count('Of an export: size of the pack.')),
    sha256: Type.Optional(Type.String({ description: 'Of an export: digest of the pack, hex.' })),
  },
  { description: 'Long work.' },
);
export type Job = Static<typeof Job>;
export const JobList = Type.Object({ items: Type.Array(Job, { description: 'The last ones, newest first.' }) }, { description: 'Long work since start.' });

export const ExportRequest = Type.Object(
  {
    from: Time('First moment of the period, inclusive.'),
    to: Time('Its end, exclusive; not in the future.'),
    sample: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000, description: 'Commands that are sampled. Default 25.' })),
    seed: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'The auditor\'s seed. Default: made from the closing roots.' })),
    texts: Type.Optional(Type.Boolean({ description: 'Put the texts of the sampled commands into the pack. Default true.' })),
    reason: Reason('Why it is exported.'),
  },
  { additionalProperties: false, description: 'A pack for an auditor.' },
);

const PurgeLine = Type.Object({ connection: Type.String({ description: 'Connection.' }), day: Type.String({ description: 'UTC day.' }), bodies: Count('Texts and pieces of answers.'), bytes: Count('Their bytes.'), stays: Type.Optional(Words(['hold', 'day', 'young', 'kept', 'sink'], 'Why it stays; absent: it goes.')), why: Type.String({ description: 'In words.' }) });
export const PurgePlan = Type.Object(
  {
    digest: Type.String({ description: 'What is confirmed on the command line: wicketgate evidence purge --confirm DIGEST.' }),
    asOf: Time('When it was made.'),
    records: Count('Records of the log.'),
    goes: Type.Array(PurgeLine, { description: 'What would go, at most 1000.' }),
    stays: Type.Array(PurgeLine, { description: 'What would stay, at most 1000.' }),
    going: Count('Keys that would go in all.'),
    staying: Count('Keys that would stay in all.'),
  },
  { description: 'What a purge would do now. Purging itself is done on the command line, by the gateway\'s user.' },
);
