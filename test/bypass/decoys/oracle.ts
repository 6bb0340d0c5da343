import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { compileMasks } from '../../../src/masking/compile.ts';
import type { AnswerPlan, MaskSet } from '../../../src/masking/plan.ts';
import { createRowMasker } from '../../../src/masking/rows.ts';
import { guardLiterals } from '../../../src/masking/writeback.ts';
import { loadCatalog } from '../../../src/protocols/postgres/catalog.ts';
import type { Catalog } from '../../../src/sql/catalog.ts';
import type { Lineage } from '../../../src/sql/facts.ts';
import { createPostgresUnderstander } from '../../../src/sql/postgres/understand.ts';
import type { Understander } from '../../../src/sql/understand.ts';
import { startPostgres, type Postgres, type PostgresVersion } from '../../kit/postgres.ts';
import { until } from '../../kit/until.ts';
import { MASKED, rows, RULED, SCHEMA } from './universe.ts';

/** What became of one message. */
export interface Verdict {
  /** It ran on the server. */
  readonly ran: boolean;
  /** The masks let it through; the facts say that no protected column is touched. */
  readonly passed: boolean;
  readonly untouched: boolean;
  /** It reads the table that the protected column is in. */
  readonly reads: boolean;
  /** Some output is masked. */
  readonly masked: boolean;
  /** SQLSTATE of its failure. */
  readonly code?: string;
  /** What went wrong: the answers differ. */
  readonly leak?: string;
}

interface Answer {
  readonly code?: string;
  readonly results: readonly { readonly fields: readonly pg.FieldDef[]; readonly rows: readonly (readonly (string | null)[])[] }[];
  readonly copied: string;
}

const raw: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };
/** Took too long, or ran out of something: says nothing. */
const INCONCLUSIVE: ReadonlySet<string> = new Set(['57014', '53200', '54001', '40P01']);

/**
 * Databases that differ in protected values and nothing else: whatever passes the strict masks must have the same masked answer, or the same error
 * code, on two of them; and whatever does not touch `t.s`, as its facts say, the same raw answer where only that differs.
 */
export class Oracle {
  readonly #server: Postgres;
  readonly #clients: pg.Client[];
  readonly #catalog: Catalog;
  readonly #understander: Understander;
  readonly #masks: MaskSet;

  private constructor(server: Postgres, clients: pg.Client[], catalog: Catalog) {
    this.#server = server;
    this.#clients = clients;
    this.#catalog = catalog;
    this.#understander = createPostgresUnderstander();
    // NULL of every value, since NULL stays NULL under every mask.
    this.#masks = compileMasks([{ name: 'm/0', detect: [], fields: [], otherwise: 'refuse', mode: 'strict', transform: 'null', origin: { file: 'test', line: 1 }, columns: MASKED }], { hash: randomBytes(32) });
  }

  static async start(version: PostgresVersion): Promise<Oracle> {
    // One worker, no statistics and no clean-up in between: plans, and so the order of rows, come from the text alone.
    const server = await startPostgres({ version, databases: ['empty'], config: { autovacuum: 'off', max_parallel_workers_per_gather: 0, jit: 'off', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', statement_timeout: '4s' } });
    await server.query(SCHEMA, undefined, 'empty');
    const clients: pg.Client[] = [];
    const changed = (at: number): string | null => ['qq', null, 'x'][at]!;
    for (const [at, [secret, others]] of ([[(row: number) => ['pp', 'qq', 'pp'][row]!, true], [changed, true], [changed, false]] as const).entries()) {
      const name = DATABASES[at]!;
      // Copies keep all OIDs, so that one catalog and one plan fit all.
      await server.query(`CREATE DATABASE ${name} TEMPLATE empty`);
      await server.query(rows(secret, others), undefined, name);
      clients.push(await connected(server, name));
    }
    const catalog = await loadCatalog(async (sql) => (await clients[0]!.query<(string | null)[]>({ text: sql, rowMode: 'array', types: raw })).rows);
    return new Oracle(server, clients, catalog);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.end();
    await this.#understander.close();
    await this.#server.stop();
  }

  /** A statement by which the server itself goes down says nothing. */
  async judge(sql: string): Promise<Verdict> {
    try {
      return await this.#judged(sql);
    } catch (error) {
      if (!this.#clients.some((client) => lost.has(client))) throw error;
      for (const [at, name] of DATABASES.entries()) this.#clients[at] = await until(() => connected(this.#server, name).catch(() => undefined), 60_000, 'the server after its crash');
      return { ran: false, passed: false, untouched: false, reads: false, masked: false, code: 'crash' };
    }
  }

  async #judged(sql: string): Promise<Verdict> {
    const understood = await this.#understander.understand(Buffer.from(sql), this.#catalog, { searchPath: ['public'] }, { id: '', signatures: [] });
    const judgement = this.#masks.judge(understood, this.#catalog);
    const passed = judgement.kind === 'plan' && guardLiterals(understood, this.#masks, this.#catalog) === undefined;
    const effects = understood.statements.flatMap(({ facts }) => [...facts.effects, ...(facts.named?.inner?.effects ?? [])]);
    const ofTable = effects.filter(({ object }) => object?.name === RULED.table && object.schema === RULED.schema);
    const untouched = effects.every((effect) => effect.class !== 'unknown') && ofTable.every(({ columns }) => columns !== undefined && !columns.includes(RULED.column) && !columns.includes('*'));
    const told = { passed, untouched, reads: ofTable.length > 0, masked: judgement.kind === 'plan' && judgement.statements.some((plan) => (plan.inner ?? plan).columns.some((column) => column !== undefined)) };
    if (!passed && !untouched && process.env['DECOYS_MEASURE'] === undefined) return { ran: false, ...told };
    const first = await answer(this.#clients[0]!, sql);
    if (first.code !== undefined && INCONCLUSIVE.has(first.code)) return { ran: false, ...told, code: first.code };
    const ran = { ran: first.code === undefined, ...told, ...(first.code === undefined ? {} : { code: first.code }) };
    const misnamed = differentNames(first, understood.statements.map(({ facts }) => facts.lineage));
    if (misnamed !== undefined) return { ...ran, leak: `columns have other names than is understood: ${misnamed}\n${sql}` };
    if (untouched) {
      const third = await answer(this.#clients[2]!, sql);
      const [here, there] = [shown(first), shown(third)];
      if (here !== there && !INCONCLUSIVE.has(third.code ?? '')) return { ...ran, leak: `facts do not say that it reads t.s\n${sql}\n${here}\n${there}` };
    }
    if (judgement.kind === 'plan' && passed) {
      const second = await answer(this.#clients[1]!, sql);
      const [here, there] = [masked(first, judgement.statements), masked(second, judgement.statements)];
      if (here.includes('withhold')) return { ...ran, leak: `the masks let it through, and then withhold what the description shows to be protected\n${sql}` };
      if (here !== there && !INCONCLUSIVE.has(second.code ?? '')) return { ...ran, leak: `the masks let it through\n${sql}\n${here}\n${there}` };
    }
    return ran;
  }
}

const DATABASES = ['one', 'two', 'three'] as const;
/** Clients whose connection the server has ended. */
const lost = new WeakSet<pg.Client>();

async function connected(server: Postgres, database: string): Promise<pg.Client> {
  const client = await server.client({ database });
  client.on('error', () => lost.add(client));
  return client;
}

/** What a database says to a message, with nothing of it left behind. */
async function answer(client: pg.Client, sql: string): Promise<Answer> {
  let copied = '';
  const { connection } = client as unknown as { connection: { on(event: string, listener: (message: { chunk: Buffer }) => void): void; removeListener(event: string, listener: unknown): void } };
  const listener = ({ chunk }: { chunk: Buffer }): void => void (copied += chunk.toString());
  connection.on('copyData', listener);
  await client.query('BEGIN');
  try {
    const said = (await client.query<(string | null)[]>({ text: sql, rowMode: 'array', types: raw })) as pg.QueryArrayResult<(string | null)[]> | pg.QueryArrayResult<(string | null)[]>[];
    return { results: (Array.isArray(said) ? said : [said]).map(({ fields, rows: all }) => ({ fields, rows: all })), copied };
  } catch (error) {
    // Texts of errors are withheld under strict masks; column rules are about what is read, and a code tells enough.
    return { code: (error as { code?: string }).code ?? 'none', results: [], copied };
  } finally {
    await client.query('ROLLBACK; DEALLOCATE ALL');
    connection.removeListener('copyData', listener);
  }
}

const shown = ({ code, results, copied }: Answer): string => JSON.stringify({ code, copied, rows: results.map((result) => result.rows) });

/** Where outputs are understood they have the names that the server gives them: a name that is not there would hide what is meant by it further out. */
function differentNames({ results }: Answer, lineages: readonly Lineage[]): string | undefined {
  for (const [at, { fields }] of results.entries()) {
    const { understood, outputs } = lineages[at] ?? { understood: false };
    if (!understood || outputs === undefined) continue;
    const [known, told] = [outputs.map((output) => output.name), fields.map((field) => field.name)];
    if (known.length !== told.length || known.some((name, index) => name !== '' && name !== told[index])) return `${known.join(', ')} for ${told.join(', ')}`;
  }
  return undefined;
}

/** What the client would see of it. */
function masked({ code, results, copied }: Answer, plans: readonly AnswerPlan[]): string {
  if (code !== undefined) return code;
  const rowsOf = results.map((result, at) => {
    const masker = createRowMasker(plans[at] ?? plans[0]!, result.fields.map((field) => ({ name: field.name, table: field.tableID, column: field.columnID, type: field.dataTypeID, typmod: field.dataTypeModifier, format: 0 })));
    return result.rows.map((row) => {
      const seen = masker.mask(packed(row));
      return seen === 'withhold' ? seen : Buffer.from(seen).toString('latin1');
    });
  });
  return JSON.stringify({ copied, rows: rowsOf });
}

/** The body of a DataRow message. */
function packed(row: readonly (string | null)[]): Buffer {
  const parts = [Buffer.from([row.length >> 8, row.length & 255])];
  for (const cell of row) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(cell === null ? -1 : Buffer.byteLength(cell));
    parts.push(length, Buffer.from(cell ?? ''));
  }
  return Buffer.concat(parts);
}
