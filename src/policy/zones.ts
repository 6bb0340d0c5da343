/** Offsets of time zones change at whole quarters of an hour, so one answer serves a quarter. */
const QUARTER = 900_000;

/** A time zone with its last answer. Intl takes tens of microseconds; a condition may take one. */
export interface Zone {
  /** Milliseconds to add to a time to read its wall clock in UTC fields. */
  offsetAt(time: number): number;
}

const zones = new Map<string, Zone>();

/** The zone of a name such as `UTC`, `Europe/Berlin` or `+02:00`; undefined when there is none. Only names from configurations come here. */
export function zoneNamed(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = name === 'UTC' ? { offsetAt: () => 0 } : readZone(name);
  if (zone !== undefined) zones.set(name, zone);
  return zone;
}

function readZone(name: string): Zone | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  } catch {
    return undefined;
  }
  let quarter = Number.NaN;
  let offset = 0;
  return {
    offsetAt(time) {
      const now = Math.floor(time / QUARTER);
      if (now !== quarter) {
        offset = offsetOf(format, now * QUARTER);
        quarter = now;
      }
      return offset;
    },
  };
}

function offsetOf(format: Intl.DateTimeFormat, time: number): number {
  const fields: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(time)) fields[type] = value;
  const field = (name: string) => Number(fields[name]);
  const year = fields['era'] === 'BC' ? 1 - field('year') : field('year');
  // Date.UTC reads years below 100 as 19xx.
  const wall = new Date(0);
  wall.setUTCFullYear(year, field('month') - 1, field('day'));
  wall.setUTCHours(field('hour'), field('minute'), field('second'));
  return wall.getTime() - time;
}
