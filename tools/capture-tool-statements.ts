/**
 * Records what unmodified tools say to a PostgreSQL server, taken from the server's own log, into
 * src/sql/postgres/testdata/tools.json, together with the catalog they met (catalog.json). Run it again for new tools:
 *
 *   npx node tools/capture-tool-statements.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { java, pgbench, pgProgram, psql, python } from '../test/kit/clients.ts';
import { startPostgres } from '../test/kit/postgres.ts';
import { loadCatalog } from '../src/protocols/postgres/catalog.ts';

const folder = new URL('../src/sql/postgres/testdata/', import.meta.url);
const MARK = '@wicketgate@';

const META = `\\d\n\\d customers\n\\d orders\n\\d+ orders\n\\d big_orders\n\\d events\n\\d+ events_2024\n\\d order_counts\n\\d+ spare\n\\d orders_lower\n\\dt\n\\dt *.*\n\\di\n\\di+\n\\dv\n\\dv+\n\\dm\n\\ds\n\\df\n\\df+\n\\df touch\n\\da\n\\du\n\\du+\n\\dn\n\\dn+\n\\dp\n\\ddp\n\\dT\n\\dT+\n\\dD\n\\dd\n\\dC\n\\dc\n\\do\n\\dO\n\\dL\n\\dA\n\\dAc\n\\dAf\n\\dAo\n\\dAp\n\\dx\n\\dx+\n\\dy\n\\dX\n\\dRp\n\\drds\n\\det\n\\des\n\\dew\n\\deu\n\\dF\n\\dFd\n\\dFp\n\\dFt\n\\dP\n\\dconfig\n\\dl\n\\db\n\\l\n\\l+\n\\sf touch\n\\sv big_orders\n\\z\n\\conninfo\n\\encoding\n`;

const SQLALCHEMY = `
import os
from sqlalchemy import create_engine, MetaData, inspect, Table, Column, Integer, String, ForeignKey, select, func
from sqlalchemy.orm import declarative_base, Session
e = create_engine(os.environ['URL'])
m = MetaData(); m.reflect(e)
i = inspect(e)
for t in i.get_table_names():
    i.get_columns(t); i.get_pk_constraint(t); i.get_foreign_keys(t); i.get_indexes(t); i.get_unique_constraints(t); i.get_check_constraints(t); i.get_table_comment(t)
i.get_view_names(); i.get_schema_names(); i.get_view_definition('big_orders'); i.get_enums(); i.get_sequence_names()
Base = declarative_base()
class A(Base):
    __tablename__ = 'made_by_orm'
    id = Column(Integer, primary_key=True); name = Column(String(20), index=True)
Base.metadata.create_all(e)
with Session(e) as s:
    s.add(A(name='x')); s.add_all([A(name='y'), A(name='z')]); s.commit()
    s.execute(select(A).where(A.name.like('%x%')).order_by(A.id.desc()).limit(3)).all()
    s.execute(select(func.count(A.id), A.name).group_by(A.name).having(func.count(A.id) > 0)).all()
    a = s.query(A).first(); a.name = 'w'; s.commit(); s.delete(a); s.commit()
    with s.begin_nested(): s.add(A(name='n'))
    s.commit()
`;

const PSYCOPG = `
import os, psycopg
with psycopg.connect(os.environ['DSN']) as c:
    with c.cursor() as cur:
        cur.execute("select * from customers where id = %s", (1,))
        cur.execute("select 1", prepare=True)
        cur.executemany("insert into orders (customer_id, note) values (%s, %s)", [(1, 'a'), (1, 'b')])
        with cur.copy("copy orders (customer_id, note) from stdin") as copy: copy.write_row((1, 'c'))
        with cur.copy("copy orders to stdout") as copy:
            for row in copy: pass
        with c.transaction(): cur.execute("update orders set note = 'z' where id = 1")
    with c.cursor(name='serverside') as cur:
        cur.execute("select * from orders"); cur.fetchmany(1); cur.fetchall()
    psycopg.types.TypeInfo.fetch(c, 'mood'); psycopg.types.composite.CompositeInfo.fetch(c, 'pair'); psycopg.types.enum.EnumInfo.fetch(c, 'mood')
    c.commit()
    c.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    c.execute('select 2'); c.commit()
`;

const JDBC = `
import java.sql.*;
public class Metadata {
  public static void main(String[] a) throws Exception {
    try (Connection c = DriverManager.getConnection(a[0])) {
      DatabaseMetaData m = c.getMetaData();
      m.getTables(null, "public", "%", null).close(); m.getTables(null, null, "%", new String[]{"TABLE","VIEW"}).close();
      m.getColumns(null, "public", "%", "%").close(); m.getPrimaryKeys(null, "public", "customers").close();
      m.getIndexInfo(null, "public", "orders", false, true).close(); m.getImportedKeys(null, "public", "orders").close();
      m.getExportedKeys(null, "public", "customers").close(); m.getCrossReference(null, null, "customers", null, null, "orders").close();
      m.getSchemas().close(); m.getCatalogs().close(); m.getTableTypes().close(); m.getTypeInfo().close(); m.getUDTs(null, null, "%", null).close();
      m.getProcedures(null, null, "%").close(); m.getProcedureColumns(null, null, "%", "%").close(); m.getFunctions(null, null, "%").close(); m.getFunctionColumns(null, null, "touch", "%").close();
      m.getTablePrivileges(null, null, "orders").close(); m.getColumnPrivileges(null, "public", "orders", "%").close(); m.getBestRowIdentifier(null, null, "orders", 0, true).close();
      m.getVersionColumns(null, null, "orders").close(); m.getClientInfoProperties().close(); m.getMaxColumnNameLength(); m.getSQLKeywords();
      c.setReadOnly(true); c.setReadOnly(false); c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE); c.setSchema("public"); c.getSchema(); c.setClientInfo("ApplicationName", "x");
      c.setAutoCommit(false);
      try (PreparedStatement p = c.prepareStatement("insert into orders (customer_id, note) values (?, ?)", Statement.RETURN_GENERATED_KEYS)) { p.setInt(1, 1); p.setString(2, "j"); p.executeUpdate(); }
      try (PreparedStatement p = c.prepareStatement("select * from orders where id > ?")) { p.setFetchSize(1); p.setInt(1, 0); ResultSet r = p.executeQuery(); r.getMetaData().isAutoIncrement(1); r.getMetaData().getTableName(1); while (r.next()) r.getString(2); }
      Savepoint s = c.setSavepoint("s"); c.rollback(s); c.releaseSavepoint(c.setSavepoint()); c.commit(); c.isValid(1);
      try (Statement st = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) { ResultSet r = st.executeQuery("select id, note from orders"); r.next(); r.updateString(2, "q"); r.updateRow(); r.moveToInsertRow(); r.updateString(2, "w"); r.insertRow(); }
      c.rollback();
    }
  }
}`;

await using server = await startPostgres({ version: 15, config: { log_statement: 'all', log_line_prefix: MARK, log_min_duration_statement: -1 }, databases: ['restored'] });
await server.query(readFileSync(new URL('schema.sql', folder), 'utf8'));

interface Said {
  readonly tool: string;
  readonly sql: string;
}
const said: Said[] = [];
const seen = new Set<string>();

/** Runs a tool and takes over what the server heard meanwhile. */
async function heard(tool: string, run: () => Promise<unknown>): Promise<void> {
  const before = server.log().length;
  await run();
  for (const entry of server.log().slice(before).split(MARK)) {
    const match = /^LOG: {2}(?:statement|execute [^:]*): ([\s\S]*)$/.exec(entry);
    const sql = match?.[1]?.replaceAll('\n\t', '\n').trim();
    if (sql === undefined || sql === '' || seen.has(sql)) continue;
    seen.add(sql);
    said.push({ tool, sql });
  }
}

const must = async (ran: Promise<{ readonly stdout: string; readonly stderr: string; readonly code?: number | null }>): Promise<string> => {
  const { stdout, stderr } = await ran;
  if (/error|Exception|Traceback/i.test(stderr)) throw new Error(stderr);
  return stdout;
};
const env = server.psqlEnv;
const dsn = `host=${server.host} port=${server.port} user=${server.superuser.name} password=${server.superuser.password} dbname=postgres`;
await heard('psql', () => psql(['-f', '-'], env, { input: META }));
await heard('pgbench', async () => {
  await pgbench(['-i', '-s', '1', '--foreign-keys', '--partitions=2'], env);
  await pgbench(['-i', '-s', '1', '-I', 'dtGvp'], env);
  for (const script of ['tpcb-like', 'simple-update', 'select-only']) await pgbench(['-t', '2', '-b', script], env);
});
let dump = '';
await heard('pg_dump', async () => {
  dump = await must(pgProgram('pg_dump', ['--clean', '--if-exists', '--inserts', '-T', 'pgbench*', '-N', 'nothing', 'postgres'], env));
  await must(pgProgram('pg_dump', ['--blobs', '--serializable-deferrable', 'postgres'], env));
});
await heard('pg_dump restore', () => psql(['-d', 'restored', '-f', '-'], env, { input: dump }));
await heard('sqlalchemy', () => must(python(SQLALCHEMY, { URL: `postgresql+psycopg2://${server.superuser.name}:${server.superuser.password}@${server.host}:${server.port}/postgres` })));
await heard('psycopg', () => must(python(PSYCOPG, { DSN: dsn })));
await heard('jdbc', () => must(java(JDBC, [`jdbc:postgresql://${server.host}:${server.port}/postgres?user=${server.superuser.name}&password=${server.superuser.password}`])));

const client = await server.client();
const run = async (text: string): Promise<(string | null)[][]> =>
  (await client.query({ text, rowMode: 'array', types: { getTypeParser: () => (value: string) => value } })).rows as (string | null)[][];
const catalog = await loadCatalog(run);
await client.end();
writeFileSync(new URL('tools.json', folder), `${JSON.stringify(said, undefined, 1)}\n`);
writeFileSync(new URL('catalog.json', folder), `${JSON.stringify(catalog)}\n`);
const counts = new Map<string, number>();
for (const { tool } of said) counts.set(tool, (counts.get(tool) ?? 0) + 1);
console.log(Object.fromEntries(counts));
