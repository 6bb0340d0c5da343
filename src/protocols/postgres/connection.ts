import type { ConnectionConfig, PostgresConnectionConfig } from '../../config/resolved.ts';

/** A PostgreSQL session's connection as configured now. A reload that makes it another protocol's ends the session before anybody asks. */
export const asPostgres = (connection: ConnectionConfig): PostgresConnectionConfig => {
  if (connection.protocol !== 'postgres') throw new Error(`connection ${connection.name} is not of protocol postgres`);
  return connection;
};
