import { at, type Problems } from './problems.ts';
import type { Located, LocatedEntry, LocatedMap } from './yaml.ts';

/** Keys that every file may give, with the same value. */
const repeatable = new Set(['version']);

/**
 * One tree from many files. Lists concatenate in the order of the files; maps are united; a single value that two files give is a
 * problem that names both, since the order of file names must not decide what is in force.
 */
export function merge(trees: readonly LocatedMap[], problems: Problems): LocatedMap | undefined {
  const [first, ...rest] = trees;
  if (first === undefined) return undefined;
  return rest.reduce((into, tree) => mergeMaps(into, tree, '', problems), first);
}

function mergeMaps(a: LocatedMap, b: LocatedMap, path: string, problems: Problems): LocatedMap {
  const entries = new Map<string, LocatedEntry>(a.entries);
  for (const [key, entry] of b.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? entry : mergeEntries(before, entry, path === '' ? key : `${path}.${key}`, problems));
  }
  return { kind: 'map', place: a.place, entries };
}

function mergeEntries(before: LocatedEntry, entry: LocatedEntry, path: string, problems: Problems): LocatedEntry {
  const one = before.value;
  const two = entry.value;
  if (one.kind === 'list' && two.kind === 'list') return { key: before.key, value: { kind: 'list', place: one.place, items: [...one.items, ...two.items] } };
  if (one.kind === 'map' && two.kind === 'map') return { key: before.key, value: mergeMaps(one, two, path, problems) };
  if (one.kind === 'scalar' && two.kind === 'scalar' && repeatable.has(path) && one.value === two.value) return before;
  const suggestion = one.kind === two.kind ? 'keep it in one file' : `there it is ${kindWord(one)}, here ${kindWord(two)}`;
  problems.add({ place: entry.key, path }, `was already given at ${at(before.key)}`, suggestion);
  return before;
}

const kindWord = (node: Located): string => ({ map: 'a section', list: 'a list', scalar: 'a single value' })[node.kind];
