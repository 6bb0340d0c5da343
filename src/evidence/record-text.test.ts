import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical, fixed, NotCanonical } from './canonical.ts';
import type { EvidenceRecord } from './log.ts';
import { recordText } from './record-text.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => value.isWellFormed());
const count = fc.nat();
const summary = fc.record({ bytes: count, recorded: count, truncated: fc.boolean(), digest: text, pieces: fc.array(text, { maxLength: 3 }) });
const optional: { requiredKeys: [] } = { requiredKeys: [] };

const outcome = fc
  .tuple(
    fc.record({ code: text, tag: text, rowsReturned: count, rowsAffected: count, bytesDown: count, bytesUp: count, masked: fc.dictionary(text.filter((name) => name !== '__proto__'), count, { noNullPrototype: true }) }, optional),
    fc.constantFrom('ok', 'error', 'withheld', 'aborted', 'unused', 'indeterminate'),
  )
  .map(([members, status]) => ({ ...members, status }));

const intent = fc
  .tuple(fc.record({ approval: text }, optional), text, count, text, text, fc.array(fc.record({ class: text, verb: text, object: text }), { maxLength: 3 }), text, fc.array(text, { maxLength: 2 }), fc.boolean())
  .map(([members, session, command, connection, verb, effects, timing, masks, kept]) => {
    const decision = { effect: 'allow', rules: [verb], policy: 'p' };
    return { kind: 'intent', session, command, connection, verb, effects, timing, decision: kept ? fixed(decision) : decision, bytes: command, masks, ...members };
  });

const outcomeRecord = fc.tuple(fc.record({ answer: summary, data: summary }, optional), text, count, outcome).map(([members, session, command, came]) => ({ kind: 'outcome', session, command, outcome: came, ...members }));

test('the text of a record is the canonical one, whatever it holds', () => {
  fc.assert(fc.property(fc.oneof(intent, outcomeRecord), (record) => assert.equal(recordText(record as EvidenceRecord), canonical(record))), { numRuns: 500 });
});

test('commands with the same effects keep what is their own', () => {
  const either = <Value>(...values: readonly [Value, ...Value[]]): fc.Arbitrary<Value> => fc.constantFrom(...values);
  const effects = fixed([{ class: 'read', verb: 'select', object: 'table:public.orders' }]);
  const one = fc.record({ session: either('s1', 's2'), command: count, bytes: count, connection: either('a', 'b'), verb: either('select', 'with'), timing: either('read', 'commits'), masks: either(fixed(['pii']), fixed([]), ['pii'], []), decision: either(fixed({ effect: 'allow', rules: ['r'], policy: 'p' }), fixed({ effect: 'require_approval', rules: [], policy: 'p' }), { effect: 'allow', rules: [], policy: 'q' }) });
  fc.assert(fc.property(fc.array(one, { minLength: 2, maxLength: 8 }), (intents) => {
    for (const members of intents) assert.equal(recordText({ kind: 'intent', effects, ...members }), canonical({ kind: 'intent', effects, ...members }));
  }));
});

test('effects that may still change are looked at each time', () => {
  const effects = [{ class: 'read', verb: 'select' }];
  const of = (): EvidenceRecord => ({ kind: 'intent', session: 's', command: 1, connection: 'c', verb: 'select', effects, timing: 'read', decision, bytes: 1, masks: none });
  const [decision, none] = [fixed({ effect: 'allow', rules: [], policy: 'p' }), fixed([])];
  assert.equal(recordText(of()), canonical(of()));
  effects.push({ class: 'write', verb: 'insert' });
  assert.equal(recordText(of()), canonical(of()));
});

test('what a leaf may not hold is refused', () => {
  const record = { kind: 'outcome', session: 's', command: 1, outcome: { status: 'ok' } } as const;
  assert.equal(recordText(record), '{"command":1,"kind":"outcome","outcome":{"status":"ok"},"session":"s"}');
  for (const wrong of [{ ...record, command: 1.5 }, { ...record, session: '\ud800' }, { ...record, outcome: { status: 'ok', rowsReturned: Number.NaN } as const }]) assert.throws(() => recordText(wrong), NotCanonical);
});
