import type { SearchFilters } from '../../evidence/search/filters.ts';
import { Refused } from '../api/refused.ts';

interface Asked {
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

/** Filters of a query as the index takes them. */
export const filtersOf = ({ identity, connection, verb, object, decision, text, rows, since, until }: Asked): SearchFilters => ({
  ...(identity === undefined ? {} : { identity }),
  ...(connection === undefined ? {} : { connection }),
  ...(verb === undefined ? {} : { verb }),
  ...(object === undefined ? {} : { object }),
  ...(decision === undefined ? {} : { decision }),
  ...(text === undefined ? {} : { text }),
  ...(rows === undefined ? {} : { rows }),
  ...(since === undefined ? {} : { since: instant(since) }),
  ...(until === undefined ? {} : { until: instant(until) }),
});

/** The same in words, for the record of a search. */
export const filterWords = (asked: Asked): Record<string, string> =>
  Object.fromEntries((['identity', 'connection', 'verb', 'object', 'decision', 'text', 'rows', 'since', 'until'] as const).flatMap((name) => (asked[name] === undefined ? [] : [[name, asked[name]]])));

export const instant = (text: string): number => {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new Refused(400, 'invalid', 'a time is written as in 2026-11-22T08:00:00Z');
  return at;
};
