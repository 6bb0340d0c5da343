import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { java } from '../kit/clients.ts';
import { skipUnless } from '../kit/present.ts';
import { startScene, TABLES, TARGET_PASSWORD, type Scene } from './scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

const SOURCE = String.raw`
import java.io.StringReader;
import java.sql.*;
import java.util.Properties;
import org.postgresql.PGConnection;

public class Story {
  static Connection open(String url, Properties base, String... more) throws SQLException {
    Properties p = new Properties();
    p.putAll(base);
    for (int i = 0; i < more.length; i += 2) p.setProperty(more[i], more[i + 1]);
    return DriverManager.getConnection(url, p);
  }
  static String state(Connection c, String sql) {
    try (Statement s = c.createStatement()) { s.execute(sql); return "ok"; } catch (SQLException e) { return e.getSQLState(); }
  }
  static int count(Connection c, String where) throws SQLException {
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT count(*) FROM audit WHERE " + where)) { r.next(); return r.getInt(1); }
  }
  public static void main(String[] args) throws Exception {
    String url = args[0];
    Properties p = new Properties();
    p.setProperty("user", args[1]);
    p.setProperty("password", System.getenv("PASSWORD"));
    p.setProperty("sslmode", args[2]);
    if (args.length > 3) p.setProperty("sslrootcert", args[3]);
    p.setProperty("connectTimeout", "20");

    try (Connection c = open(url, p, "autosave", "always")) {
      c.setAutoCommit(false);
      System.out.println("autosave " + state(c, "INSERT INTO audit VALUES (1000, 'a')") + " " + state(c, "DROP TABLE audit") + " " + state(c, "INSERT INTO audit VALUES (1001, 'b')"));
      c.commit();
      System.out.println(count(c, "id >= 1000"));
    }
    try (Connection c = open(url, p)) {
      c.setAutoCommit(false);
      System.out.println("plain " + state(c, "INSERT INTO audit VALUES (1100, 'a')") + " " + state(c, "DROP TABLE audit") + " " + state(c, "SELECT 1"));
      try { c.commit(); System.out.println("committed"); } catch (SQLException e) { System.out.println("commit " + e.getSQLState()); }
      c.rollback();
      System.out.println(count(c, "id >= 1100"));
      c.setAutoCommit(true);
      try (PreparedStatement s = c.prepareStatement("SELECT name FROM customers WHERE id = ?")) {
        for (int n = 0; n < 12; n++) { s.setInt(1, 1 + n % 2); try (ResultSet r = s.executeQuery()) { r.next(); if (n > 9) System.out.println(r.getString(1)); } }
      }
      try (PreparedStatement s = c.prepareStatement("INSERT INTO audit VALUES (?, ?)")) {
        for (int n = 0; n < 300; n++) { s.setInt(1, 2000 + n); s.setString(2, "batch"); s.addBatch(); }
        System.out.println(s.executeBatch().length + " " + count(c, "id >= 2000"));
      }
      try (Statement s = c.createStatement()) {
        s.addBatch("INSERT INTO audit VALUES (3000, 'x')"); s.addBatch("DROP TABLE audit"); s.addBatch("INSERT INTO audit VALUES (3001, 'x')");
        try { s.executeBatch(); } catch (BatchUpdateException e) { System.out.println("batch " + e.getSQLState() + " " + count(c, "id >= 3000")); }
      }
      c.setAutoCommit(false);
      try (Statement s = c.createStatement()) {
        s.setFetchSize(50);
        int sum = 0;
        try (ResultSet r = s.executeQuery("SELECT g FROM generate_series(1, 1000) g")) { while (r.next()) sum += r.getInt(1); }
        System.out.println("fetched " + sum);
      }
      Savepoint point = c.setSavepoint();
      System.out.println(state(c, "DROP TABLE audit"));
      c.rollback(point);
      System.out.println(state(c, "INSERT INTO audit VALUES (4000, 'y')"));
      c.commit();
      System.out.println(count(c, "id = 4000"));
      long rows = c.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY audit(id, note) FROM STDIN", new StringReader("5000\tx\n5001\ty\n"));
      System.out.println("copied " + rows);
      c.rollback();
    }
    try (Connection c = open(url, p, "preferQueryMode", "simple")) {
      System.out.println("simple " + state(c, "SELECT 1") + " " + state(c, "DROP TABLE audit"));
    }
    try (Connection c = open(url, p, "preferQueryMode", "extendedForPrepared", "binaryTransfer", "true", "prepareThreshold", "1"); PreparedStatement s = c.prepareStatement("SELECT ?::int8 + 1, now() > ?")) {
      for (int n = 0; n < 3; n++) { s.setLong(1, n); s.setTimestamp(2, new Timestamp(0)); try (ResultSet r = s.executeQuery()) { r.next(); System.out.println(r.getLong(1) + " " + r.getBoolean(2)); } }
    }
    try (Connection c = open(url, p, "readOnly", "true", "readOnlyMode", "always")) {
      System.out.println("readOnly " + state(c, "SELECT 1") + " " + state(c, "INSERT INTO audit VALUES (6000)"));
      DatabaseMetaData m = c.getMetaData();
      try (ResultSet r = m.getTables(null, "public", "%", new String[] { "TABLE" })) { int n = 0; while (r.next()) n++; System.out.println("tables " + n); }
      try (ResultSet r = m.getColumns(null, "public", "customers", "%")) { int n = 0; while (r.next()) n++; System.out.println("columns " + n); }
      try (ResultSet r = m.getPrimaryKeys(null, "public", "customers")) { r.next(); System.out.println("key " + r.getString("COLUMN_NAME")); }
    }
  }
}`;

let scene: Scene;
before(async () => {
  // Straight to the target a role may change rows but drops nothing: PostgreSQL's own 42501.
  scene = await startScene({ postgres: { users: [{ name: 'app', password: TARGET_PASSWORD }, { name: 'plain', password: TARGET_PASSWORD }], setup: `${TABLES} GRANT ALL ON ALL TABLES IN SCHEMA public TO plain;` } });
});
after(() => scene[Symbol.asyncDispose]());

test('JDBC: autosave, batches, fetch size, savepoints, COPY, metadata: all as straight to the target', { skip: skipUnless('jdbc') }, async () => {
  const direct = await java(SOURCE, [`jdbc:postgresql://127.0.0.1:${scene.target.port}/postgres`, 'plain', 'disable'], { PASSWORD: TARGET_PASSWORD });
  assert.equal(direct.code, 0, direct.stderr + direct.stdout);
  await scene.target.query('TRUNCATE audit');
  const ran = await java(SOURCE, [`jdbc:postgresql://localhost:${scene.gateway.port()}/shop`, 'writer', 'verify-full', scene.gateway.caFile], { PASSWORD: await scene.token('writer') });
  assert.equal(ran.code, 0, ran.stderr + ran.stdout);
  assert.equal(ran.stdout, direct.stdout);
  const lines = ran.stdout.trim().split('\n');
  for (const expected of ['autosave ok 42501 ok', 'plain ok 42501 25P02', 'batch 42501 0', 'fetched 500500', 'copied 2', 'tables 3']) assert.ok(lines.includes(expected), expected);
  await stopAndVerify(scene);
});
