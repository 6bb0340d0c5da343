import { randomBytes } from 'node:crypto';
import type { PostgresConnectionConfig } from '../../config/resolved.ts';
import { compileMasks } from '../../masking/compile.ts';
import { ProtectionMemory } from '../../masking/protection-memory.ts';
import type { Command } from '../../model/command.ts';
import type { Decision } from '../../model/decision.ts';
import type { Asking } from '../../policy/policy-set.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { Understander } from '../../sql/understand.ts';
import { commandOf, resolveNamed } from './commands.ts';
import { riskyMeaning, type PolicyWord } from './meanings.ts';
import { refusedSetting, reliesOnChangedNames } from './settings.ts';

/** A text as a session would understand it that has just opened. Nothing of it is run. */
export interface ExplainedText {
  readonly command: Command;
  /** `live`: with the names of the target's catalog. `none`: without, so that its own names are not known. */
  readonly catalog: 'live' | 'none';
  /** Where names without a schema were looked up, in order. */
  readonly searchPath: readonly string[];
  /** `asked`: as the question said. `target`: as role and database set it for a session that has just opened. `default`: assumed, as nobody said. */
  readonly searchPathFrom: 'asked' | 'target' | 'default';
  /** Why the gateway refuses it although policy allows it; undefined when it does not. Masked values that come back are judged by a session only. */
  objection(asking: Asking): string | undefined;
}

export interface ExplainParts {
  readonly understander: Understander;
  /** Rejects when the target cannot be asked. */
  readonly namesOf: (connection: PostgresConnectionConfig) => Promise<Names>;
}

/** Where names without a schema are looked up when nobody says: PostgreSQL's own default, where no schema has the name of the role. */
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

/**
 * Understands SQL text for a question about policy.
 * @param asked a search_path, as somebody would set it in a session; without it the one that the target gives
 */
export const explainText = async (text: string, connection: PostgresConnectionConfig, { understander, namesOf }: ExplainParts, asked?: readonly string[]): Promise<ExplainedText> => {
  const found = await withinTime(namesOf(connection));
  const from = asked ? 'asked' : found ? 'target' : 'default';
  const names = { ...(found ?? NO_NAMES), ...(asked ? { searchPath: pathAsked(asked, connection) } : {}) };
  return { ...(await understandText(text, connection, understander, names)), catalog: found ? 'live' : 'none', searchPath: names.searchPath, searchPathFrom: from };
};

/** As a server reads a search_path: `"$user"` is the role, and the system's own names come first unless it says where. */
export const pathAsked = (asked: readonly string[], { credential }: Pick<PostgresConnectionConfig, 'credential'>): readonly string[] => {
  const path = asked.map((schema) => (schema === '$user' ? credential.username : schema));
  return path.includes('pg_catalog') ? path : ['pg_catalog', ...path];
};

/** What a text is, whatever names it was understood by. */
export type UnderstoodText = Pick<ExplainedText, 'command' | 'objection'>;

/** The same with names that are given. */
export const understandText = async (text: string, connection: PostgresConnectionConfig, understander: Understander, { catalog, searchPath }: Names): Promise<UnderstoodText> => {
  const bytes = Buffer.from(text, 'utf8');
  const granted = { id: connection.functions.join(';'), signatures: connection.functions };
  const understood = resolveNamed(await understander.understand(bytes, catalog, { searchPath, login: connection.credential.username }, granted), { prepared: () => undefined, cursor: () => undefined });
  const command = commandOf({ understood, catalog, bytes: bytes.length, recorded: '' });
  return {
    command,
    objection: (asking) => {
      const setting = refusedSetting(understood);
      if (setting !== undefined) return setting;
      if (reliesOnChangedNames(understood, { names: false, objects: false })) return 'search_path or role changes and is relied on in one message';
      // Which values are equal is not asked here, so any key will do.
      const masks = compileMasks(asking.masks, { hash: randomBytes(32) }, new ProtectionMemory());
      const judgement = masks.judge(understood, catalog);
      if (judgement.kind === 'refused') return `${judgement.reason} (mask ${judgement.mask})`;
      return riskyMeaning(understood, command, { policy: (one) => wordOf(asking.decide(one)), masks, catalog });
    },
  };
};

const wordOf = ({ effect, threshold, reason }: Decision): PolicyWord => {
  if (threshold !== undefined) return { word: 'count' };
  if (effect === 'allow') return { word: 'allow' };
  return effect === 'deny' ? { word: 'deny', why: reason } : { word: 'ask' };
};

const withinTime = async <T>(asking: Promise<T>): Promise<T | undefined> => {
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
