import type { Renamed } from '../../model/request.ts';
import type { BodyMasks } from './masks.ts';

/**
 * The name of a mask that would not see a field because the client has the answer call it otherwise (aliases of GraphQL): one whose pattern has the
 * field's own name in it, and not the other. Undefined: every mask sees what it names.
 */
export function renamedPast({ paths }: BodyMasks, renamed: readonly Renamed[]): string | undefined {
  for (const { steps, mask } of paths.rules) {
    if (steps.some(({ name: matches }) => matches !== undefined && renamed.some(({ name, as }) => matches(name) && !matches(as)))) return mask.name;
  }
  return undefined;
}

/** The name of a mask that looks for its field from the top of a document by its name, and would not find it one level deeper. Undefined: none does. */
export const anchoredMask = ({ paths }: BodyMasks): string | undefined => paths.rules.find(({ steps: [first] }) => first?.deep === false && first.name !== undefined)?.mask.name;
