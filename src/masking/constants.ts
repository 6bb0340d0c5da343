import { characters, elementOf, multiranges, oid, ranges } from './oids.ts';

/** Bytes of a masked cell in a type's own text form. All of them are accepted by the type's input function. */
const textForms: ReadonlyMap<number, string> = new Map([
  [oid.bool, 'f'], [oid.bytea, '\\x'], [oid.char, '*'], [oid.int8, '0'], [oid.int2, '0'], [oid.int4, '0'], [oid.oid, '0'], [oid.regproc, '-'], [oid.tid, '(0,0)'],
  [oid.xid, '0'], [oid.cid, '0'], [oid.xid8, '0'], [oid.int2vector, '0'], [oid.oidvector, '0'], [oid.json, 'null'], [oid.jsonb, 'null'], [oid.xml, ''],
  [oid.point, '(0,0)'], [oid.lseg, '[(0,0),(0,0)]'], [oid.path, '((0,0))'], [oid.box, '(0,0),(0,0)'], [oid.polygon, '((0,0))'], [oid.line, '{0,-1,0}'],
  [oid.circle, '<(0,0),0>'], [oid.cidr, '0.0.0.0/32'], [oid.inet, '0.0.0.0'], [oid.float4, '0'], [oid.float8, '0'], [oid.money, '$0.00'],
  [oid.macaddr, '00:00:00:00:00:00'], [oid.macaddr8, '00:00:00:00:00:00:00:00'], [oid.date, '2000-01-01'], [oid.time, '00:00:00'],
  [oid.timestamp, '2000-01-01 00:00:00'], [oid.timestamptz, '2000-01-01 00:00:00+00'], [oid.interval, '00:00:00'], [oid.timetz, '00:00:00+00'],
  [oid.varbit, ''], [oid.numeric, '0'], [oid.refcursor, '***'], [oid.uuid, '00000000-0000-0000-0000-000000000000'], [oid.pg_lsn, '0/0'], [oid.tsvector, ''],
  [oid.tsquery, "'x'"], [oid.jsonpath, '$'],
]);

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
const utf8 = (text: string): number[] => [...Buffer.from(text)];
const int32 = (value: number): number[] => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

/** The same values as the types' send functions write them. */
const binaryForms: ReadonlyMap<number, readonly number[]> = new Map([
  [oid.bool, [0]], [oid.bytea, []], [oid.char, utf8('*')], [oid.int8, zeros(8)], [oid.int2, zeros(2)], [oid.int4, zeros(4)], [oid.oid, zeros(4)],
  [oid.regproc, zeros(4)], [oid.tid, zeros(6)], [oid.xid, zeros(4)], [oid.cid, zeros(4)], [oid.xid8, zeros(8)], [oid.json, utf8('null')],
  [oid.jsonb, [1, ...utf8('null')]], [oid.xml, []], [oid.point, zeros(16)], [oid.lseg, zeros(32)], [oid.path, [1, ...int32(1), ...zeros(16)]], [oid.box, zeros(32)],
  [oid.polygon, [...int32(1), ...zeros(16)]], [oid.line, [...zeros(8), 0xbf, 0xf0, ...zeros(6), ...zeros(8)]], [oid.circle, zeros(24)],
  [oid.cidr, [2, 32, 1, 4, 0, 0, 0, 0]], [oid.inet, [2, 32, 0, 4, 0, 0, 0, 0]], [oid.float4, zeros(4)], [oid.float8, zeros(8)], [oid.money, zeros(8)],
  [oid.macaddr, zeros(6)], [oid.macaddr8, zeros(8)], [oid.date, zeros(4)], [oid.time, zeros(8)], [oid.timestamp, zeros(8)], [oid.timestamptz, zeros(8)],
  [oid.interval, zeros(16)], [oid.timetz, zeros(12)], [oid.varbit, int32(0)], [oid.numeric, zeros(8)], [oid.refcursor, utf8('***')], [oid.uuid, zeros(16)],
  [oid.pg_lsn, zeros(8)], [oid.tsvector, int32(0)], [oid.tsquery, [...int32(1), 1, 0, 0, ...utf8('x'), 0]], [oid.jsonpath, [1, ...utf8('$')]],
  // Their input wants exactly one dimension, which an array without elements has not: one zero, counted from 0.
  [oid.int2vector, [...int32(1), ...int32(0), ...int32(oid.int2), ...int32(1), ...int32(0), ...int32(2), ...zeros(2)]],
  [oid.oidvector, [...int32(1), ...int32(0), ...int32(oid.oid), ...int32(1), ...int32(0), ...int32(4), ...zeros(4)]],
]);

/** Types of which a value of fixed width is made: `bit(n)` takes its width from the typmod. */
function bits(typmod: number, binary: boolean): Uint8Array | undefined {
  const width = typmod < 0 ? 1 : typmod;
  if (width > 83_886_080) return undefined;
  return binary ? Uint8Array.from([...int32(width), ...zeros((width + 7) >> 3)]) : Buffer.from('0'.repeat(width));
}

/** The mask of text-like types. */
export const redacted = '***';

/**
 * The constant that stands for any value of a type, in the given format: valid input for the type and as short as it
 * goes. `undefined` for a type without one (enums, composites, types of extensions): NULL takes its place.
 * Dates and times are 2000-01-01 00:00:00, PostgreSQL's own zero, so that both formats give the same value.
 */
export function constantOf(type: number, typmod: number, format: 0 | 1): Uint8Array | undefined {
  if (characters.has(type)) return fitted(Buffer.from(redacted), type, typmod);
  if (type === oid.bit) return bits(typmod, format === 1);
  const element = elementOf.get(type);
  if (element !== undefined) return format === 1 ? Uint8Array.from([...int32(0), ...int32(0), ...int32(element)]) : Buffer.from('{}');
  if (ranges.has(type)) return format === 1 ? Uint8Array.from([1]) : Buffer.from('empty');
  if (multiranges.has(type)) return format === 1 ? Uint8Array.from(int32(0)) : Buffer.from('{}');
  if (format === 1) {
    const bytes = binaryForms.get(type);
    return bytes === undefined ? undefined : Uint8Array.from(bytes);
  }
  const text = textForms.get(type);
  return text === undefined ? undefined : Buffer.from(text);
}

/** A mask cut, or padded for `char(n)`, to what the column declares. A typmod holds the length plus four. */
export function fitted(mask: Uint8Array, type: number, typmod: number): Uint8Array {
  if (typmod < 4 || (type !== oid.varchar && type !== oid.bpchar)) return mask;
  const length = typmod - 4;
  const text = Buffer.from(mask).toString();
  // The declared length counts characters, as code points.
  const points = Array.from(text);
  if (points.length > length) return Buffer.from(points.slice(0, length).join(''));
  return type === oid.bpchar ? Buffer.from(text + ' '.repeat(length - points.length)) : mask;
}
