import { answersOfMasked } from './live/masked.ts';

/** Our own attempts, against masks and against a role that may only read. */
answersOfMasked('own.json', {});
