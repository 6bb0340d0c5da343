import assert from 'node:assert/strict';
import type { Catalog, Relation } from '../../../catalog.ts';
import type { RowChange } from '../../../facts.ts';
import { analyse } from '../../analyse.ts';
import { Granted } from '../../granted.ts';
import { CatalogIndex } from '../../names.ts';
import { parseDefinition, parseText } from '../../parse.ts';

/** Tables of every sort that matters to thresholds, and the answer for the last statement of a text. */
const table = (oid: number, name: string, more: Partial<Relation> = {}): Relation => ({
  oid, schema: 'public', name, kind: 'r', columns: ['id', 'a', 'b'].map((column, at) => ({ name: column, number: at + 1, type: 23, typmod: -1 })), ...more,
});
export const catalog: Catalog = {
  id: 'x', serverVersion: 180000, database: 'shop', types: [], casts: [],
  operators: [{ schema: 'public', name: '===' }],
  functions: [
    { oid: 901, schema: 'public', name: 'f', arguments: 'integer', kind: 'f', volatility: 'i' },
    { oid: 902, schema: 'public', name: 'similarity', arguments: 'text, text', kind: 'f', volatility: 'i', extension: 'pg_trgm' },
    { oid: 903, schema: 'public', name: 'uuid_generate_v4', arguments: '', kind: 'f', volatility: 'v', extension: 'uuid-ossp' },
    { oid: 904, schema: 'public', name: 'skeys', arguments: 'hstore', kind: 'f', volatility: 'i', extension: 'hstore' },
  ],
  relations: [
    table(100, 't'), table(101, 'u'), table(102, 'Odd "name"'),
    table(110, 'triggered', { triggers: true }), table(111, 'ruled', { rules: true }), table(112, 'remote', { kind: 'f' }),
    table(113, 'referenced', { cascades: [{ relation: 101, on: 'delete', verb: 'delete' }] }), table(114, 'selfish', { cascades: [{ relation: 114, on: 'delete', verb: 'delete' }] }),
    table(115, 'putoff', { deferrable: true }), table(116, 'computed', { columns: [{ name: 'id', number: 1, type: 23, typmod: -1, foreignDefault: true }] }),
    table(117, 'guarded', { rowSecurity: true, policyCalls: [901] }),
    table(120, 'parts', { kind: 'p' }), table(121, 'part_1', { parents: [120] }),
    table(122, 'mixed', { kind: 'p' }), table(123, 'mixed_1', { parents: [122], triggers: true }),
    table(124, 'far', { kind: 'p' }), table(125, 'far_1', { parents: [124], kind: 'f' }),
    table(126, 'linked', { kind: 'p' }), table(127, 'linked_1', { parents: [126], cascades: [{ relation: 101, on: 'update', verb: 'update' }] }),
    table(130, 'v', { kind: 'v', definition: ' SELECT t.id, t.a, t.b FROM public.t;' }),
  ],
};
const index = new CatalogIndex(catalog);

export interface Answer {
  readonly change: RowChange | undefined;
  readonly exact: boolean;
}
export function changeOf(sql: string): Answer {
  const statements = parseText(sql);
  assert.ok(statements, sql);
  const { facts, exact } = analyse(Buffer.from(sql), statements, { index, granted: new Granted({ id: '', signatures: [] }), parse: parseDefinition }, { searchPath: ['public'] });
  return { change: facts.at(-1)?.change, exact };
}
