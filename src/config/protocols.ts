import type { ConnectionConfig, HttpConnectionConfig, PostgresConnectionConfig } from './resolved.ts';

export const isPostgres = (connection: ConnectionConfig): connection is PostgresConnectionConfig => connection.protocol === 'postgres';

export const isHttp = (connection: ConnectionConfig): connection is HttpConnectionConfig => connection.protocol === 'http';
