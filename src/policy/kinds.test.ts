import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Catalog } from '../sql/catalog.ts';
import { isKind } from '../sql/kinds.ts';
import { createPostgresUnderstander } from '../sql/postgres/understand.ts';
import type { Understander } from '../sql/understand.ts';
import { compileMatch } from './match.ts';
import { COVERS, NONE } from './level.ts';

/* What the understander calls things and what rules can be about is one vocabulary. */

const catalog: Catalog = {
  id: 'kinds', serverVersion: 180_000, database: 'app',
  relations: [
    { oid: 1, schema: 'public', name: 't', kind: 'r', columns: [{ name: 'a', number: 1, type: 23, typmod: -1 }] },
    { oid: 2, schema: 'public', name: 'f', kind: 'f', columns: [{ name: 'a', number: 1, type: 23, typmod: -1 }] },
    { oid: 3, schema: 'public', name: 'm', kind: 'm', columns: [{ name: 'a', number: 1, type: 23, typmod: -1 }], definition: ' SELECT 1 AS a;' },
  ],
  functions: [], operators: [], types: [], casts: [],
};

/** For each kind of object a statement about one, with the kind that it is to have. */
const statements: Readonly<Record<string, string>> = {
  'DROP ACCESS METHOD x': 'access_method', 'DROP AGGREGATE x(int)': 'aggregate', 'DROP CAST (int AS text)': 'cast', 'NOTIFY x': 'channel', 'LISTEN x': 'channel', 'UNLISTEN *': 'channel',
  'DROP COLLATION x': 'collation', 'ALTER TABLE t DROP COLUMN a': 'column', 'COMMENT ON COLUMN t.a IS $$$$': 'column', 'COMMENT ON CONSTRAINT x ON t IS $$$$': 'constraint',
  'COMMENT ON CONSTRAINT x ON DOMAIN d IS $$$$': 'constraint', 'SET CONSTRAINTS x DEFERRED': 'constraint', 'DROP CONVERSION x': 'conversion', 'DROP DATABASE x': 'database',
  'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x': 'default_privileges', 'DROP DOMAIN x': 'domain', 'DROP EVENT TRIGGER x': 'event_trigger', 'DROP EXTENSION x': 'extension',
  "COPY t TO '/x'": 'file', 'DROP FOREIGN DATA WRAPPER x': 'foreign_data_wrapper', 'DROP FOREIGN TABLE f': 'foreign_table', 'DROP FUNCTION x(int)': 'function', 'DROP INDEX x': 'index',
  'DROP LANGUAGE x': 'language', 'COMMENT ON LARGE OBJECT 1 IS $$$$': 'large_object', "LOAD 'x'": 'library', 'REFRESH MATERIALIZED VIEW m': 'materialized_view', 'DROP OPERATOR + (int, int)': 'operator',
  'DROP OPERATOR CLASS x USING btree': 'operator_class', 'DROP OPERATOR FAMILY x USING btree': 'operator_family', 'DROP POLICY x ON t': 'policy', 'DROP PROCEDURE x(int)': 'procedure',
  "COPY t FROM PROGRAM 'x'": 'program', 'DROP PUBLICATION x': 'publication', 'DROP ROLE x': 'role', 'DROP ROUTINE x(int)': 'routine', 'DROP RULE x ON t': 'rule', 'DROP SCHEMA x': 'schema',
  "SECURITY LABEL ON TABLE t IS 'x'": 'security_label', 'DROP SEQUENCE x': 'sequence', 'DROP SERVER x': 'server', 'SET a.b = 1': 'setting', 'GRANT SET ON PARAMETER x TO y': 'setting',
  'DROP STATISTICS x': 'statistics', 'DROP SUBSCRIPTION x': 'subscription', 'ALTER SYSTEM SET a = 1': 'system', 'CHECKPOINT': 'system', 'DROP TABLE t': 'table', 'DROP TABLESPACE x': 'tablespace',
  'DROP TEXT SEARCH CONFIGURATION x': 'text_search_configuration', 'ALTER TEXT SEARCH CONFIGURATION x ADD MAPPING FOR word WITH y': 'text_search_configuration', 'DROP TEXT SEARCH DICTIONARY x': 'text_search_dictionary',
  'ALTER TEXT SEARCH DICTIONARY x (a = 1)': 'text_search_dictionary', 'DROP TEXT SEARCH PARSER x': 'text_search_parser', 'DROP TEXT SEARCH TEMPLATE x': 'text_search_template',
  'DROP TRANSFORM FOR int LANGUAGE x': 'transform', 'DROP TRIGGER x ON t': 'trigger', 'DROP TYPE x': 'type', 'DROP USER MAPPING FOR x SERVER y': 'user_mapping', 'DROP VIEW x': 'view',
};

describe('kinds of objects', () => {
  let understander: Understander;
  before(() => {
    understander = createPostgresUnderstander({ timeout: 60_000 });
  });
  after(() => understander.close());
  const effectsOf = async (text: string) => (await understander.understand(Buffer.from(text), catalog, { searchPath: ['public'] }, { id: '', signatures: [] })).statements.flatMap(({ facts }) => facts.effects);

  for (const [text, kind] of Object.entries(statements)) {
    test(text, async () => {
      const found = (await effectsOf(text)).flatMap(({ object }) => (object ? [object.kind] : []));
      assert.ok(found.includes(kind), `${found.join(', ')}`);
      for (const each of found) assert.ok(isKind(each), each);
      // A rule about the kind is about the statement, and one about another kind is not.
      const reach = (entry: string): number => Math.max(...matched(entry));
      const effects = await effectsOf(text);
      const matched = (entry: string): number[] => effects.map((effect) => compileMatch({ objects: [entry] }, assert.fail).reach(effect));
      assert.equal(reach(kind), COVERS, kind);
      const other = kind === 'database' ? 'tablespace' : 'database';
      if (!effects.some((effect) => effect.class === 'unknown')) assert.equal(reach(other), NONE, other);
    });
  }

  test('a rule about a table is not about NOTIFY and SET CONSTRAINTS', async () => {
    for (const text of ["NOTIFY news, 'x'", 'SET CONSTRAINTS ALL DEFERRED', 'SET CONSTRAINTS elsewhere DEFERRED', 'LISTEN news', 'UNLISTEN news']) {
      for (const entry of ['t', 'b.*', 'table', 'table:b.*']) {
        const { reach } = compileMatch({ objects: [entry] }, assert.fail);
        if (text === 'SET CONSTRAINTS elsewhere DEFERRED' && entry === 'b.*') continue;
        for (const effect of await effectsOf(text)) assert.equal(reach(effect), NONE, `${text} ${entry}`);
      }
    }
    const [effect] = await effectsOf('NOTIFY news');
    assert.ok(effect);
    assert.equal(compileMatch({ objects: ['channel:news'] }, assert.fail).reach(effect), COVERS);
  });
});
