/**
 * How far a rule reaches an effect. Three values, because what is not known must count differently for the rules that
 * refuse and the rules that grant: a deny needs `TOUCHES`, a grant needs `COVERS`.
 */
export type Level = 0 | 1 | 2;

/** Surely not reached. */
export const NONE: Level = 0;
/** Reached in part, or could be reached as far as is known. Enough to refuse or to ask for approval, never to grant. */
export const TOUCHES: Level = 1;
/** Surely reached, and reached as a whole. */
export const COVERS: Level = 2;

/** The weaker of two: every key of a rule must match. */
export const weaker = (a: Level, b: Level): Level => (a < b ? a : b);

/** The stronger of two: within a list, one entry is enough. */
export const stronger = (a: Level, b: Level): Level => (a > b ? a : b);
