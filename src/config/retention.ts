import type { Checking } from './checks.ts';
import { at } from './problems.ts';
import { quoted } from './references.ts';
import type { RetentionConfig } from './resolved.ts';
import { didYouMean } from './suggest.ts';
import { formatDuration, parseDuration } from './units.ts';

/** The entry that counts for a connection: the one that names it, else the one with `*`. */
export const retentionOf = (entries: readonly RetentionConfig[], connection: string): RetentionConfig | undefined =>
  entries.find(({ connections }) => connections.includes(connection)) ?? entries.find(({ connections }) => connections.includes('*'));

const DAY = 86_400_000;

/** Retention that nobody can misread: each connection in one entry, and records kept at least as long as what they refer to. */
export function checkRetention({ source, places, declared: { connections }, problems }: Checking): void {
  const taken = new Map<string, object>();
  for (const entry of source.retention ?? []) {
    entry.connections.forEach((name, index) => {
      const spot = places.of(entry.connections, index);
      if (name !== '*' && !connections.has(name)) problems.add(spot, `there is no connection ${quoted(name)}`, didYouMean(name, connections));
      const first = taken.get(name);
      if (first === undefined) taken.set(name, entry);
      else problems.add(spot, `${name === '*' ? '*' : quoted(name)} already has a retention at ${at(places.of(first).place)}`, 'name each connection in one entry');
    });
    const recordings = entry.recordings === undefined ? undefined : parseDuration(entry.recordings);
    const evidence = entry.evidence === undefined ? undefined : parseDuration(entry.evidence);
    if (recordings !== undefined && recordings < DAY) problems.add(places.of(entry, 'recordings'), 'is less than a day: keys are made for a day', 'at least 1d');
    if (evidence !== undefined && recordings === undefined) problems.add(places.of(entry, 'evidence'), 'records are to be kept for less long than the texts that they refer to, which are kept for ever', 'give recordings');
    else if (evidence !== undefined && recordings !== undefined && evidence < recordings) problems.add(places.of(entry, 'evidence'), `records are to be kept for less long than the texts that they refer to (${formatDuration(recordings)})`, 'evidence must be at least recordings');
  }
}
