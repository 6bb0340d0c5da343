import { folded } from '../apis/alike.ts';
import type { RequestFacts } from '../model/request.ts';
import { COVERS, NONE, TOUCHES, type Level } from './level.ts';
import { compileValues } from './request-values.ts';

/** Values that one path leads to; more than this are no field that a rule was written for. */
const MOST_VALUES = 10_000;

/** One name of a path; `*` is any member or element. */
interface Step {
  readonly name: string;
  /** What some servers take for the same. */
  readonly alike: string;
}

/** What a path leads to in one body. */
interface Found {
  readonly values: unknown[];
  /** By what some servers take for the same name. */
  readonly alike: unknown[];
  full: boolean;
}

/**
 * Compiles one field of `match.request.fields`: `amount`, `items.*.price`; `*` is any member or element. All values that are there must match to
 * be covered. A body that nobody read could hold anything.
 */
export function compileFields(path: string, patterns: readonly string[]): (request: RequestFacts) => Level {
  const steps = path.split('.').map((name) => ({ name, alike: folded(name) }));
  const { surely, possibly } = compileValues(patterns);
  const matches = (value: unknown): boolean => surely(textOf(value));
  return ({ body }) => {
    if (body.kind !== 'json') return body.kind === 'unread' ? TOUCHES : NONE;
    const found: Found = { values: [], alike: [], full: false };
    collect(body.value, steps, 0, true, found);
    // Several requests in one body are a list of what the rule describes.
    if (Array.isArray(body.value) && steps[0]?.name !== '*') for (const element of body.value) collect(element, steps, 0, false, found);
    if (found.full) return TOUCHES;
    const some = found.values.some(matches);
    if (some && found.values.every((value) => matches(value) && isExact(value)) && found.alike.length === 0) return COVERS;
    const could = (value: unknown): boolean => (typeof value === 'object' ? matches(value) : possibly(textOf(value)));
    return some || found.values.some(could) || found.alike.some(could) || [...found.values, ...found.alike].some((value) => !isExact(value)) ? TOUCHES : NONE;
  };
}

function collect(value: unknown, steps: readonly Step[], at: number, exact: boolean, found: Found): void {
  if (found.full) return;
  const step = steps[at];
  if (step === undefined) {
    (exact ? found.values : found.alike).push(value);
    if (found.values.length + found.alike.length > MOST_VALUES) found.full = true;
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (step.name === '*') {
    for (const member of Array.isArray(value) ? value : Object.values(value)) collect(member, steps, at + 1, exact, found);
    return;
  }
  for (const name of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (name === step.name) collect(member, steps, at + 1, exact, found);
    // Some readers of JSON do not tell upper from lower case, or `a_b` from `aB`.
    else if (folded(name) === step.alike) collect(member, steps, at + 1, false, found);
  }
}

/** Numbers that two readers could round to two values are nobody's text. */
const isExact = (value: unknown): boolean => typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value);

/** Values as patterns see them. A list or a section has no text of its own: only `*` matches it. */
const textOf = (value: unknown): string => (typeof value === 'object' && value !== null ? '' : String(value));
