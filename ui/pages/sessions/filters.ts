import type { CommandQuery } from '../../../src/control/client.ts';
import type { Clock } from '../../parts/times.ts';

/** What sessions and commands can be filtered by, as the address has it. */
export interface Filters {
  readonly view?: string;
  readonly state?: string;
  readonly identity?: string;
  readonly connection?: string;
  readonly verb?: string;
  readonly object?: string;
  readonly decision?: string;
  readonly text?: string;
  readonly rows?: string;
  readonly since?: string;
  readonly until?: string;
}

const KEYS = ['identity', 'connection', 'verb', 'object', 'decision', 'text', 'rows', 'since', 'until'] as const;

/** The filters as the API takes them. */
export const queryOf = (filters: Filters): CommandQuery => Object.fromEntries(KEYS.flatMap((key) => (filters[key] === undefined ? [] : [[key, filters[key]]])));

export const isFiltered = (filters: Filters): boolean => KEYS.some((key) => filters[key] !== undefined);

/** Filters but those that stand in the first line of the form. */
export const hasMore = (filters: Filters): boolean => (['verb', 'object', 'rows', 'since', 'until'] as const).some((key) => filters[key] !== undefined);

/** What a field for day and time holds, by a clock, as a time of the API. Undefined when there is nothing or no time. */
export function toTime(field: string, clock: Clock): string | undefined {
  if (field === '') return undefined;
  const at = new Date(clock === 'utc' ? `${field}Z` : field);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

const pad = (value: number): string => String(value).padStart(2, '0');

/** A time of the API as such a field takes it. */
export function toField(time: string | undefined, clock: Clock): string {
  const at = new Date(time ?? '');
  if (Number.isNaN(at.getTime())) return '';
  if (clock === 'utc') return at.toISOString().slice(0, 16);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}
