import path from 'node:path';
import type { Origin } from '../model/decision.ts';
import type { KeySource, SecretRef } from './resolved.ts';
import type { Places } from './shape.ts';

/** A path relative to the file that the key stands in. */
export function pathAt(places: Places, holder: object, key: string, written: string): string {
  return path.resolve(path.dirname(places.of(holder, key).place.file), written);
}

/** The number of a duration or size that the schema has already accepted. */
export function amount(parsed: number | undefined): number {
  if (parsed === undefined) throw new RangeError('an amount that was not checked');
  return parsed;
}

/** `env:NAME` or `file:PATH`. */
export function secretRef(places: Places, holder: object, key: string, written: string): SecretRef {
  const colon = written.indexOf(':');
  const rest = written.slice(colon + 1);
  return written.slice(0, colon) === 'env' ? { from: 'env', name: rest } : { from: 'file', path: pathAt(places, holder, key, rest) };
}

/** `claims.a.b` to `a.b`. */
export const claimName = (written: string): string => written.replace(/^claims\./, '');

/** Where the keys of an issuer come from. That only one way is given was checked. */
export function keysFrom(places: Places, written: { readonly jwks?: string; readonly jwksFile?: string }): KeySource {
  if (written.jwksFile !== undefined) return { from: 'file', path: pathAt(places, written, 'jwksFile', written.jwksFile) };
  return written.jwks === undefined ? { from: 'discovery' } : { from: 'url', url: written.jwks };
}

/** File and line at which something was written. */
export function originOf(places: Places, holder: object): Origin {
  const { file, line } = places.of(holder).place;
  return { file, line };
}

export const withoutSlash = (url: string): string => url.replace(/\/$/, '');
