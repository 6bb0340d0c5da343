import { hash } from 'node:crypto';
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, parse as Parse, SelectionSetNode } from 'graphql';
import type { GraphqlOperation, Renamed, RequestFacts } from '../model/request.ts';
import { JsonRefused, readJson } from '../wire/json.ts';
import { folded } from './alike.ts';

/** Longest document, most tokens, most fields at the top of all operations together, and most requests in one: more is no query of a program. */
const LONGEST = 256 * 1024;
const MOST_TOKENS = 10_000;
const MOST_FIELDS = 500;
const MOST_REQUESTS = 100;
const MOST_STEPS = 20_000;
/** The members that are read, where they are spelled so. */
const READ: ReadonlySet<string> = new Set(['query', 'operationName', 'extensions']);
/** What a request is by, folded: the members that hold it, and those by which servers run a document that they keep, whatever stands beside it. */
const SAYS_WHAT: ReadonlySet<string> = new Set([...READ, 'id', 'documentId', 'docId', 'queryId', 'operationId', 'persistedQueryId'].map(folded));
/** The member of `extensions` by which a document that the server keeps is asked for (Apollo's persisted queries), folded. */
const KEPT = folded('persistedQuery');
const EXTENSIONS_BOUNDS = { depth: 20, values: 1_000 };
/** Ends a line, and a comment with it, to some readers (graphql-java, and those that end one at any control character), and not to others. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const ODD_LINE_END = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u0085\u2028\u2029]/;

/** What cannot be told of a request, in our words. */
export interface NotGraphql {
  readonly why: string;
}

export type ReadGraphql = (facts: Pick<RequestFacts, 'method' | 'query' | 'body'>) => readonly GraphqlOperation[] | NotGraphql;

/** Loads the parser, which only gateways with a GraphQL connection need. */
export const loadGraphql = async (): Promise<ReadGraphql> => {
  const { parse } = await import('graphql/language/parser.js');
  return (facts) => operationsOf(facts, parse);
};

class Unclear extends Error {}

const tooManyFields = (): Unclear => new Unclear(`the GraphQL request has more than ${MOST_FIELDS} fields at the top of its operations`);

/**
 * Every operation that the request can run. What is not named is not left out: without a name, or with one that no operation has, each
 * operation of the document counts; conditions on fields (`@include`, `@skip`) are taken as met.
 */
function operationsOf({ method, query, body }: Parameters<ReadGraphql>[0], parse: typeof Parse): readonly GraphqlOperation[] | NotGraphql {
  try {
    const requests = method === 'GET' || method === 'HEAD' ? [fromQuery(query, body)] : fromBody(body, query);
    if (requests.length > MOST_REQUESTS) throw new Unclear(`more than ${MOST_REQUESTS} GraphQL requests in one`);
    const operations: GraphqlOperation[] = [];
    let fields = 0;
    for (const request of requests) {
      for (const operation of fromDocument(request, parse)) {
        fields += operation.fields.length;
        if (fields > MOST_FIELDS) throw tooManyFields();
        operations.push(operation);
      }
    }
    return operations;
  } catch (error) {
    if (error instanceof Unclear) return { why: error.message };
    // The parser's own message quotes the document; a stack that is too deep comes from nesting.
    return { why: 'the GraphQL document does not parse' };
  }
}

interface Request {
  readonly document: string;
  readonly operationName: string | undefined;
}

function fromQuery(query: RequestFacts['query'], body: RequestFacts['body']): Request {
  // Servers differ on whether it counts, and on which of two does.
  if (body.kind !== 'none') throw new Unclear('a GraphQL request in the address has a body as well');
  checkNames([...query.keys()]);
  const [document, another] = query.get('query') ?? [];
  const names = query.get('operationName') ?? [];
  const [extensions = '', more] = query.get('extensions') ?? [];
  if (document === undefined || another !== undefined || names.length > 1 || more !== undefined) throw new Unclear('the address has no single GraphQL query');
  if (extensions !== '') checkKept(fromText(extensions), document);
  return { document, operationName: names[0] };
}

function fromBody(body: RequestFacts['body'], query: RequestFacts['query']): readonly Request[] {
  if (body.kind !== 'json') throw new Unclear(body.kind === 'none' ? 'there is no GraphQL body' : body.why);
  // Servers differ on which of two counts.
  if ([...query.keys()].some(saysWhat)) throw new Unclear('the address and the body may both have a GraphQL query');
  return (Array.isArray(body.value) ? body.value : [body.value]).map((request: unknown) => {
    if (typeof request !== 'object' || request === null || Array.isArray(request)) throw new Unclear('the body is no GraphQL request');
    checkNames(Object.keys(request));
    const { query: document, operationName, extensions } = request as { readonly query?: unknown; readonly operationName?: unknown; readonly extensions?: unknown };
    if (typeof document !== 'string') throw new Unclear('the GraphQL document is not in the request (a stored query)');
    if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') throw new Unclear('the name of the GraphQL operation is no text');
    checkKept(extensions, document);
    return { document, operationName: operationName ?? undefined };
  });
}

const saysWhat = (name: string): boolean => SAYS_WHAT.has(folded(name));

/** Readers that do not tell case take `QUERY` for `query`, and the last of both. */
function checkNames(names: readonly string[]): void {
  if (names.some((name) => !READ.has(name) && saysWhat(name))) throw new Unclear('another member than query says which GraphQL document is meant');
}

function fromText(extensions: string): unknown {
  try {
    return readJson(Buffer.from(extensions), EXTENSIONS_BOUNDS);
  } catch (error) {
    if (error instanceof JsonRefused) throw new Unclear('the extensions of the GraphQL request are not plain JSON');
    throw error;
  }
}

/** Servers look a document up by the hash that `extensions` name; some compare it with the text beside it only where they do not keep it yet, and run the one that they keep. */
function checkKept(extensions: unknown, document: string): void {
  if (typeof extensions !== 'object' || extensions === null) return;
  for (const [name, kept] of Object.entries(extensions)) {
    if (folded(name) !== KEPT || kept === null) continue;
    const { sha256Hash, version: _, ...more } = (typeof kept === 'object' ? kept : {}) as Readonly<Record<string, unknown>>;
    if (sha256Hash !== hash('sha256', document) || Object.keys(more).length > 0) throw new Unclear('the GraphQL request names a stored query by a hash that is not of its own document');
  }
}

/** One after the other, so that those behind a bound are not looked at. */
function* fromDocument({ document, operationName }: Request, parse: typeof Parse): Generator<GraphqlOperation> {
  if (document.length > LONGEST) throw new Unclear(`the GraphQL document is longer than ${LONGEST / 1024} KiB`);
  const parsed: DocumentNode = parse(document, { noLocation: !ODD_LINE_END.test(document), maxTokens: MOST_TOKENS });
  for (let token = parsed.loc?.startToken; token !== undefined; token = token.next ?? undefined) {
    if (token.kind === 'Comment' && ODD_LINE_END.test(token.value)) throw new Unclear('a comment in the GraphQL document may end before its line does');
  }
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of parsed.definitions) {
    if (definition.kind === 'OperationDefinition') operations.push(definition);
    else if (definition.kind === 'FragmentDefinition') {
      if (fragments.has(definition.name.value)) throw new Unclear('a GraphQL fragment stands twice');
      fragments.set(definition.name.value, definition);
    } else throw new Unclear('the GraphQL document defines types');
  }
  if (operations.length === 0) throw new Unclear('the GraphQL document has no operation');
  const { renamed, inParts } = reshaped(parsed);
  const named = operationName === undefined || operationName === '' ? [] : operations.filter(({ name }) => name?.value === operationName);
  for (const { operation, name, selectionSet } of named.length === 0 ? operations : named) {
    yield { type: operation, ...(name === undefined ? {} : { name: name.value }), fields: topFields(selectionSet, fragments), renamed, ...(inParts ? { inParts } : {}) };
  }
}

/** How the answer differs from what it is about: each alias once, and whether parts of it come apart. Documents are bounded by their tokens. */
function reshaped({ definitions }: DocumentNode): { readonly renamed: readonly Renamed[]; readonly inParts: boolean } {
  const found = new Map<string, Renamed>();
  let inParts = false;
  const waiting = definitions.flatMap((definition): SelectionSetNode[] => ('selectionSet' in definition && definition.selectionSet ? [definition.selectionSet] : []));
  for (let set = waiting.pop(); set !== undefined; set = waiting.pop()) {
    for (const selection of set.selections) {
      inParts ||= selection.directives?.some(({ name }) => name.value === 'defer' || name.value === 'stream') === true;
      if (selection.kind === 'Field' && selection.alias !== undefined && selection.alias.value !== selection.name.value) found.set(`${selection.name.value} ${selection.alias.value}`, { name: selection.name.value, as: selection.alias.value });
      if ('selectionSet' in selection && selection.selectionSet) waiting.push(selection.selectionSet);
    }
  }
  return { renamed: [...found.values()], inParts };
}

/** Names of the fields at the top, through fragments. */
function topFields(top: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): readonly string[] {
  const fields = new Set<string>();
  const seen = new Set<string>();
  const waiting: SelectionSetNode[] = [top];
  let steps = 0;
  for (let set = waiting.pop(); set !== undefined; set = waiting.pop()) {
    for (const selection of set.selections) {
      steps += 1;
      if (steps > MOST_STEPS) throw new Unclear('the GraphQL document is too large');
      if (selection.kind === 'Field') fields.add(selection.name.value);
      else if (selection.kind === 'InlineFragment') waiting.push(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment === undefined) throw new Unclear('a GraphQL fragment is missing');
        waiting.push(fragment.selectionSet);
      }
    }
    if (fields.size > MOST_FIELDS) throw tooManyFields();
  }
  return [...fields];
}
