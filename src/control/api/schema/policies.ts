import Type, { type Static } from 'typebox';
import { Count, Name, OriginView, Page, paging, Texts, Time, Words } from './forms.ts';

export const RuleView = Type.Object(
  {
    name: Type.String({ description: 'Name.' }),
    effect: Words(['allow', 'deny', 'require_approval'], 'What it does.'),
    match: Type.Record(Type.String(), Type.Unknown(), { description: 'What it matches, as configured.' }),
    when: Type.Optional(Type.String({ description: 'Condition.' })),
    reason: Type.Optional(Type.String({ description: 'Why, for people.' })),
    approval: Type.Optional(Type.Object({ groups: Texts('Who may answer.'), count: Count('How many people.'), hold: Count('Milliseconds that a command is held.'), expires: Count('Milliseconds that an approval can be used.'), holdInTransaction: Count('Milliseconds that it is held inside a transaction.'), coverData: Type.Optional(Count('An approval covers data that follows the command, up to so many bytes.')) }, { description: 'Who answers.' })),
    origin: OriginView,
  },
  { description: 'A rule.' },
);
export const MaskView = Type.Object(
  { name: Type.String({ description: 'Name.' }), columns: Texts('Columns.'), detect: Texts('Detectors.'), mode: Words(['strict', 'display'], 'How strictly.'), transform: Type.String({ description: 'What becomes of a value, in words.' }), origin: OriginView },
  { description: 'A mask.' },
);
export const PolicyView = Type.Object(
  {
    name: Type.String({ description: 'Name.' }),
    identities: Texts('Identities it names.'),
    groups: Texts('Groups it names.'),
    connections: Texts('Connections it names; * for all.'),
    allow: Texts('Classes it allows.'),
    rules: Type.Array(RuleView, { description: 'Its rules, as written.' }),
    masks: Type.Array(MaskView, { description: 'Its masks.' }),
    limits: Type.Record(Type.String(), Type.Integer(), { description: 'Its limits; durations in milliseconds.' }),
    origin: OriginView,
  },
  { description: 'A policy in force.' },
);
export const PolicyList = Type.Object(
  { version: Type.String({ description: 'Version of the policies in force.' }), config: Type.String({ description: 'Digest of the configuration in force.' }), files: Texts('Its files.'), items: Type.Array(PolicyView, { description: 'Policies by name.' }) },
  { description: 'What is in force.' },
);

/** One configuration that was put in force, or refused. */
export const PolicyVersion = Type.Object(
  {
    sequence: Count('Number of the record.'),
    at: Time('When.'),
    event: Words(['start', 'change', 'refused'], 'The gateway started with it; it replaced another; it was refused.'),
    config: Type.String({ description: 'Digest of the configuration: of a refused one, of that which stayed in force.' }),
    policy: Type.Optional(Type.String({ description: 'Version of its policies.' })),
    changes: Texts('What changed, line by line, in names of the configuration.'),
  },
  { description: 'A version.' },
);
export const VersionQuery = Type.Object(paging, { additionalProperties: false, description: 'Versions.' });
export const VersionPage = Page(PolicyVersion, 'Versions, newest first.');

export const ExplainRequest = Type.Object(
  {
    identity: Name('Who asks.'),
    connection: Name('Where.'),
    command: Type.String({ minLength: 1, maxLength: 65_536, description: 'The command as a client sends it; for postgres, SQL.' }),
    claims: Type.Optional(Type.Record(Type.String({ maxLength: 200 }), Type.Union([Type.String({ maxLength: 2000 }), Type.Number(), Type.Boolean()]), { maxProperties: 50, description: 'Claims of the token, over those that the identity requires.' })),
    at: Type.Optional(Time('As if it were this time.')),
    rows: Type.Optional(Count('As if it changed so many rows.')),
    searchPath: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 63 }), { minItems: 1, maxItems: 32, description: 'Schemas in which names without one are looked up, in order, as a session would set search_path ($user is the role of the connection). Default: as the target gives it to a session that has just opened; pg_catalog, public while the target does not answer.' })),
  },
  { additionalProperties: false, description: 'A question.' },
);
const RuleOf = Type.Object({ policy: Type.String({ description: 'Policy.' }), rule: Type.Optional(Type.String({ description: 'Rule; absent for a class that is allowed.' })), origin: OriginView }, { description: 'A rule or a class.' });
export const Explained = Type.Object(
  {
    granted: Type.Boolean({ description: 'Some policy lets the identity reach the connection.' }),
    verdict: Words(['allow', 'deny', 'require_approval'], 'What would happen.'),
    reason: Type.String({ description: 'Why.' }),
    policyVersion: Type.String({ description: 'Version that said so.' }),
    catalog: Words(['live', 'none'], 'live: with the names of the target as a session saw them; none: without, so that its own names are not known.'),
    searchPath: Texts('Where names without a schema were looked up, in order.'),
    searchPathFrom: Words(['asked', 'target', 'default'], 'asked: as the question said. target: as the target gives it to a session that has just opened. default: assumed, since the target did not say.'),
    rules: Type.Array(RuleOf, { description: 'Rules that took part, the deciding one first.' }),
    refused: Type.Optional(Type.String({ description: 'Why the gateway refuses it although policy allows it.' })),
    effects: Type.Array(
      Type.Object({
        class: Type.String({ description: 'Class.' }),
        verb: Type.String({ description: 'Verb.' }),
        object: Type.Optional(Type.String({ description: 'Object.' })),
        verdict: Words(['allow', 'deny', 'require_approval'], 'What this effect alone would come to.'),
        by: Type.Array(RuleOf, { description: 'What decided it; empty: nothing grants it.' }),
        rules: Type.Array(Type.Object({ rule: RuleOf, effect: Words(['allow', 'deny', 'require_approval'], 'Its effect.'), match: Words(['covers', 'touches', 'no'], 'How it matches.'), counts: Type.Boolean({ description: 'It counted.' }), why: Texts('Why.') }), { description: 'Every rule that was asked.' }),
      }),
      { description: 'What the command would do, one by one.' },
    ),
  },
  { description: 'What the policies in force say to a command, and why.' },
);
export type Explained = Static<typeof Explained>;

export const Matrix = Type.Object(
  {
    version: Type.String({ description: 'Version of the policies.' }),
    identities: Texts('Rows.'),
    connections: Texts('Columns.'),
    cells: Type.Array(
      Type.Object({ identity: Type.String({ description: 'Row.' }), connection: Type.String({ description: 'Column.' }), policies: Texts('Policies that apply.'), allow: Texts('Classes allowed.'), rules: Count('Rules that allow or deny more.'), approvals: Count('Rules that require approval.'), masks: Count('Masks.') }),
      { description: 'Where some policy lets the identity reach the connection. A cell that is missing: no way.' },
    ),
    cut: Type.Boolean({ description: 'Only the first 200 identities and 100 connections are shown.' }),
  },
  { description: 'Who can reach what.' },
);
