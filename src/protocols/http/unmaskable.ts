import { folded } from '../../apis/alike.ts';
import { anchoredMask, renamedPast } from '../../masking/bodies/renames.ts';
import type { BodyMasks } from '../../masking/bodies/masks.ts';
import type { MaskSet } from '../../masking/plan.ts';
import type { Effect } from '../../model/command.ts';
import type { Renamed, RequestFacts } from '../../model/request.ts';
import type { RequestHead } from './head.ts';

/**
 * Parameters by which object storage (S3 and what speaks its API, Cloud Storage, Azure) has the client say what type and coding the answer is to have. `select-type` is of
 * S3's queries of one object, which come in a form of their own under the names that the query says.
 */
const CHOOSES_TYPE: ReadonlySet<string> = new Set(['response-content-type', 'response-content-encoding', 'rsct', 'rsce', 'select-type'].map(folded));
/** Azure's queries of one blob. */
const asksBlob = ({ method, query }: RequestFacts): boolean => method === 'POST' && query.get('comp')?.some((value) => value.toLowerCase() === 'query') === true;

/**
 * Why a request may not be sent at all: what comes back could not be masked. Found before anything is sent: a stream is there for its answer alone, and
 * an alias of GraphQL would have the answer call a field by a name that no mask knows, and how an answer is read is told by its type, which is the
 * target's to say. Undefined: none of them, or its masks let pass what they do not understand.
 */
export const unmaskable = (head: RequestHead, effects: readonly Effect[], { bodies }: MaskSet): string | undefined => {
  const unseen = bodies.paths.rules.length === 0 ? undefined : renamedPast(bodies, renamesOf(effects));
  if (unseen !== undefined) return `an alias would hide a field from mask ${unseen}: ask for it by its own name`;
  const moved = bodies.paths.rules.length === 0 ? undefined : movedPast(bodies, effects);
  if (moved !== undefined) return moved;
  const chooses = !bodies.empty && requestsOf(effects).some((request) => asksBlob(request) || [...request.query.keys()].some((name) => CHOOSES_TYPE.has(folded(name))));
  if (chooses) return 'masking is demanded, and the type of an answer tells how: ask without a parameter that chooses it (response-content-type and the like, a query of one object)';
  const what = head.call ? 'a call of gRPC' : head.upgrade ? 'a WebSocket' : undefined;
  // Redacted, it would be neither.
  if (what === undefined || bodies.otherwise === 'pass') return undefined;
  return `masking is demanded, and what ${what} carries is not understood`;
};

/** Why the fields of a GraphQL answer would stand elsewhere than masks look for them. */
const movedPast = (bodies: BodyMasks, effects: readonly Effect[]): string | undefined => {
  const asked = requestsOf(effects).filter(({ graphql }) => graphql !== undefined);
  if (asked.some(({ graphql }) => graphql?.some(({ inParts }) => inParts))) return 'what is deferred or streamed comes apart from where masks look for it: ask without @defer and @stream';
  const anchored = asked.some(({ body }) => body.kind === 'json' && Array.isArray(body.value)) ? anchoredMask(bodies) : undefined;
  return anchored === undefined ? undefined : `the answers to several requests in one are not where mask ${anchored} looks for its field: send them one by one`;
};

/** Effects share their request, and the operations of a document its aliases: each is looked at once. */
const requestsOf = (effects: readonly Effect[]): readonly RequestFacts[] => [...new Set(effects.flatMap(({ request }) => request ?? []))];

const renamesOf = (effects: readonly Effect[]): readonly Renamed[] => {
  const renamed = new Set(requestsOf(effects).flatMap(({ graphql = [] }) => graphql).map((operation) => operation.renamed));
  return [...renamed].flat();
};
