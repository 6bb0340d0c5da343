import { readFile } from 'node:fs/promises';
import type { ConnectionConfig } from '../config/resolved.ts';
import { loadCatalog } from '../protocols/postgres/catalog.ts';
import { asPostgres } from '../protocols/postgres/connection.ts';
import { dialConnection } from '../protocols/postgres/dial-connection.ts';
import { NO_NAMES, pathAsked, understandText, type Names } from '../protocols/postgres/explain-text.ts';
import { QueryConnection } from '../protocols/postgres/query.ts';
import { EFFECTIVE_PATH, schemasOf } from '../protocols/postgres/tracking.ts';
import { createSecrets } from '../secrets/secrets.ts';
import { createPostgresUnderstander } from '../sql/postgres/understand.ts';
import type { Explained } from './policy-explain.ts';

/** A catalog with the search_path that a new session starts with: what `wicketgate catalog` writes. */
export type CatalogFile = Names;

const LOOKUP_MS = 30_000;

/** Reads the target's catalog with the connection's own credential. */
export const readTargetCatalog = async (connection: ConnectionConfig): Promise<CatalogFile> => {
  const upstream = await dialConnection(asPostgres(connection), createSecrets(), {
    parameters: [['application_name', 'wicketgate catalog'], ['client_encoding', 'UTF8']],
    deadlineMs: LOOKUP_MS,
  });
  const queries = new QueryConnection(upstream);
  try {
    const run = (sql: string): Promise<(string | null)[][]> => queries.query(sql, { deadlineMs: LOOKUP_MS });
    return { searchPath: schemasOf(await run(EFFECTIVE_PATH)), catalog: await loadCatalog(run) };
  } finally {
    queries.close();
  }
};

const readCatalogFile = async (path: string): Promise<CatalogFile> => {
  const parsed = JSON.parse(await readFile(path, 'utf8')) as Partial<CatalogFile>;
  if (!Array.isArray(parsed.searchPath) || !Array.isArray(parsed.catalog?.relations)) throw new Error(`${path} is not a catalog: wicketgate catalog writes one`);
  return { searchPath: parsed.searchPath, catalog: parsed.catalog };
};

/** The text as a session would understand it that has just opened. */
export const sqlExplain = async (text: string, connection: ConnectionConfig, { catalogFile, searchPath }: { readonly catalogFile?: string; readonly searchPath?: readonly string[] } = {}): Promise<Explained> => {
  const file = catalogFile === undefined ? NO_NAMES : await readCatalogFile(catalogFile);
  const names = searchPath ? { ...file, searchPath: pathAsked(searchPath, asPostgres(connection)) } : file;
  const understander = createPostgresUnderstander();
  try {
    return { ...(await understandText(text, asPostgres(connection), understander, names)), searchPath: names.searchPath, searchPathFrom: searchPath ? 'asked' : catalogFile === undefined ? 'default' : 'catalog' };
  } finally {
    await understander.close();
  }
};
