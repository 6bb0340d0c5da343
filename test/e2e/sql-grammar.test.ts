import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { loadModule, parseSync } from 'libpg-query';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { literalsOf } from '../../src/sql/postgres/literals.ts';
import { shapeOf } from '../../src/sql/postgres/shape.ts';
import { postgresVersions, startPostgres, type Postgres } from '../kit/postgres.ts';
import { directWire, say, type Wire } from './wire.ts';

/*
 * The gateway's lexer and the parser that it has from libpg-query, held against servers: what they take, servers take, and the other way round; and a
 * literal is worth to both the same.
 */

const read = (name: string): readonly { readonly sql?: string }[] => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as readonly { readonly sql?: string }[];
const TEXTS: readonly string[] = [...new Set([...read('../../src/sql/postgres/testdata/tools.json'), ...read('../bypass/sql-policy.json'), ...read('../bypass/masking.json'), ...read('../bypass/own.json')].flatMap(({ sql }) => sql ?? []))];

const LITERALS: readonly string[] = [
  "'it''s'", "E'a\\tb\\x41\\101\\u00e9\\U0001F600\\''", '$q$do $$ it$q$', "U&'d\\0061t\\+000061'", "U&'!0041' uescape '!'", "'a'\n'b'", "'a' \t\f\r\n  'b'", "E'x'\n\t'\\n'", "'\u00e9'", "E'\\uD83D\\uDE00'", "N'n'", "'a\\'", "$$a'b$$",
  "'a'/* c */", "'--'", "'/*'", '$a$ $b$ $a$', "E'\\\\'", "'a''''b'",
];

/** Neither takes these. */
const WRONG: readonly string[] = ['SELEC 1', "SELECT 'a", 'SELECT "a', 'SELECT $a$b', 'SELECT 1 /* a', 'SELECT 12abc', 'SELECT 1 +', 'SELECT (1', 'DELETE orders FROM', "SELECT U&'\\00'", 'SELECT ""', 'SELECT 1..2'];

const PIECES: readonly string[] = [
  ' ', '\n', '\r', '\t', '\f', '--', '/*', '*/', "'", "''", "'a'", '"', '"a"', '$$', '$a$', 'E', 'U&', 'N', 'B', 'X', '\\', '1', '12', '_', '.', '1.', '+', '-', '*', '/', '<', '>', '=', '@', '~', '#', '|', '%', ':', ';', ',', '(', ')', '[', ']', 'a', 'x', 'FROM t', 'AS', 'NULL', '\u00e9', '\u00a0', '\ufeff',
];
/** Strings continued behind a comment, which libpg-query does not take; and `$1and`, which it takes. */
const known = /'\s*--|\$\d+[\p{L}_]/u;

const mine = (text: string): boolean => {
  if (shapeOf(Buffer.from(text), '') === undefined) return false;
  try {
    parseSync(text);
    return true;
  } catch {
    return false;
  }
};

/** Where the server's own parser raises what it does not take, from its grammar and from its lexer. */
const PARSER: ReadonlySet<string> = new Set(['scanner_yyerror', 'base_yyerror', 'base_yylex', 'str_udeescape']);
/** The version whose grammar the gateway has: older servers do not know all of it. */
const OURS = 18;

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let target: Postgres;
    let wire: Wire;
    before(async () => {
      await loadModule();
      target = await startPostgres({ version });
      wire = await directWire(target, 'postgres');
    });
    after(async () => {
      wire?.close();
      await target?.stop();
    });

    const asked = async (text: string): Promise<Record<string, string>> => {
      wire.send(say.parse('', text), say.sync);
      const told = await wire.until('ReadyForQuery');
      return Object.fromEntries(told.flatMap((message: BackendMessage) => (message.kind === 'ErrorResponse' ? message.fields.map(({ code, value }) => [code, value]) : [])));
    };

    test('what is read here is read there, and the other way round', async (t) => {
      const takenHere: string[] = [];
      const takenThere: string[] = [];
      for (const text of TEXTS) {
        const { C: code, R: routine = '' } = await asked(text);
        const there = !(code === '42601' && PARSER.has(routine));
        if (mine(text) === there) continue;
        (there ? takenThere : takenHere).push(text.slice(0, 200));
      }
      t.diagnostic(`${TEXTS.length} texts; here alone ${takenHere.length}, there alone ${takenThere.length}`);
      for (const text of [...takenHere, ...takenThere]) t.diagnostic(text);
      if (version === OURS) assert.deepEqual(takenHere, []);
      assert.deepEqual(takenThere, []);
    });

    test('what neither reads', async () => {
      for (const text of WRONG) {
        const { C: code, R: routine = '' } = await asked(text);
        assert.ok(code === '42601' && PARSER.has(routine), `${text}: ${code} ${routine}`);
        assert.equal(mine(text), false, text);
      }
    });

    test('any text that is read there is read here, and in version 18 the other way round', () =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.constantFrom(...PIECES), { maxLength: 10 }), async (parts) => {
          const text = `SELECT ${parts.join('')}`;
          if (known.test(text)) return;
          const { C: code, R: routine = '' } = await asked(text);
          const there = !(code === '42601' && PARSER.has(routine));
          if (there || version === OURS) assert.equal(mine(text), there, `${JSON.stringify(text)}: ${code} ${routine}`);
        }),
        { numRuns: 3000 },
      ));

    test('a literal has the value that the server reads', async () => {
      for (const literal of LITERALS) {
        const text = `SELECT ${literal}`;
        const told = await wire.query(text);
        const row = told.find((message) => message.kind === 'DataRow');
        assert.ok(row?.kind === 'DataRow', `${text}: ${JSON.stringify(told)}`);
        assert.equal(literalsOf(Buffer.from(text))[0]?.value, row.values[0]?.toString(), text);
      }
    });
  });
}
