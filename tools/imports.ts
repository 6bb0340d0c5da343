import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The layers, lowest first: a folder of src/ imports only itself and what stands before it. build.ts knows which version this is; main.ts
 * constructs and connects everything, and cli/ is the door in front of it.
 */
export const LAYERS = [
  'model', 'build.ts', 'wire', 'sql', 'apis', 'config', 'policy', 'masking', 'identity', 'secrets', 'approvals', 'evidence', 'witness', 'pipeline', 'protocols', 'store',
  'listeners', 'reports', 'export', 'control', 'main.ts', 'cli',
] as const;

/** Names that say nothing about what is inside. */
const VAGUE = /^(?:utils?|helpers?|common|managers?)$/;
/** Walkers and makers of a grammar in which queries hold expressions and expressions hold queries: there, files need each other. */
const RECURSIVE: readonly string[] = ['src/sql/', 'test/bypass/decoys/'];
const LONG = 300;
const TOO_LONG = 500;

/** A source file by its path from the root of the clone, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

export interface Findings { readonly errors: readonly string[]; readonly warnings: readonly string[] }

interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path of the file, for one of ours. */
  readonly file: string | undefined;
  /** What is imported by name; `*` for all of it. */
  readonly names: readonly string[];
  readonly line: number;
  /** Erased when the file is run. */
  readonly typeOnly: boolean;
}

/** Judges a tree of sources. `dependencies` are the packages that a user of Wicketgate gets. */
export function judge(sources: Sources, dependencies: readonly string[]): Findings {
  const errors: string[] = [];
  const warnings: string[] = [];
  const graph = new Map<string, readonly Import[]>();
  for (const [path, text] of sources) {
    for (const name of path.split('/')) {
      const vague = name.split(/[-._]/).find((word) => VAGUE.test(word.toLowerCase()));
      if (vague !== undefined) errors.push(`${path}: "${vague}" says nothing about what is inside; name it after its job`);
    }
    const lines = text.split('\n').length - 1;
    const generated = /^\/[/*]+\s*Generated /i.test(text);
    if (!generated && lines > TOO_LONG) errors.push(`${path}: ${lines} lines; more than ${TOO_LONG} are too many for one job`);
    else if (!generated && lines > LONG) warnings.push(`${path}: ${lines} lines, a lot for one job`);
    graph.set(path, importsOf(path, text));
  }
  for (const [path, imports] of graph) for (const one of imports) {
    const wrong = breach(path, one, sources, dependencies);
    if (wrong !== undefined) errors.push(`${path}:${one.line}: ${wrong}`);
  }
  for (const cycle of cycles(graph)) errors.push(`cycle: ${cycle.join(' -> ')}`);
  return { errors, warnings };
}

const isTest = (path: string): boolean => /\.(?:test|fuzz)\.ts$/.test(path) || path.includes('/testdata/');

function breach(path: string, { specifier, file, names }: Import, sources: Sources, dependencies: readonly string[]): string | undefined {
  if (file === undefined) {
    if (specifier.startsWith('node:')) return undefined;
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    if (builtinModules.includes(name)) return `write node:${specifier}`;
    // Tests and tools may use what only a clone has; the product may not.
    return !path.startsWith('src/') || isTest(path) || dependencies.includes(name) ? undefined : `${name} is not among the dependencies`;
  }
  if (path.startsWith('ui/')) {
    if (/\.(?:css|svg)$/.test(file)) return undefined;
    // What the page knows of the gateway is its API: nothing else of it gets into a browser.
    if (file.startsWith('src/') && file !== 'src/control/client.ts') return `the page may import src/control/client.ts only, not ${file}`;
  }
  if (!sources.has(file)) return `${specifier} does not exist`;
  if (file === 'src/pipeline/permits.ts' && (names.includes('mint') || names.includes('*')) && path.startsWith('src/') && !path.startsWith('src/pipeline/')) return 'only pipeline/ mints permits';
  if (isTest(file) && !isTest(path)) return `${specifier} is a test`;
  if (!path.startsWith('src/') || isTest(path)) return undefined;
  if (!file.startsWith('src/')) return `${specifier} lies outside src/, which is all that is published`;
  const from = layerOf(path);
  const to = layerOf(file);
  if (from === undefined) return `${path} is in no known layer; add it to tools/imports.ts and say why in docs/decisions`;
  if (to === undefined) return `${file} is in no known layer; add it to tools/imports.ts and say why in docs/decisions`;
  if (to > from) return `${LAYERS[from]} may not import ${LAYERS[to]}, which stands above it`;
  // It answers an auditor who does not trust the gateway, and what writer and verifier both got wrong would stay unseen.
  if (isVerifier(path) && !isVerifier(file) && LAYERS[to] !== 'model') return `the verifier shares no code with the gateway, so it may not import ${file}`;
  const [ours, theirs] = [protocolOf(path), protocolOf(file)];
  if (ours !== undefined && theirs !== undefined && ours !== theirs) return `protocol ${ours} may not know protocol ${theirs}`;
  return undefined;
}

function layerOf(path: string): number | undefined {
  const index = (LAYERS as readonly string[]).indexOf(path.split('/')[1] ?? '');
  return index === -1 ? undefined : index;
}

const isVerifier = (path: string): boolean => path.startsWith('src/evidence/verify/');
const protocolOf = (path: string): string | undefined => /^src\/protocols\/([^/]+)\//.exec(path)?.[1];

/** Cycles, one for each import that closes one. Imports of types do not count: they are gone when the files are loaded. */
function cycles(graph: ReadonlyMap<string, readonly Import[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const stack: string[] = [];
  const visit = (path: string): void => {
    const at = stack.indexOf(path);
    if (at !== -1) {
      const cycle = [...stack.slice(at), path];
      if (!cycle.every((file) => RECURSIVE.some((folder) => file.startsWith(folder)))) found.push(cycle);
      return;
    }
    if (done.has(path)) return;
    stack.push(path);
    for (const { file, typeOnly } of graph.get(path) ?? []) if (!typeOnly && file !== undefined && graph.has(file)) visit(file);
    stack.pop();
    done.add(path);
  };
  for (const path of [...graph.keys()].toSorted()) visit(path);
  return found;
}

const STATEMENT = /^[ \t]*(?:import|export)\b(?<what>[^'";]*?)\bfrom\s*['"](?<from>[^'"]+)['"]|^[ \t]*import\s*['"](?<effect>[^'"]+)['"]|\bimport\(\s*['"](?<dynamic>[^'"]+)['"]\s*\)/gm;

function importsOf(path: string, text: string): Import[] {
  // A comment may show an import as an example; line ends stay, so that line numbers are right.
  const code = text.replaceAll(/^[ \t]*\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gm, (comment) => comment.replaceAll(/[^\n]/g, ' '));
  return [...code.matchAll(STATEMENT)].map((match) => {
    const { what, from, effect, dynamic } = match.groups ?? {};
    const specifier = from ?? effect ?? dynamic ?? '';
    const start = match.index + match[0].search(/\S/);
    return {
      specifier,
      file: specifier.startsWith('.') ? join(dirname(path), specifier).split(sep).join('/') : undefined,
      names: dynamic !== undefined || what?.includes('*') === true ? ['*'] : namesIn(what ?? ''),
      line: code.slice(0, start).split('\n').length,
      typeOnly: what?.trimStart().startsWith('type ') === true,
    };
  });
}

const namesIn = (what: string): string[] =>
  (/\{([^}]*)\}/.exec(what)?.[1] ?? '').split(',').map((name) => name.replace(/^\s*type\s+/, '').trim().split(/\s+/)[0] ?? '').filter((name) => name !== '');

/** Reads the sources of a clone. */
export function readSources(root: string): Map<string, string> {
  const sources = new Map<string, string>();
  for (const folder of ['src', 'ui', 'test', 'tools', 'bench', 'demo', 'bin'].filter((name) => existsSync(join(root, name)))) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.[jt]sx?$/.test(entry.name)) continue;
      const file = join(entry.parentPath, entry.name);
      sources.set(relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8'));
    }
  }
  return sources;
}

if (import.meta.main) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const { errors, warnings } = judge(readSources(root), Object.keys(dependencies));
  for (const warning of warnings) process.stdout.write(`warning: ${warning}\n`);
  for (const error of errors) process.stdout.write(`error: ${error}\n`);
  process.exitCode = errors.length === 0 ? 0 : 1;
}
