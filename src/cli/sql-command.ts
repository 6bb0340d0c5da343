import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ConnectionConfig, MaskConfig } from '../config/resolved.ts';
import { compileMasks } from '../masking/compile.ts';
import { ProtectionMemory } from '../masking/protection-memory.ts';
import type { Command } from '../model/command.ts';
import { loadCatalog } from '../protocols/postgres/catalog.ts';
import { commandOf, resolveNamed } from '../protocols/postgres/commands.ts';
import { dialConnection } from '../protocols/postgres/dial-connection.ts';
import { QueryConnection } from '../protocols/postgres/query.ts';
import { EFFECTIVE_PATH } from '../protocols/postgres/tracking.ts';
import { refusedSetting, reliesOnChangedNames } from '../protocols/postgres/settings.ts';
import { createSecrets } from '../secrets/secrets.ts';
import type { Catalog } from '../sql/catalog.ts';
import { createPostgresUnderstander } from '../sql/postgres/understand.ts';
import type { Understood } from '../sql/understand.ts';

/** A catalog with the search_path that a new session starts with: what `wicketgate catalog` writes. */
export interface CatalogFile {
  readonly searchPath: readonly string[];
  readonly catalog: Catalog;
}

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

/** Without a catalog no name of the target's own is known, so that what touches one is unknown. */
const EMPTY: CatalogFile = { searchPath: ['pg_catalog', 'public'], catalog: { id: 'empty', serverVersion: 180000, database: '', relations: [], functions: [], operators: [], types: [], casts: [] } };

/** The text as a session would understand it that has just opened. */
const understand = async (text: string, connection: ConnectionConfig, catalogFile?: string): Promise<{ readonly understood: Understood; readonly catalog: Catalog; readonly bytes: number }> => {
  const { catalog, searchPath } = catalogFile === undefined ? EMPTY : await readCatalogFile(catalogFile);
  const understander = createPostgresUnderstander();
  try {
    const bytes = Buffer.from(text, 'utf8');
    const granted = { id: connection.functions.join(';'), signatures: connection.functions };
    const understood = await understander.understand(bytes, catalog, { searchPath }, granted);
    return { understood: resolveNamed(understood, { prepared: () => undefined, cursor: () => undefined }), catalog, bytes: bytes.length };
  } finally {
    await understander.close();
  }
};

/** SQL text to the Command that policy would judge. */
export const sqlCommand = async (text: string, connection: ConnectionConfig, catalogFile?: string): Promise<Command> => commandOf({ ...(await understand(text, connection, catalogFile)), recorded: '' });

/** Why the gateway refuses SQL text that policy allows: a pinned setting, or a mask. Masked values that come back are judged by the gateway only. */
export const sqlObjection = async (text: string, connection: ConnectionConfig, masks: readonly MaskConfig[], catalogFile?: string): Promise<string | undefined> => {
  const { understood, catalog } = await understand(text, connection, catalogFile);
  const setting = refusedSetting(understood);
  if (setting !== undefined) return setting;
  if (reliesOnChangedNames(understood, { names: false, objects: false })) return 'search_path or role changes and is relied on in one message';
  // Which values are equal is not asked here, so any key will do.
  const judgement = compileMasks(masks, { hash: randomBytes(32) }, new ProtectionMemory()).judge(understood, catalog);
  return judgement.kind === 'refused' ? `${judgement.reason} (mask ${judgement.mask})` : undefined;
};
