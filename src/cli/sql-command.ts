import { readFile } from 'node:fs/promises';
import type { ConnectionConfig } from '../config/resolved.ts';
import type { Command } from '../model/command.ts';
import { loadCatalog } from '../protocols/postgres/catalog.ts';
import { commandOf, resolveNamed } from '../protocols/postgres/commands.ts';
import { dial } from '../protocols/postgres/dial.ts';
import { QueryConnection } from '../protocols/postgres/query.ts';
import { splitSearchPath } from '../protocols/postgres/settings.ts';
import { createSecrets } from '../secrets/secrets.ts';
import type { Catalog } from '../sql/catalog.ts';
import { createPostgresUnderstander } from '../sql/postgres/understand.ts';

/** A catalog with the search_path that a new session starts with: what `wicketgate catalog` writes. */
export interface CatalogFile {
  readonly searchPath: string;
  readonly catalog: Catalog;
}

const LOOKUP_MS = 30_000;

/** Reads the target's catalog with the connection's own credential. */
export const readTargetCatalog = async (connection: ConnectionConfig): Promise<CatalogFile> => {
  const { password, username } = connection.credential;
  const lease = password && (await createSecrets().lease(password));
  const upstream = await dial({
    target: connection.target,
    username,
    ...(lease ? { password: (use) => lease.use(use) } : {}),
    parameters: [['application_name', 'wicketgate catalog'], ['client_encoding', 'UTF8']],
    deadlineMs: LOOKUP_MS,
  });
  const queries = new QueryConnection(upstream);
  try {
    const run = (sql: string): Promise<(string | null)[][]> => queries.query(sql, { deadlineMs: LOOKUP_MS });
    return { searchPath: (await run('SHOW search_path'))[0]?.[0] ?? '', catalog: await loadCatalog(run) };
  } finally {
    queries.close();
  }
};

const readCatalogFile = async (path: string): Promise<CatalogFile> => {
  const parsed = JSON.parse(await readFile(path, 'utf8')) as Partial<CatalogFile>;
  if (typeof parsed.searchPath !== 'string' || !Array.isArray(parsed.catalog?.relations)) throw new Error(`${path} is not a catalog: wicketgate catalog writes one`);
  return { searchPath: parsed.searchPath, catalog: parsed.catalog };
};

/** Without a catalog no name of the target's own is known, so that what touches one is unknown. */
const EMPTY: CatalogFile = { searchPath: '"$user", public', catalog: { id: 'empty', serverVersion: 180000, database: '', relations: [], functions: [], operators: [], types: [], casts: [] } };

/** SQL text to the Command that policy would judge. */
export const sqlCommand = async (text: string, connection: ConnectionConfig, catalogFile?: string): Promise<Command> => {
  const { catalog, searchPath } = catalogFile === undefined ? EMPTY : await readCatalogFile(catalogFile);
  const understander = createPostgresUnderstander();
  try {
    const bytes = Buffer.from(text, 'utf8');
    const granted = { id: connection.functions.join(';'), signatures: connection.functions };
    const understood = await understander.understand(bytes, catalog, { searchPath: splitSearchPath(searchPath, connection.credential.username) }, granted);
    const resolved = resolveNamed(understood, { prepared: () => undefined, cursor: () => undefined });
    return commandOf({ understood: resolved, catalog, recorded: '', bytes: bytes.length });
  } finally {
    await understander.close();
  }
};
