import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { startPostgres, type Postgres } from '../../test/kit/postgres.ts';
import { constantOf, fitted } from './constants.ts';
import { HashKey } from './hash-key.ts';
import { characters } from './oids.ts';
import { cellMask } from './transforms.ts';

let server: Postgres;
let client: pg.Client;

before(async () => {
  server = await startPostgres({ version: 15 });
  client = await server.client();
});
after(async () => {
  await client.end();
  await server.stop();
});

interface Type {
  readonly oid: number;
  readonly name: string;
}

/** Types without an input or send function that a value can be given to. */
const withoutValues = ['pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'aclitem', 'gtsvector', 'pg_snapshot', 'txid_snapshot'];

test('every type with a constant takes it back as a value, in text and in binary, and says the same', async () => {
  const { rows } = await client.query<Type>(
    `SELECT t.oid::int, t.typname AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname = 'pg_catalog' AND t.typtype IN ('b','r','m') AND t.oid < 10000 ORDER BY 1`,
  );
  const without: string[] = [];
  let checked = 0;
  for (const { oid, name } of rows) {
    const text = constantOf(oid, -1, 0);
    const binary = constantOf(oid, -1, 1);
    assert.equal(text === undefined, binary === undefined, name);
    if (text === undefined || binary === undefined) {
      without.push(name);
      continue;
    }
    const type = `pg_catalog."${name}"`;
    const fromText = await client.query<{ v: string }>(`SELECT ($1::text::${type})::text AS v`, [Buffer.from(text).toString()]);
    const fromBinary = await client.query<{ v: string }>(`SELECT ($1::${type})::text AS v`, [Buffer.from(binary)]);
    assert.equal(fromBinary.rows[0]?.v, fromText.rows[0]?.v, name);
    checked++;
  }
  // What is left answers with NULL: types of the catalog's own, and reg* names, which nobody protects.
  const known = without.filter((name) => !name.replace(/^_/, '').startsWith('reg') && !withoutValues.includes(name.replace(/^_/, '')));
  assert.deepEqual(known.filter((name) => !name.startsWith('_')), []);
  assert.ok(checked >= 110, `${checked} types`);
});

test('the drivers decode masked cells of every type in both formats', async () => {
  const { rows } = await client.query<Type>(`SELECT oid::int, typname AS name FROM pg_type WHERE typtype = 'b' AND oid < 10000`);
  const types = await import('pg').then((driver) => driver.default.types);
  for (const { oid } of rows) {
    for (const format of [0, 1] as const) {
      const bytes = constantOf(oid, -1, format);
      if (bytes === undefined) continue;
      const parse = types.getTypeParser(oid, format === 0 ? 'text' : 'binary') as (value: unknown) => unknown;
      assert.doesNotThrow(() => parse(format === 0 ? Buffer.from(bytes).toString() : Buffer.from(bytes)), `type ${oid} format ${format}`);
    }
  }
});

test('a mask fits the length that the column declares, in characters', async () => {
  const { rows } = await client.query<{ v: string; c: string }>(`SELECT 'xy'::varchar(2) AS v, 'x'::char(5) AS c`);
  assert.equal(rows[0]?.c.length, 5);
  assert.equal(Buffer.from(fitted(Buffer.from('***'), 1043, 2 + 4)).toString(), '**');
  assert.equal(Buffer.from(fitted(Buffer.from('***'), 1042, 5 + 4)).toString(), '***  ');
  assert.equal(Buffer.from(fitted(Buffer.from('äöü'), 1043, 2 + 4)).toString(), 'äö');
  assert.equal(Buffer.from(fitted(Buffer.from('***'), 1043, -1)).toString(), '***');
  assert.equal(Buffer.from(constantOf(1560, 11, 0)!).toString(), '00000000000');
  assert.deepEqual([...constantOf(1560, 11, 1)!], [0, 0, 0, 11, 0, 0]);
});

test('types without characters get their constant whatever the transform; those without a constant get NULL', () => {
  const key = new HashKey(Buffer.alloc(32, 1));
  const bytes = (transform: Parameters<typeof cellMask>[0], type: number): string | null => {
    const mask = cellMask(transform, type, -1, 0, key);
    const result = mask.kind === 'constant' ? mask.bytes : mask.apply(Buffer.from('123-45-6789'));
    return result === null ? null : Buffer.from(result).toString();
  };
  for (const transform of ['redact', 'hash', { partial: 4 }, { fixed: 'x' }] as const) assert.equal(bytes(transform, 23), '0');
  assert.equal(bytes('null', 23), null);
  assert.equal(bytes('redact', 999_999), null);
  assert.equal(bytes({ partial: 4 }, 25), '*******6789');
  assert.equal(bytes({ fixed: 'hidden' }, 1043), 'hidden');
  assert.match(bytes('hash', 25) ?? '', /^[a-z2-7]{26}$/);
  assert.ok(characters.has(25));
});
