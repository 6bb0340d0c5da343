import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpectedReplies, type ExpectedKind } from './state.ts';

/** Runs `types` against a queue of `kinds`; each step as `kind:item` with ! for the last reply of an item. */
const run = (kinds: readonly ExpectedKind[], types: string): string[] => {
  const replies = new ExpectedReplies<string>();
  for (const kind of kinds) replies.add({ kind, own: false, context: kind });
  return Array.from(types).map((type) => {
    const meaning = replies.receive(type.charCodeAt(0));
    switch (meaning.kind) {
      case 'reply':
        return `${meaning.item.kind}${meaning.last ? '!' : ''}`;
      case 'error':
        return `error:${meaning.item.kind}${meaning.skipped.map(({ kind }) => `-${kind}`).join('')}`;
      default:
        return meaning.kind;
    }
  });
};

const table: readonly (readonly [string, readonly ExpectedKind[], string, readonly string[]])[] = [
  ['a simple query', ['query'], 'TDDCZ', ['query', 'query', 'query', 'query', 'query!']],
  ['a simple query of two statements', ['query'], 'TDCCZ', ['query', 'query', 'query', 'query', 'query!']],
  ['an empty query', ['query'], 'IZ', ['query', 'query!']],
  ['a failing simple query still gets ready', ['query'], 'EZ', ['error:query', 'query!']],
  ['a series', ['parse', 'bind', 'describe_portal', 'execute', 'sync'], '12TDCZ', ['parse!', 'bind!', 'describe_portal!', 'execute', 'execute!', 'sync!']],
  ['describe of a statement', ['describe_statement', 'sync'], 'tTZ', ['describe_statement', 'describe_statement!', 'sync!']],
  ['describe without rows', ['describe_statement', 'sync'], 'tnZ', ['describe_statement', 'describe_statement!', 'sync!']],
  ['a suspended portal', ['execute', 'execute', 'sync'], 'DsDCZ', ['execute', 'execute!', 'execute', 'execute!', 'sync!']],
  ['an error skips to sync', ['parse', 'bind', 'execute', 'sync', 'parse', 'sync'], '1EZ1Z', ['parse!', 'error:bind-execute', 'sync!', 'parse!', 'sync!']],
  ['an error at sync (deferred constraint)', ['execute', 'sync'], 'CEZ', ['execute!', 'error:sync', 'sync!']],
  ['async messages belong to nothing', ['query'], 'NSACZ', ['async', 'async', 'async', 'query', 'query!']],
  ['async messages while nothing is owed', [], 'NSA', ['async', 'async', 'async']],
  ['an error while nothing is owed', [], 'E', ['fatal']],
  ['copy in by query', ['query'], 'GCZ', ['query', 'query', 'query!']],
  ['copy out by execute', ['execute', 'sync'], 'HddcCZ', ['execute', 'execute', 'execute', 'execute', 'execute!', 'sync!']],
  ['copy both is never expected', ['query'], 'W', ['out_of_sync']],
  ['a reply that nothing asked for', [], 'C', ['out_of_sync']],
  ['the wrong reply', ['parse'], '2', ['out_of_sync']],
  ['rows for a bind', ['bind'], 'D', ['out_of_sync']],
  ['authentication in the middle', ['query'], 'R', ['out_of_sync']],
];

for (const [name, kinds, types, expected] of table) {
  test(name, () => assert.deepEqual(run(kinds, types), expected));
}

test('simulated replies are taken only at their turn', () => {
  const replies = new ExpectedReplies<number>();
  replies.add({ kind: 'sync', own: false, context: 1 });
  replies.add({ kind: 'simulated', own: false, context: 2 });
  assert.equal(replies.takeSimulated(), undefined);
  assert.equal(replies.receive('Z'.charCodeAt(0)).kind, 'reply');
  assert.equal(replies.takeSimulated()?.context, 2);
  assert.ok(replies.idle);
});

test('an error skips simulated replies of the same series', () => {
  const replies = new ExpectedReplies<number>();
  for (const kind of ['bind', 'simulated', 'sync'] as const) replies.add({ kind, own: false, context: 0 });
  const meaning = replies.receive('E'.charCodeAt(0));
  assert.ok(meaning.kind === 'error' && meaning.skipped.length === 1);
  assert.equal(replies.head?.kind, 'sync');
});

test('the queue stays small over a long life', () => {
  const replies = new ExpectedReplies<number>();
  for (let round = 0; round < 5000; round++) {
    replies.add({ kind: 'sync', own: false, context: round });
    replies.add({ kind: 'sync', own: false, context: round });
    const meaning = replies.receive('Z'.charCodeAt(0));
    assert.ok(meaning.kind === 'reply');
  }
  assert.equal(replies.length, 5000);
  assert.equal(replies.drain().length, 5000);
  assert.ok(replies.idle);
});

test('after an error that no Sync follows yet, what is sent is dropped until one is', () => {
  const replies = new ExpectedReplies<number>();
  replies.add({ kind: 'parse', own: false, context: 0 });
  assert.equal(replies.receive('E'.charCodeAt(0)).kind, 'error');
  assert.ok(replies.skipping);
  assert.equal(replies.add({ kind: 'bind', own: false, context: 1 }), false);
  assert.equal(replies.add({ kind: 'query', own: false, context: 2 }), false);
  assert.equal(replies.add({ kind: 'sync', own: false, context: 3 }), true);
  assert.equal(replies.skipping, false);
  const meaning = replies.receive('Z'.charCodeAt(0));
  assert.ok(meaning.kind === 'reply' && meaning.item.context === 3);
});
