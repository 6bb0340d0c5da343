import { readFile } from 'node:fs/promises';
import type { ConnectionConfig, MaskConfig } from '../config/resolved.ts';
import type { Command } from '../model/command.ts';
import { loadCatalog } from '../protocols/postgres/catalog.ts';
import { dialConnection } from '../protocols/postgres/dial-connection.ts';
import { NO_NAMES, understandText, type ExplainedText, type Names } from '../protocols/postgres/explain-text.ts';
import { QueryConnection } from '../protocols/postgres/query.ts';
import { EFFECTIVE_PATH } from '../protocols/postgres/tracking.ts';
import { createSecrets } from '../secrets/secrets.ts';
import { createPostgresUnderstander } from '../sql/postgres/understand.ts';

/** A catalog with the search_path that a new session starts with: what `wicketgate catalog` writes. */
export type CatalogFile = Names;

const LOOKUP_MS = 30_000;

/** Reads the target's catalog with the connection's own credential. */
export const readTargetCatalog = async (connection: ConnectionConfig): Promise<CatalogFile> => {
  const upstream = await dialConnection(connection, createSecrets(), {
    parameters: [['application_name', 'wicketgate catalog'], ['client_encoding', 'UTF8']],
    deadlineMs: LOOKUP_MS,
  });
  const queries = new QueryConnection(upstream);
  try {
    const run = (sql: string): Promise<(string | null)[][]> => queries.query(sql, { deadlineMs: LOOKUP_MS });
    return { searchPath: (await run(EFFECTIVE_PATH)).flatMap(([schema]) => (schema == null ? [] : [schema])), catalog: await loadCatalog(run) };
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
const understand = async (text: string, connection: ConnectionConfig, catalogFile?: string): Promise<Omit<ExplainedText, 'catalog'>> => {
  const names = catalogFile === undefined ? NO_NAMES : await readCatalogFile(catalogFile);
  const understander = createPostgresUnderstander();
  try {
    return await understandText(text, connection, understander, names);
  } finally {
    await understander.close();
  }
};

/** SQL text to the Command that policy would judge. */
export const sqlCommand = async (text: string, connection: ConnectionConfig, catalogFile?: string): Promise<Command> => (await understand(text, connection, catalogFile)).command;

/** Why the gateway refuses SQL text that policy allows: a pinned setting, or a mask. Masked values that come back are judged by the gateway only. */
export const sqlObjection = async (text: string, connection: ConnectionConfig, masks: readonly MaskConfig[], catalogFile?: string): Promise<string | undefined> =>
  (await understand(text, connection, catalogFile)).objection(masks);
