import { Refused } from './refused.ts';

export const DEFAULT_LIMIT = 50;

/** The number in a cursor of ours; undefined for the first page. */
export const numberIn = (cursor: string | undefined): number | undefined => {
  if (cursor === undefined || cursor === '') return undefined;
  if (!/^-?\d{1,15}$/.test(cursor)) throw new Refused(400, 'invalid', 'this cursor is not one of ours');
  return Number(cursor);
};
