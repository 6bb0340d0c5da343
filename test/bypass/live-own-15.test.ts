import { answersOfMasked } from './live/masked.ts';

/** Our own attempts, against masks and against an identity that may only read. */
answersOfMasked('own.json', { versions: [15] });
