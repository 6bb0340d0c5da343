import { COVERS, type Level } from './level.ts';

/** What a rule's condition and its number of rows say to one command. */
export interface LiveWord {
  readonly level: Level;
  /** Why the condition could not be evaluated. */
  readonly error?: string;
  /** Its number of rows, when a count above it would make the rule match, or match for sure. */
  readonly threshold?: number;
}

/** The word of a rule without either. */
export const SURE: LiveWord = { level: COVERS };
