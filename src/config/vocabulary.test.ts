import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { Catalog } from '../sql/catalog.ts';
import { createPostgresUnderstander } from '../sql/postgres/understand.ts';
import { verbs } from './vocabulary.ts';

const column = (name: string, number: number) => ({ name, number, type: 23, typmod: -1 });
const catalog: Catalog = {
  id: 'vocabulary',
  serverVersion: 170_000,
  database: 'app',
  relations: [
    { oid: 1, schema: 'public', name: 't', kind: 'r', columns: [column('a', 1), column('b', 2)], triggers: true },
    { oid: 2, schema: 'public', name: 'v', kind: 'v', columns: [column('a', 1)], definition: ' SELECT t.a FROM t;' },
    { oid: 3, schema: 'public', name: 's', kind: 'S', columns: [] },
  ],
  functions: [], operators: [], types: [], casts: [],
};

/** One of each kind of statement, and of functions that are judged by a verb of their own. */
const statements = `
SELECT a FROM t; TABLE t; VALUES (1); SELECT 1; SELECT a FROM v FOR UPDATE; SELECT a INTO n FROM t; WITH d AS (DELETE FROM t RETURNING a) SELECT * FROM d
INSERT INTO t VALUES (1); UPDATE t SET a = 1; DELETE FROM t; TRUNCATE t CASCADE; MERGE INTO t USING v ON t.a = v.a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)
COPY t FROM STDIN; COPY t TO STDOUT; COPY t TO '/tmp/x'; COPY t FROM PROGRAM 'x'; LOCK TABLE t; LOCK TABLE t IN ACCESS SHARE MODE
SELECT nextval('s'); SELECT setval('s', 1); SELECT pg_notify('a', 'b'); SELECT pg_sleep(1); SELECT pg_advisory_lock(1); SELECT set_config('a', 'b', true); SELECT current_setting('a'); SELECT f(1)
SELECT pg_terminate_backend(1); SELECT pg_read_file('x'); SELECT pg_switch_wal(); SELECT pg_stat_reset(); SELECT lo_creat(1); SELECT * FROM pg_authid; SELECT query FROM pg_stat_activity; SELECT query_to_xml('x', true, true, '')
CREATE TABLE n (a int REFERENCES t); CREATE TEMP TABLE n (a int); CREATE TABLE n AS SELECT 1; CREATE VIEW w AS SELECT a FROM t; CREATE MATERIALIZED VIEW m AS SELECT 1; CREATE INDEX i ON t (a); CREATE SCHEMA x; CREATE SEQUENCE q
ALTER TABLE t ADD COLUMN c int; ALTER TABLE t DROP COLUMN a CASCADE; ALTER TABLE t ALTER COLUMN a TYPE text; ALTER TABLE t RENAME TO u; ALTER TABLE t OWNER TO x; ALTER TABLE t SET SCHEMA x; ALTER SEQUENCE s RESTART
DROP TABLE t CASCADE; DROP VIEW v; DROP SCHEMA x; DROP FUNCTION f(int); DROP INDEX i; COMMENT ON TABLE t IS 'x'; GRANT SELECT ON t TO x; REVOKE ALL ON t FROM x; GRANT x TO y; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f(); CREATE RULE r AS ON INSERT TO t DO NOTHING; CREATE POLICY p ON t; CREATE TYPE e AS ENUM ('a'); CREATE DOMAIN d AS int
CREATE STATISTICS z ON a, b FROM t; CREATE CAST (int AS text) WITH INOUT; CREATE OPERATOR +++ (FUNCTION = f, LEFTARG = int); CREATE AGGREGATE g (int) (SFUNC = f, STYPE = int); CREATE COLLATION c (LOCALE = 'C')
CREATE DATABASE x; DROP DATABASE x; ALTER DATABASE x SET a = 1; CREATE ROLE x; ALTER ROLE x SUPERUSER; DROP ROLE x; REASSIGN OWNED BY x TO y; DROP OWNED BY x; ALTER SYSTEM SET a = 1; LOAD 'x'; CHECKPOINT
CREATE EXTENSION x; CREATE LANGUAGE x; CREATE FOREIGN DATA WRAPPER x; CREATE SERVER x FOREIGN DATA WRAPPER y; CREATE USER MAPPING FOR x SERVER y; IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z; CREATE PUBLICATION x; CREATE SUBSCRIPTION x CONNECTION 'y' PUBLICATION z
CREATE TABLESPACE x LOCATION '/x'; SECURITY LABEL ON TABLE t IS 'x'; CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION f(); CALL f(); DO 'x'; EXPLAIN SELECT 1; EXPLAIN ANALYZE DELETE FROM t
PREPARE x AS SELECT 1; EXECUTE x; DEALLOCATE x; DECLARE x CURSOR FOR SELECT 1; FETCH x; MOVE x; CLOSE x; BEGIN; START TRANSACTION; COMMIT; ROLLBACK; SAVEPOINT x; RELEASE x; ROLLBACK TO x
PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x'; ROLLBACK PREPARED 'x'; SET a.b = 1; RESET a.b; SHOW a.b; SET CONSTRAINTS ALL DEFERRED; SET ROLE x; DISCARD ALL; DISCARD PLANS; LISTEN x; UNLISTEN x; NOTIFY x
VACUUM; VACUUM FULL t; ANALYZE t; REFRESH MATERIALIZED VIEW v; CLUSTER t; REINDEX TABLE t; nonsense
`.split(/[;\n]/).map((text) => text.trim()).filter((text) => text !== '');

describe('every verb that commands have can be written in a rule, with the classes that it has', () => {
  const understander = createPostgresUnderstander({ timeout: 60_000 });
  after(() => understander.close());
  for (const text of statements) {
    test(text, async () => {
      const { statements: found } = await understander.understand(Buffer.from(text), catalog, { searchPath: ['public'] }, { id: '', signatures: [] });
      const effects = found.flatMap(({ facts }) => facts.effects);
      assert(effects.length > 0);
      for (const effect of effects) {
        const possible = verbs.get(effect.verb);
        assert(possible !== undefined, `the verb ${effect.verb} is missing`);
        assert(effect.class === 'unknown' || effect.class === 'admin' || possible.includes(effect.class), `${effect.verb} can be of class ${effect.class}`);
      }
    });
  }
});
