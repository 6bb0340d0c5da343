import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BoundValue } from '../model/approval.ts';
import type { Effect } from '../model/command.ts';
import { canonicalJson, digestOf } from './digest.ts';
import type { Approved } from './digest.ts';

const key = Buffer.alloc(32, 7);

const bytes = fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value));
const value: fc.Arbitrary<BoundValue> = fc.letrec<{ value: BoundValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(), fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const object = fc.record({ kind: fc.constantFrom('table', 'view'), schema: fc.string({ maxLength: 2 }), name: fc.string({ maxLength: 2 }) }, { requiredKeys: ['kind', 'name'] });
const effect: fc.Arbitrary<Effect> = fc.record({ class: fc.constantFrom('read', 'write'), verb: fc.string({ maxLength: 2 }), object, columns: fc.uniqueArray(fc.string({ maxLength: 2 }), { maxLength: 3 }).map((names) => names.toSorted()), function: fc.string({ maxLength: 2 }) }, { requiredKeys: ['class', 'verb'] });
const approved: fc.Arbitrary<Approved> = fc.record({
  connection: fc.string(), protocol: fc.string(), identity: fc.string(),
  effects: fc.array(effect, { maxLength: 3 }),
  bound: fc.record({ context: fc.dictionary(fc.string(), value, { maxKeys: 4 }), parts: fc.array(fc.option(bytes), { maxLength: 4 }), data: fc.record({ bytes: fc.nat(), sha256: fc.string() }) }, { requiredKeys: ['context', 'parts'] }),
  maxRows: fc.nat(),
}, { requiredKeys: ['connection', 'protocol', 'identity', 'effects', 'bound'] });

/** All of it in a form that differs whenever anything differs: `isDeepStrictEqual` is the judge, not another encoding. */
const plain = ({ connection, protocol, identity, effects, maxRows, bound }: Approved): unknown => ({ connection, protocol, identity, effects, maxRows, context: { ...bound.context }, parts: bound.parts.map((part) => (part === null ? null : [...part])), data: bound.data });
const isSame = (one: unknown, other: unknown): boolean => {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
};

test('two commands have the same digest exactly when nothing of them differs', () => {
  fc.assert(fc.property(approved, approved, (one, other) => {
    assert.equal(digestOf(key, one) === digestOf(key, other), isSame(plain(one), plain(other)));
  }), { numRuns: 2_000 });
});

test('a change of any part changes the digest', () => {
  const change = fc.constantFrom('connection', 'protocol', 'identity', 'maxRows', 'effect', 'object', 'context', 'part', 'length', 'absent', 'order', 'key');
  fc.assert(fc.property(approved, change, fc.nat(), bytes, (before, what, at, more) => {
    const { context, parts } = before.bound;
    const index = parts.length === 0 ? 0 : at % parts.length;
    const part = parts[index];
    const otherKey = what === 'key' ? Buffer.alloc(32, 8) : key;
    const swapped = parts.toReversed();
    const after: Approved =
      what === 'connection' || what === 'protocol' || what === 'identity' ? { ...before, [what]: `${before[what]}x` }
      : what === 'maxRows' ? { ...before, maxRows: (before.maxRows ?? -1) + 1 }
      : what === 'effect' ? { ...before, effects: [...before.effects, { class: 'write', verb: 'delete' }] }
      : what === 'object' ? { ...before, effects: [{ class: 'write', verb: 'delete', object: { kind: 'table', schema: `${before.effects[0]?.object?.schema ?? ''}x`, name: 'orders' } }, ...before.effects.slice(1)] }
      : what === 'context' ? { ...before, bound: { parts, context: { ...context, 'search_path+': at } } }
      : what === 'length' ? { ...before, bound: { context, parts: [...parts, more] } }
      : what === 'absent' ? { ...before, bound: { context, parts: [...parts.slice(0, index), ...(part === undefined ? [null] : [part === null ? Buffer.alloc(0) : null]), ...parts.slice(index + 1)] } }
      : what === 'part' ? { ...before, bound: { context, parts: [...parts.slice(0, index), Buffer.concat([part ?? Buffer.alloc(0), Buffer.from('x')]), ...parts.slice(index + 1)] } }
      : what === 'order' ? { ...before, bound: { context, parts: swapped } }
      : before;
    if (what === 'order' && isSame(plain(before), plain(after))) return;
    assert.notEqual(digestOf(key, before), digestOf(otherKey, after));
  }), { numRuns: 1_000 });
});

test('bytes cannot move from one part to the next, nor between a value and its absence', () => {
  const of = (...parts: (string | null)[]): string => digestOf(key, { connection: 'db', protocol: 'postgres', identity: 'job', effects: [], bound: { context: {}, parts: parts.map((part) => (part === null ? null : Buffer.from(part))) } });
  const all = [of('ab', 'c'), of('a', 'bc'), of('abc'), of('abc', ''), of('', 'abc'), of('abc', null), of(null, 'abc'), of('ab', 'c', null), of(), of(''), of(null)];
  assert.equal(new Set(all).size, all.length);
});

test('the order of members says nothing', () => {
  const of = (context: Approved['bound']['context']): string => digestOf(key, { connection: 'db', protocol: 'postgres', identity: 'job', effects: [], bound: { context, parts: [] } });
  assert.equal(of({ a: 1, b: { c: 2, d: 3 } }), of({ b: { d: 3, c: 2 }, a: 1 }));
});

test('what JSON would lose is refused', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, undefined, 1n, () => 1]) {
    assert.throws(() => canonicalJson({ bad } as unknown as BoundValue), TypeError);
  }
  let deep: BoundValue = null;
  for (let depth = 0; depth < 20; depth += 1) deep = [deep];
  assert.throws(() => canonicalJson(deep), TypeError);
});

test('the digest is the one that is written down', () => {
  const head = '{"connection":"db","context":{"search_path":["public"]},"effects":[["write","delete",["table","public","orders"],["a","b"],null]],"identity":"job","maxRows":null,"parts":2,"protocol":"postgres","v":1}';
  const framed = (text: string | null): Buffer => {
    const length = Buffer.alloc(9);
    length[0] = text === null ? 0 : 1;
    length.writeBigUInt64BE(BigInt(text?.length ?? 0), 1);
    return Buffer.concat([length, Buffer.from(text ?? '')]);
  };
  const expected = createHmac('sha256', key).update(Buffer.concat([Buffer.from('wicketgate/approval/v1\0'), framed(head), framed('DROP'), framed(null)])).digest('hex');
  assert.equal(digestOf(key, { connection: 'db', protocol: 'postgres', identity: 'job', effects: [{ class: 'write', verb: 'delete', object: { kind: 'table', schema: 'public', name: 'orders', known: true }, columns: ['b', 'a'] }], bound: { context: { search_path: ['public'] }, parts: [Buffer.from('DROP'), null] } }), expected);
});
