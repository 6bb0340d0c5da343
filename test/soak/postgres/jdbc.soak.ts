import { java } from '../../kit/clients.ts';
import { skipUnless } from '../../kit/present.ts';
import type { Soak } from '../soak.ts';
import { postgresSoak } from './clients.ts';

const SOURCE = String.raw`
import java.sql.*;
import java.util.Properties;

public class Work {
  static void check(boolean holds, String what) { if (!holds) throw new IllegalStateException(what); }
  public static void main(String[] args) throws Exception {
    Properties p = new Properties();
    for (String each : new String[] { "user=writer", "password=" + System.getenv("PASSWORD"), "sslmode=verify-full", "sslrootcert=" + args[1], "autosave=always", "reWriteBatchedInserts=true" }) p.setProperty(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
    int sent = 0;
    for (int connection = 0; connection < 3; connection++) {
      try (Connection c = DriverManager.getConnection(args[0], p)) {
        c.setAutoCommit(false);
        for (int n = 0; n < 30; n++) {
          try (PreparedStatement s = c.prepareStatement("SELECT g FROM generate_series(1, ?) g")) {
            s.setFetchSize(100);
            s.setInt(1, 450);
            int rows = 0;
            try (ResultSet r = s.executeQuery()) { while (r.next() && (n % 2 == 0 || rows < 150)) rows++; }
            check(rows == (n % 2 == 0 ? 450 : 150), "rows " + rows);
          }
          try (PreparedStatement s = c.prepareStatement("INSERT INTO audit (id, note) VALUES (?, ?)")) {
            for (int i = 0; i < 50; i++) { s.setInt(1, 300000 + i); s.setString(2, "batch"); s.addBatch(); }
            check(s.executeBatch().length == 50, "batch");
          }
          try (Statement s = c.createStatement()) {
            try { s.execute("SELECT 1 / 0"); check(false, "no error"); } catch (SQLException e) { check(e.getSQLState().equals("22012"), e.getSQLState()); }
            try { s.execute("DROP TABLE audit"); check(false, "no refusal"); } catch (SQLException e) { check(e.getSQLState().equals("42501"), e.getSQLState()); }
            check(s.executeUpdate("DELETE FROM audit WHERE id >= 300000") == 50, "deleted");
          }
          if (n % 3 == 0) c.rollback(); else c.commit();
          sent += 6;
        }
      }
    }
    System.out.println(sent);
  }
}`;

/** Services in Java: rows fetched by the hundred, batches that the driver rewrites, a savepoint around each statement. */
export const soak: Soak = postgresSoak('jdbc', async (scene) => {
  const { code, stdout, stderr } = await java(SOURCE, [`jdbc:postgresql://localhost:${scene.gateway.port()}/shop`, scene.gateway.caFile], { PASSWORD: await scene.token('writer') });
  if (code !== 0) throw new Error(`Java ended with ${code}: ${stderr}`);
  return Number(stdout.trim());
}, { missing: () => skipUnless('jdbc') || undefined });
