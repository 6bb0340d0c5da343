import type { TransformConfig } from '../../../config/resolved.ts';
import { redacted } from '../../constants.ts';
import { wins } from '../../strictness.ts';
import { key } from './bodies.ts';

export interface ReferenceRule {
  readonly pattern: string;
  readonly transform: TransformConfig;
}

type Step = { readonly deep: boolean; readonly any: boolean; readonly name: RegExp };

/** The same patterns, read in another way. */
function steps(pattern: string): readonly Step[] {
  if (!pattern.startsWith('$')) return [{ deep: true, any: false, name: glob(pattern) }];
  return [...pattern.slice(1).matchAll(/(?<deep>\.\.)?\.?(?:\[(?:(?<star>\*)|"(?<quoted>[^"]*)")\]|(?<name>[^.[]+))/g)].map(({ groups }) => {
    const { deep, star, quoted, name } = groups as Record<string, string | undefined>;
    return { deep: deep !== undefined, any: star !== undefined || name === '*', name: quoted === undefined ? glob(name ?? '') : new RegExp(`^${escaped(quoted)}$`, 's') };
  });
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const glob = (pattern: string): RegExp => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's');

function matches(all: readonly Step[], path: readonly (string | undefined)[]): boolean {
  const from = (step: number, at: number): boolean => {
    const one = all[step];
    if (one === undefined) return at === path.length;
    if (at >= path.length) return false;
    const part = path[at];
    const here = (one.any || (part !== undefined && one.name.test(part))) && from(step + 1, at + 1);
    return here || (one.deep && from(step, at + 1));
  };
  return from(0, 0);
}

function stars(value: string, keep: number): string {
  const points = Array.from(value.replace(/ +$/, ''));
  const tail = value.slice(points.join('').length);
  const hidden = points.length <= keep * 2 ? points.length : points.length - keep;
  return '*'.repeat(hidden) + points.slice(hidden).join('') + tail;
}

function masked(value: unknown, transform: TransformConfig): unknown {
  if (value === null || transform === 'null') return null;
  if (Array.isArray(value)) return [];
  if (typeof value === 'object') return {};
  if (typeof value === 'number') return 0;
  if (typeof value === 'boolean') return false;
  const text = value as string;
  if (transform === 'redact') return redacted;
  if (transform === 'hash') return key.pseudonym(Buffer.from(text));
  return 'fixed' in transform ? transform.fixed : stars(text.toWellFormed(), transform.partial);
}

/** Masks a parsed document by walking over it. */
export function referenceMasked(value: unknown, rules: readonly ReferenceRule[], path: readonly (string | undefined)[] = []): unknown {
  let found: TransformConfig | undefined;
  for (const { pattern, transform } of rules) if (matches(steps(pattern), path) && (found === undefined || wins(transform, found))) found = transform;
  if (found !== undefined) return masked(value, found);
  if (Array.isArray(value)) return value.map((one) => referenceMasked(one, rules, [...path, undefined]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, referenceMasked(one, rules, [...path, name])]));
}
