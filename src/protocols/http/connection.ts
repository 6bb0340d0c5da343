import type { ConnectionConfig, HttpConnectionConfig } from '../../config/resolved.ts';

/** An HTTP session's connection as configured now. A reload that makes it another protocol's ends the session before anybody asks. */
export const asHttp = (connection: ConnectionConfig): HttpConnectionConfig => {
  if (connection.protocol !== 'http') throw new Error(`connection ${connection.name} is not of protocol http`);
  return connection;
};
