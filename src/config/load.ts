import path from 'node:path';
import { checkEverything } from './checks.ts';
import { readSources, type SourceFile } from './files.ts';
import { merge } from './merge.ts';
import { Problems, type Problem } from './problems.ts';
import { declaredNames } from './references.ts';
import type { Config } from './resolved.ts';
import { resolve } from './resolve.ts';
import { Configuration, type ConfigurationSource } from './schema.ts';
import { conform, Places, type Schema } from './shape.ts';
import { readYaml, type LocatedMap } from './yaml.ts';

export type { Problem } from './problems.ts';

export interface LoadOptions {
  /**
   * false: do not look whether variables are set and files readable. For checks away from the machine that will run the gateway.
   * Default true.
   */
  readonly checkSecrets?: boolean;
}

/** The variables that `env:` references can name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/**
 * Reads, merges, checks and resolves the configuration at `where`: a file, or a folder of *.yaml and *.yml. All or nothing, and all
 * that is wrong at once. Bad input never rejects; it is `ok: false`.
 */
export async function load(where: string, env: Environment = process.env, options: LoadOptions = {}): Promise<LoadResult> {
  const problems = new Problems();
  const sources = await readSources(where, problems);
  if (sources === undefined) return { ok: false, problems: problems.list(), warnings: [] };
  const isFile = sources.length === 1 && sources[0]?.file === where;
  return loadSources(sources, isFile ? path.dirname(where) : where, env, options);
}

/** The same for texts that have already been read; `base` is the folder that defaults are relative to. */
export async function loadSources(sources: readonly SourceFile[], base: string, env: Environment, options: LoadOptions = {}): Promise<LoadResult> {
  const problems = new Problems();
  const warnings = new Problems();
  const refused = (): LoadResult => ({ ok: false, problems: problems.list(), warnings: warnings.list() });
  const trees = sources.map(({ file, text }) => readSection(file, text, problems)).filter((tree) => tree !== undefined);
  const root = merge(trees, problems);
  // What does not parse would make everything else look wrong too.
  if (root === undefined || trees.length < sources.length) return refused();

  const places = new Places();
  // What conform leaves in has the types of the schema; what is missing has been reported.
  const written = conform(Configuration as unknown as Schema, root, problems, places) as Partial<ConfigurationSource>;
  const source: ConfigurationSource = Object.assign(written, { ...empty, ...written });
  const apis = await checkEverything({ source, places, declared: declaredNames(root), base, env, problems, warnings, checkSecrets: options.checkSecrets ?? true });
  if (problems.any) return refused();
  return { ok: true, config: resolve(source, places, base, sources.map(({ file }) => file), apis), warnings: warnings.list() };
}

/** The parts without which nothing works, for looking at the rest when they are missing. */
const empty: ConfigurationSource = { version: 1, identityProviders: [], identities: [], connections: [], policies: [] };

function readSection(file: string, text: string, problems: Problems): LocatedMap | undefined {
  const tree = readYaml(text, file, problems);
  if (tree === undefined || tree.kind === 'map') return tree;
  problems.add({ place: tree.place, path: '' }, 'expected keys and values, such as version: 1');
  return undefined;
}
