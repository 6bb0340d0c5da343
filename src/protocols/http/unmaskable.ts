import { renamedPast } from '../../masking/bodies/renames.ts';
import type { MaskSet } from '../../masking/plan.ts';
import type { Effect } from '../../model/command.ts';
import type { Renamed } from '../../model/request.ts';
import type { RequestHead } from './head.ts';

/**
 * Why a request may not be sent at all: what comes back could not be masked. Found before anything is sent: a stream is there for its answer alone, and
 * an alias of GraphQL would have the answer call a field by a name that no mask knows. Undefined: neither, or its masks let pass what they do not understand.
 */
export const unmaskable = (head: RequestHead, effects: readonly Effect[], { bodies }: MaskSet): string | undefined => {
  const unseen = bodies.paths.rules.length === 0 ? undefined : renamedPast(bodies, renamesOf(effects));
  if (unseen !== undefined) return `an alias would hide a field from mask ${unseen}: ask for it by its own name`;
  const what = head.call ? 'a call of gRPC' : head.upgrade ? 'a WebSocket' : undefined;
  // Redacted, it would be neither.
  if (what === undefined || bodies.otherwise === 'pass') return undefined;
  return `masking is demanded, and what ${what} carries is not understood`;
};

/** Effects share their request, and the operations of a document its aliases: each is looked at once. */
const renamesOf = (effects: readonly Effect[]): readonly Renamed[] => {
  const requests = new Set(effects.map(({ request }) => request));
  const renamed = new Set([...requests].flatMap((request) => request?.graphql ?? []).map((operation) => operation.renamed));
  return [...renamed].flat();
};
