import java.sql.*;
import java.util.*;

/** Everything that DatabaseMetaData can be asked, and typical use of a connection. Prints what came, so that two runs can be compared. */
public class Metadata {
  static void show(String name, ResultSet rows) throws Exception {
    int columns = rows.getMetaData().getColumnCount();
    List<String> lines = new ArrayList<>();
    while (rows.next()) {
      StringBuilder line = new StringBuilder(name);
      for (int i = 1; i <= columns; i++) line.append('|').append(rows.getString(i));
      lines.add(line.toString());
    }
    rows.close();
    Collections.sort(lines);
    for (String line : lines) System.out.println(line);
    System.out.println(name + ": " + lines.size());
  }

  public static void main(String[] args) throws Exception {
    String tls = System.getenv("PGSSLMODE").equals("disable") ? "sslmode=disable" : "sslmode=verify-full&sslrootcert=" + System.getenv("PGSSLROOTCERT");
    String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE") + "?" + tls + "&" + args[0];
    try (Connection c = DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"))) {
      DatabaseMetaData m = c.getMetaData();
      System.out.println(m.getDatabaseProductName() + " " + m.getDatabaseProductVersion() + " " + m.getMaxColumnNameLength() + " " + m.getSQLKeywords().length());
      show("tables", m.getTables(null, "shop", "%", null));
      show("views", m.getTables(null, null, "%", new String[] {"VIEW", "MATERIALIZED VIEW", "PARTITIONED TABLE", "SEQUENCE", "INDEX", "TYPE"}));
      show("columns", m.getColumns(null, "shop", "%", "%"));
      show("primary keys", m.getPrimaryKeys(null, "shop", "sale"));
      show("imported", m.getImportedKeys(null, "shop", "sale"));
      show("exported", m.getExportedKeys(null, "shop", "buyer"));
      show("cross", m.getCrossReference(null, "shop", "buyer", null, "shop", "sale"));
      show("indexes", m.getIndexInfo(null, "shop", "buyer", false, true));
      show("functions", m.getFunctions(null, "shop", "%"));
      show("function columns", m.getFunctionColumns(null, "shop", "total_of", "%"));
      show("procedures", m.getProcedures(null, "shop", "%"));
      show("procedure columns", m.getProcedureColumns(null, "shop", "%", "%"));
      show("types", m.getTypeInfo());
      show("udts", m.getUDTs(null, "shop", "%", null));
      show("schemas", m.getSchemas());
      show("schemas like", m.getSchemas(null, "sh%"));
      show("catalogs", m.getCatalogs());
      show("table types", m.getTableTypes());
      show("table privileges", m.getTablePrivileges(null, "shop", "sale"));
      show("column privileges", m.getColumnPrivileges(null, "shop", "buyer", "%"));
      show("best row", m.getBestRowIdentifier(null, "shop", "sale", DatabaseMetaData.bestRowSession, true));
      show("versions", m.getVersionColumns(null, "shop", "sale"));
      show("client info", m.getClientInfoProperties());

      c.setSchema("shop");
      System.out.println(c.getSchema() + " " + c.getCatalog());
      c.setClientInfo("ApplicationName", "metadata");
      c.setReadOnly(true);
      c.setReadOnly(false);
      c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      System.out.println(c.getTransactionIsolation());
      c.setAutoCommit(false);
      try (PreparedStatement p = c.prepareStatement("INSERT INTO sale (buyer, amount, note) VALUES (?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
        p.setLong(1, 1);
        p.setBigDecimal(2, new java.math.BigDecimal("3.50"));
        p.setString(3, "it's");
        p.executeUpdate();
        ResultSet keys = p.getGeneratedKeys();
        System.out.println("key " + keys.next());
      }
      try (PreparedStatement p = c.prepareStatement("INSERT INTO sale (buyer, amount) VALUES (?, ?)")) {
        for (int i = 1; i <= 20; i++) {
          p.setLong(1, 2);
          p.setInt(2, i);
          p.addBatch();
        }
        System.out.println("batch " + p.executeBatch().length);
      }
      try (PreparedStatement p = c.prepareStatement("SELECT id, amount, at IS NOT NULL, note FROM sale WHERE buyer = ? ORDER BY amount")) {
        p.setFetchSize(3);
        p.setLong(1, 2);
        ResultSet rows = p.executeQuery();
        System.out.println(rows.getMetaData().getTableName(1) + " " + rows.getMetaData().isAutoIncrement(1) + " " + rows.getMetaData().isNullable(2));
        int n = 0;
        while (rows.next()) n += rows.getBigDecimal(2).intValue();
        System.out.println("sum " + n);
        ParameterMetaData parameters = p.getParameterMetaData();
        System.out.println(parameters.getParameterTypeName(1));
      }
      Savepoint one = c.setSavepoint("one");
      try (Statement s = c.createStatement()) {
        s.executeUpdate("UPDATE sale SET note = 'x' WHERE id = 1");
      }
      c.rollback(one);
      c.releaseSavepoint(c.setSavepoint());
      c.rollback();
      try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
        ResultSet rows = s.executeQuery("SELECT id, amount, note FROM sale WHERE id = 1");
        rows.next();
        rows.updateString(3, "q");
        rows.updateRow();
      }
      try (Statement s = c.createStatement()) {
        s.setQueryTimeout(5);
        ResultSet rows = s.executeQuery("SELECT tags, price, extra, feeling FROM buyer ORDER BY id");
        while (rows.next()) System.out.println(rows.getArray(1) + " " + rows.getObject(2) + " " + rows.getString(3) + " " + rows.getString(4));
        System.out.println("valid " + c.isValid(3));
      }
      try (Statement s = c.createStatement()) {
        s.execute("INSERT INTO sale (buyer, amount) VALUES (1, -1)");
      } catch (SQLException error) {
        System.out.println(error.getSQLState());
      }
      c.rollback();
    }
  }
}
