import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { isAlias, parseDocument, visit } from 'yaml';

/** The shape of a rule set: a file that says what each request of an API does. */
const Word = Type.String({ pattern: '^[a-z][a-z0-9_]{0,40}$' });
const Class = Type.Union(['read', 'write', 'schema', 'admin', 'unknown'].map((name) => Type.Literal(name as 'read')));
/** true: is there. false: is not. A text: is there once, and is this. A list: one of these. */
const Wanted = Type.Record(Type.String({ minLength: 1 }), Type.Union([Type.Boolean(), Type.String(), Type.Array(Type.String(), { minItems: 1 })]));
const strict = { additionalProperties: false } as const;

const conditions = {
  query: Type.Optional(Wanted),
  /** One of these parameters is there. */
  queryOneOf: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
  headers: Type.Optional(Wanted),
  /** Members of a JSON body, as `acl` or `iamConfiguration.publicAccessPrevention`: true: is there, as far as is known. */
  fields: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.]{0,127}$' }), { minItems: 1 })),
};
const effect = {
  class: Class,
  verb: Type.Optional(Word),
  /**
   * `kind:name`, the name with `{parameter}` of the path, `{request.path}`, `{query.name}`, `{body.name}`, `{header.name}` or `{copySource.header}`;
   * `{query.name,body.name}`: the first that is there. What is not there is `*`, which stands for any.
   */
  object: Type.Optional(Type.String({ pattern: '^[a-z_]+:.{1,400}$' })),
  why: Type.Optional(Type.String({ maxLength: 200 })),
};

const Operation = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,100}$' }),
    methods: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]{1,20}$' }), { minItems: 1 })),
    paths: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** One of these is a segment of the path, whatever its case. */
    contains: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
    grpc: Type.Optional(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.]{0,255}/(?:[A-Za-z_][A-Za-z0-9_]{0,127}|\\*)$' })),
    ...conditions,
    /** Parameters of the query that it knows beside those of the set. */
    parameters: Type.Optional(Type.Array(Type.String())),
    ...effect,
    also: Type.Optional(Type.Array(Type.Object({ ...conditions, ...effect }, strict), { minItems: 1 })),
    /** What it does is said by the GraphQL document. */
    graphql: Type.Optional(Type.Literal(true)),
  },
  strict,
);

const SetFile = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,40}$' }),
    about: Type.String({ minLength: 1 }),
    docs: Type.Optional(Type.Array(Type.String())),
    /** Query parameters that every operation may have. Given: a request with any other is not known. Left out: any may be there. */
    parameters: Type.Optional(Type.Array(Type.String())),
    /** Headers and parameters that say another method: `unknown` (default) when one is there, `ignore` where the API heeds none. */
    methodOverride: Type.Optional(Type.Union([Type.Literal('unknown'), Type.Literal('ignore')])),
    anyCase: Type.Optional(Type.Boolean()),
    customVerbs: Type.Optional(Type.Boolean()),
    /** Clients may name the bucket by the host instead of the path. */
    virtualHosted: Type.Optional(Type.Boolean()),
    operations: Type.Array(Operation, { minItems: 1 }),
  },
  strict,
);

export type SetSource = Static<typeof SetFile>;
export type OperationSource = SetSource['operations'][number];

/** What is wrong with a rule set, in words with its place. */
export class SetRefused extends Error {
  override name = 'SetRefused';
  /** There is no such file here. */
  readonly absent: boolean;

  constructor(message: string, absent = false) {
    super(message);
    this.absent = absent;
  }
}

/** Largest rule set: people write them. */
const LARGEST = 1024 * 1024;

/** Reads the text of a rule set. Throws SetRefused. */
export const readSet = (text: string): SetSource => {
  if (text.length > LARGEST) throw new SetRefused('is larger than 1 MiB');
  const document = parseDocument(text, { uniqueKeys: true, strict: true });
  const [wrong] = document.errors;
  if (wrong !== undefined) throw new SetRefused(`is not YAML: ${wrong.message.split('\n', 1)[0] ?? ''}`);
  // Aliases can make a small text large.
  visit(document, (_, node) => {
    if (isAlias(node)) throw new SetRefused('has an alias, which rule sets may not');
  });
  const value: unknown = document.toJS();
  if (!Value.Check(SetFile, value)) {
    const [first] = Value.Errors(SetFile, value);
    throw new SetRefused(first === undefined ? 'is no rule set' : `${first.instancePath.slice(1).replaceAll('/', '.') || 'the file'} ${first.message}`);
  }
  return value;
};
