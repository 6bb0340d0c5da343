import { randomBytes } from 'node:crypto';
import type { ConnectionConfig, MaskConfig } from '../../config/resolved.ts';
import { compileMasks } from '../../masking/compile.ts';
import { ProtectionMemory } from '../../masking/protection-memory.ts';
import type { Command } from '../../model/command.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { Understander } from '../../sql/understand.ts';
import { commandOf, resolveNamed } from './commands.ts';
import { refusedSetting, reliesOnChangedNames } from './settings.ts';

/** A text as a session would understand it that has just opened. Nothing of it is run. */
export interface ExplainedText {
  readonly command: Command;
  /** `live`: with the names of the target's catalog. `none`: without, so that its own names are not known. */
  readonly catalog: 'live' | 'none';
  /** Why the gateway refuses it although policy allows it; undefined when it does not. Masked values that come back are judged by a session only. */
  objection(masks: readonly MaskConfig[]): string | undefined;
}

export interface ExplainParts {
  readonly understander: Understander;
  /** Rejects when the target cannot be asked. */
  readonly catalogOf: (connection: ConnectionConfig) => Promise<Catalog>;
}

/** Where names without a schema are looked up: what a role or database sets instead is known to its sessions only. */
const SEARCH_PATH: readonly string[] = ['pg_catalog', 'public'];
/** Names as a text is understood by. */
export interface Names {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
}
/** Without a catalog no name of the target's own is known, so that what touches one is unknown. */
export const NO_NAMES: Names = { searchPath: SEARCH_PATH, catalog: { id: 'empty', serverVersion: 180000, database: '', relations: [], functions: [], operators: [], types: [], casts: [] } };
/** A target that does not answer does not hold up a question about policy. */
const CATALOG_MS = 3_000;

/** Understands SQL text for a question about policy. */
export const explainText = async (text: string, connection: ConnectionConfig, { understander, catalogOf }: ExplainParts): Promise<ExplainedText> => {
  const found = await withinTime(catalogOf(connection));
  return { ...(await understandText(text, connection, understander, found ? { catalog: found, searchPath: SEARCH_PATH } : NO_NAMES)), catalog: found ? 'live' : 'none' };
};

/** The same with names that are given. */
export const understandText = async (text: string, connection: ConnectionConfig, understander: Understander, { catalog, searchPath }: Names): Promise<Omit<ExplainedText, 'catalog'>> => {
  const bytes = Buffer.from(text, 'utf8');
  const granted = { id: connection.functions.join(';'), signatures: connection.functions };
  const understood = resolveNamed(await understander.understand(bytes, catalog, { searchPath }, granted), { prepared: () => undefined, cursor: () => undefined });
  return {
    command: commandOf({ understood, catalog, bytes: bytes.length, recorded: '' }),
    objection: (masks) => {
      const setting = refusedSetting(understood);
      if (setting !== undefined) return setting;
      if (reliesOnChangedNames(understood, { names: false, objects: false })) return 'search_path or role changes and is relied on in one message';
      // Which values are equal is not asked here, so any key will do.
      const judgement = compileMasks(masks, { hash: randomBytes(32) }, new ProtectionMemory()).judge(understood, catalog);
      return judgement.kind === 'refused' ? `${judgement.reason} (mask ${judgement.mask})` : undefined;
    },
  };
};

const withinTime = async (asking: Promise<Catalog>): Promise<Catalog | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), CATALOG_MS);
  });
  try {
    return await Promise.race([asking, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    asking.catch(() => undefined);
  }
};
