import { createHmac } from 'node:crypto';
import type { Bound, BoundValue } from '../model/approval.ts';
import type { Effect } from '../model/command.ts';

/** What an approval is for: the bytes, what gives them meaning, and who may run them where. */
export interface Approved {
  readonly connection: string;
  readonly protocol: string;
  readonly identity: string;
  /** What it was understood to do, which is what people are shown: a name may come to stand for something else. */
  readonly effects: readonly Effect[];
  /** The most rows that it may touch, when that is limited. */
  readonly maxRows?: number;
  readonly bound: Pick<Bound, 'context' | 'parts' | 'data'>;
}

const DOMAIN = Buffer.from('wicketgate/approval/v1\0', 'latin1');
const DEEPEST = 16;

/**
 * Keyed digest (HMAC-SHA-256, hex) of exactly what is approved. Each piece comes with its length, so that no two different commands are the
 * same bytes to it. Without the key nobody can try texts against it. Throws TypeError when the context is not of BoundValue.
 */
export function digestOf(key: Uint8Array, { connection, protocol, identity, effects, maxRows, bound }: Approved): string {
  const hmac = createHmac('sha256', key).update(DOMAIN);
  const add = (bytes: Uint8Array | null): void => {
    const head = Buffer.alloc(9);
    head.writeUInt8(bytes === null ? 0 : 1);
    head.writeBigUInt64BE(BigInt(bytes?.length ?? 0), 1);
    hmac.update(head);
    if (bytes !== null) hmac.update(bytes);
  };
  add(Buffer.from(canonicalJson({ v: 1, connection, protocol, identity, effects: effects.map(boundEffect), maxRows: maxRows ?? null, context: bound.context, parts: bound.parts.length, ...dataOf(bound) }), 'utf8'));
  for (const part of bound.parts) add(part);
  return hmac.digest('hex');
}

/** All of the data, by its digest. */
const dataOf = ({ data }: Pick<Bound, 'data'>): { readonly data?: BoundValue } => (data === undefined ? {} : { data: { bytes: data.bytes, sha256: data.sha256 } });

const boundEffect = ({ class: granted, verb, object, columns, function: called }: Effect): BoundValue => [
  granted,
  verb,
  object === undefined ? null : [object.kind, object.schema ?? null, object.name],
  columns === undefined ? null : [...columns].toSorted(),
  called ?? null,
];

/** JSON with members in order of their names and nothing that JSON would lose: one text for one value. */
export function canonicalJson(value: BoundValue, depth = 0): string {
  if (depth > DEEPEST) throw new TypeError('a bound value is nested too deeply');
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new TypeError('a bound number is not exact');
    return JSON.stringify(value);
  }
  if (isList(value)) return `[${value.map((member) => canonicalJson(member, depth + 1)).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} cannot be bound`);
  const members = Object.keys(value).toSorted().map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] as BoundValue, depth + 1)}`);
  return `{${members.join(',')}}`;
}

const isList = (value: BoundValue): value is readonly BoundValue[] => Array.isArray(value);
