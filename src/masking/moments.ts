import { oid } from './oids.ts';

/** Dates and times, whose constant clients write in many ways. */
export const moments: ReadonlySet<number> = new Set([oid.date, oid.time, oid.timestamp, oid.timestamptz, oid.timetz, oid.interval]);

const DAYS: ReadonlySet<number> = new Set([oid.date, oid.timestamp, oid.timestamptz]);

/** `2000-01-01`, with or without a time, a fraction of a second and a zone. */
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.0+)?)?)?(?: ?(?:Z|([+-])(\d\d)(?::?(\d\d))?(?::?\d\d)?))?$/i;
/** The same day as people write it: which of the two is the month does not matter. */
const WRITTEN = /^(?:20000101|2000[/. ]0?1[/. ]0?1|0?1[-/. ]0?1[-/. ](?:20)?00)\b/;

const MINUTE_MS = 60_000;
const ZERO = Date.UTC(2000, 0, 1);
/** Zones are whole quarters of an hour, and less than 16 hours away: PostgreSQL takes no others. */
const QUARTER_MS = 15 * MINUTE_MS;
const FARTHEST_MS = 16 * 60 * MINUTE_MS;

const isOfZone = (ms: number): boolean => ms % QUARTER_MS === 0 && Math.abs(ms) < FARTHEST_MS;

/**
 * Whether a client that has read the constant of a date or time could write it so. A client reads it in its own zone, and writes it in that
 * one, in UTC, or as what a clock shows there: the same moment, or midnight of the same day, seen from some zone.
 */
export function isMoment(type: number, text: string): boolean {
  const given = text.trim();
  if (!DAYS.has(type)) return isNought(given);
  const [, year, month, day, hour, minute = '00', second = '00', , sign, zoneHour = '00', zoneMinute = '00'] = ISO.exec(given) ?? [];
  if (year === undefined) return WRITTEN.test(given);
  const shown = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour ?? '00'), Number(minute), Number(second)) - ZERO;
  if (hour === undefined) return shown === 0;
  const zone = (sign === '-' ? -1 : 1) * (Number(zoneHour) * 60 + Number(zoneMinute)) * MINUTE_MS;
  return isOfZone(shown) || isOfZone(shown - zone);
}

/** `00:00:00`, `00:00:00+00`, `PT0S`, `0 days 0.000000 seconds`: noughts in whatever words. */
const isNought = (given: string): boolean => given.includes('0') && !/[1-9]/.test(given.replace(/[+-]\d\d(?::?\d\d)?$/, ''));
