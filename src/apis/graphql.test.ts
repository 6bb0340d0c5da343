import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { GraphqlOperation } from '../model/request.ts';
import { loadGraphql, type ReadGraphql } from './graphql.ts';

const times = (count: number, one: (index: number) => string): string => Array.from({ length: count }, (_, index) => one(index)).join(' ');

describe('the operations of a GraphQL request', () => {
  let read: ReadGraphql;
  before(async () => {
    read = await loadGraphql();
  });
  const ask = (...documents: readonly string[]): ReturnType<ReadGraphql> => read({ method: 'POST', query: new Map(), body: { kind: 'json', value: documents.map((query) => ({ query })) } });
  const operations = (found: ReturnType<ReadGraphql>): readonly GraphqlOperation[] => ('why' in found ? assert.fail(found.why) : found);
  const tooMany = (found: ReturnType<ReadGraphql>): void => assert.match('why' in found ? found.why : `${found.length} operations`, /more than 500 fields/);

  /** Operations with so many fields each, no two of them alike. */
  const document = (count: number, fields: number): string => times(count, (operation) => `query q${operation} { ${times(fields, (field) => `f${operation}_${field}`)} }`);

  test('have 500 fields at their top together, in one document or in several', () => {
    assert.equal(operations(ask(document(50, 10))).length, 50);
    assert.equal(operations(ask(document(25, 10), document(25, 10))).length, 50);
    assert.equal(operations(ask(document(1, 500))).length, 1);
  });

  test('are refused with more, however few each of them has', () => {
    tooMany(ask(document(1, 501)));
    tooMany(ask(document(501, 1)));
    tooMany(ask(document(51, 10)));
    tooMany(ask(document(25, 10), document(26, 10)));
  });

  test('count what each takes from a fragment, though it is written once', () => {
    tooMany(ask(`fragment F on Query { ${times(400, (field) => `f${field}`)} } ${times(500, (operation) => `query q${operation} { ...F }`)}`));
  });

  test('have the aliases of their document in common, each of them once', () => {
    const [first, ...others] = operations(ask(times(100, (operation) => `query q${operation} { f${operation} { a: x b: x a: x } }`)));
    assert.deepEqual(first?.renamed, [{ name: 'x', as: 'a' }, { name: 'x', as: 'b' }]);
    assert.ok(others.length === 99 && others.every(({ renamed }) => renamed === first.renamed));
  });
});
