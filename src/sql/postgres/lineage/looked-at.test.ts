import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadModule, parseSync } from 'libpg-query';
import type { Analysis } from './analysis.ts';
import { NotUnderstood } from './findings.ts';
import { nothingForgotten } from './looked-at.ts';

/* The walk alone: that the analyses look at all of what the grammar has is what the tests beside it and the corpora say. */

before(loadModule);

const tree = (sql: string): unknown => (parseSync(sql) as { stmts: readonly { stmt: unknown }[] }).stmts[0]?.stmt;
const analysis = (lookedAt: WeakSet<object>): Analysis => ({ lookedAt }) as Analysis;

/** All nodes of a kind. */
const nodes = (of: unknown, kind: string): readonly object[] => {
  if (typeof of !== 'object' || of === null) return [];
  return [...(kind in of ? [of] : []), ...Object.values(of).flatMap((value) => nodes(value, kind))];
};

for (const sql of ['SELECT a', 'SELECT f(1)', 'SELECT 1 FROM t TABLESAMPLE system ((SELECT 1))', 'UPDATE t SET a[b] = 1', 'INSERT INTO t (a[f(1)]) VALUES (1)', 'SELECT * FROM t', 'SELECT 1 LIMIT (SELECT 1)', 'SELECT 1 FROM t ORDER BY a']) {
  test(`${sql}: forgotten, and looked at`, () => {
    const parsed = tree(sql);
    assert.throws(() => nothingForgotten(analysis(new WeakSet()), parsed), NotUnderstood);
    nothingForgotten(analysis(new WeakSet(['ColumnRef', 'SubLink', 'FuncCall'].flatMap((kind) => nodes(parsed, kind)))), parsed);
  });
}

test('types and constants hold nothing', () => nothingForgotten(analysis(new WeakSet()), tree("SELECT 1, 'a', NULL::geometry(point, 4326), $1, ARRAY[1], ROW(1)")));
