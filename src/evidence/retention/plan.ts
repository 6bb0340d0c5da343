import { hash } from 'node:crypto';
import { retentionOf } from '../../config/retention.ts';
import type { RetentionConfig } from '../../config/resolved.ts';
import { canonical } from '../canonical.ts';
import { dayOf } from '../clock.ts';
import { partsOf } from '../keys.ts';
import { holds } from './holds.ts';
import type { KeyUse, Survey } from './survey.ts';

/** Something outside that takes the records, and must have them before their texts go. None exists yet. */
export interface Sink {
  readonly name: string;
  /** Sequence of the first record that it has not taken. */
  readonly next: number;
}

/** Why a key stays. `hold`: legal hold; `day`: its UTC day is not over; `young`; `kept`: no retention says how long; `sink`: one is behind. */
export type Keeping = 'hold' | 'day' | 'young' | 'kept' | 'sink';

/** One key of the folder, and what would become of it. */
export interface PlanLine {
  readonly key: string;
  readonly connection: string;
  /** UTC day. */
  readonly day: string;
  readonly bodies: number;
  readonly bytes: number;
  /** Undefined: it goes. */
  readonly stays?: Keeping;
  /** Names of the holds, of the sinks, or the day from which it may go; for people. */
  readonly why: string;
}

/** What a purge would do, at this moment. Nothing goes that is not in `goes`. */
export interface Plan {
  /** SHA-256 (hex) of the log's name and the keys that go: what is confirmed. */
  readonly digest: string;
  readonly log: string;
  readonly asOf: string;
  readonly records: number;
  readonly goes: readonly PlanLine[];
  readonly stays: readonly PlanLine[];
  /** Keys that are gone, with the purge record that tells of it. */
  readonly gone: readonly { readonly key: string; readonly record: number }[];
  /** Keys that bodies need, which are not there, and of which no purge record tells: lost, or kept elsewhere. */
  readonly missing: readonly string[];
  readonly sinks: readonly Sink[];
}

export interface PlanParts {
  readonly survey: Survey;
  /** Ids of the keys in the keys folder. */
  readonly present: readonly string[];
  readonly retention: readonly RetentionConfig[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly sinks: readonly Sink[];
}

const DAY_MS = 86_400_000;

export const planPurge = ({ survey, present, retention, now, sinks }: PlanParts): Plan => {
  const uses = new Map(survey.keys.map((use) => [use.id, use]));
  const lines = present.flatMap((id) => {
    const parts = partsOf(id);
    return parts ? [lineOf({ id, bodies: 0, frames: 0, bytes: 0, until: survey.size, ...uses.get(id) }, parts, { survey, retention, now, sinks })] : [];
  });
  lines.sort((a, b) => (a.key < b.key ? -1 : 1));
  const goes = lines.filter(({ stays }) => stays === undefined);
  const here = new Set(present);
  const absent = survey.keys.filter(({ id }) => !here.has(id)).map(({ id }) => id).sort();
  return {
    digest: hash('sha256', canonical({ keys: goes.map(({ key }) => key), log: survey.log, v: 1 }), 'hex'),
    log: survey.log,
    asOf: new Date(now).toISOString(),
    records: survey.size,
    goes,
    stays: lines.filter(({ stays }) => stays !== undefined),
    gone: absent.flatMap((key) => {
      const record = survey.purged.get(key);
      return record === undefined ? [] : [{ key, record }];
    }),
    missing: absent.filter((key) => !survey.purged.has(key)),
    sinks,
  };
};

const lineOf = (use: KeyUse, { connection, day }: { readonly connection: string; readonly day: string }, { survey, retention, now, sinks }: Omit<PlanParts, 'present'>): PlanLine => {
  const about = { key: use.id, connection, day, bodies: use.bodies, bytes: use.bytes };
  const holding = survey.holds.filter((hold) => holds(hold, connection, day, survey.spans)).map(({ name }) => name);
  if (holding.length > 0) return { ...about, stays: 'hold', why: `legal hold ${holding.join(', ')}` };
  const over = Date.parse(`${day}T00:00:00.000Z`) + DAY_MS;
  if (!(now >= over)) return { ...about, stays: 'day', why: 'its day is not over' };
  const before = survey.purged.get(use.id);
  // Only a restored keys folder, or a purge that was cut short, has a key that was purged before.
  if (before !== undefined) return { ...about, why: `purged before, in record ${before}, and there again` };
  const keep = retentionOf(retention, connection)?.recordings;
  if (keep === undefined) return { ...about, stays: 'kept', why: 'no retention says how long: kept for ever' };
  if (now < over + keep) return { ...about, stays: 'young', why: `too young until ${dayOf(over + keep + DAY_MS - 1)}` };
  const behind = sinks.filter(({ next }) => next < use.until).map(({ name }) => name);
  return behind.length > 0 ? { ...about, stays: 'sink', why: `not taken yet by ${behind.join(', ')}` } : { ...about, why: 'older than its retention' };
};
