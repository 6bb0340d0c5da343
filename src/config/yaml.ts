import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node as YamlNode } from 'yaml';
import type { Place, Problems } from './problems.ts';

/** A configuration file as read: values with the place that each stands at. Only what JSON knows. */
export type Located = LocatedMap | LocatedList | LocatedScalar;
export interface LocatedMap {
  readonly kind: 'map';
  readonly place: Place;
  readonly entries: ReadonlyMap<string, LocatedEntry>;
}
export interface LocatedList {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly Located[];
}
export interface LocatedScalar {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly value: string | number | boolean | null;
}
export interface LocatedEntry {
  /** Where the key stands; what is said about a key points here. */
  readonly key: Place;
  readonly value: Located;
}

/** Deeper than any configuration; bounds every recursion over the tree. */
const deepest = 32;
/** Values in one file, aliases expanded: what stops a few lines of aliases from becoming gigabytes. */
const mostValues = 100_000;

/**
 * Reads one file: YAML 1.2 core, one document. Duplicate keys, tags, other YAML versions, unbounded aliases and numbers that would
 * lose digits are problems. Returns undefined when there was any, since what is left could be a list that lost its denies.
 */
export function readYaml(text: string, file: string, problems: Problems): Located | undefined {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  let failed = false;
  const report = (where: Place, message: string, suggestion?: string): void => {
    failed = true;
    problems.add({ place: where, path: '' }, message, suggestion);
  };
  const deep = tooDeep(text);
  if (deep !== undefined) {
    report({ file, ...deep }, `nested deeper than ${deepest} levels`);
    return undefined;
  }
  let documents: readonly Document[];
  try {
    const parsed = parseAllDocuments(text, {
      version: '1.2', schema: 'core', strict: true, stringKeys: true, uniqueKeys: false, prettyErrors: false, logLevel: 'silent', lineCounter: lines,
    });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch {
    report({ file, line: 1, column: 1 }, 'cannot be read as YAML');
    return undefined;
  }
  const [document, second] = documents;
  if (document === undefined) {
    report({ file, line: 1, column: 1 }, 'is empty');
    return undefined;
  }
  for (const each of documents) {
    for (const error of [...each.errors, ...each.warnings]) {
      const [message, hint] = reword(error.code, error.message);
      report(place(error.pos[0]), message, hint);
    }
  }
  if (second !== undefined) report(place(second.range?.[0] ?? 0), 'a second YAML document begins here', 'one document a file: remove the --- line');
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    report({ file, line: 1, column: 1 }, 'only YAML 1.2 is read', 'remove the %YAML line');
  }
  if (failed) return undefined;
  const tree = document.contents === null ? undefined : new Reader(place, report).read(document.contents, 0);
  if (tree === undefined && !failed) report({ file, line: 1, column: 1 }, 'is empty');
  return failed ? undefined : tree;
}

/** Turns the parser's nodes into ours. */
class Reader {
  readonly #anchors = new Map<string, YamlNode>();
  readonly #open = new Set<YamlNode>();
  readonly #place: (offset: number) => Place;
  readonly #report: (where: Place, message: string, suggestion?: string) => void;
  #values = 0;

  constructor(place: (offset: number) => Place, report: (where: Place, message: string, suggestion?: string) => void) {
    this.#place = place;
    this.#report = report;
  }

  read(node: YamlNode, depth: number): Located | undefined {
    const place = this.#place(node.range?.[0] ?? 0);
    this.#values += 1;
    if (this.#values === mostValues) this.#report(place, `more than ${mostValues} values, aliases expanded`);
    if (this.#values >= mostValues) return undefined;
    if (depth > deepest) return this.#refuse(place, `nested deeper than ${deepest} levels`);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) return this.#refuse(place, 'an alias of something that does not stand above it');
      if (this.#open.has(target)) return this.#refuse(place, 'an alias of something that contains it');
      return this.read(target, depth);
    }
    const { anchor, tag } = node as { anchor?: string; tag?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    // The core schema sets no tag on what it recognises by itself, so a tag here was written down.
    if (tag !== undefined) return this.#refuse(place, 'tags are not read', 'remove the part that starts with !');
    if (isScalar(node)) return this.#scalar(node.value, node.source, place);
    this.#open.add(node);
    const value = isMap(node) ? this.#map(node, place, depth) : isSeq(node) ? this.#list(node.items as YamlNode[], place, depth) : undefined;
    this.#open.delete(node);
    return value;
  }

  #scalar(value: unknown, source: string | undefined, place: Place): Located | undefined {
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) return this.#refuse(place, 'not a finite number');
      // A claim such as 12345678901234567890 would silently be compared with its last digits changed.
      if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return this.#refuse(place, 'a number with more digits than can be kept', source === undefined ? undefined : `write "${source.slice(0, 40)}"`);
    }
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { kind: 'scalar', place, value };
    return this.#refuse(place, 'a value of a kind that is not read');
  }

  #list(items: readonly YamlNode[], place: Place, depth: number): Located {
    return { kind: 'list', place, items: items.map((item) => this.read(item, depth + 1)).filter((item) => item !== undefined) };
  }

  #map(node: { readonly items: readonly { readonly key: unknown; readonly value: unknown }[] }, place: Place, depth: number): Located {
    const entries = new Map<string, LocatedEntry>();
    for (const { key, value } of node.items) {
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.#refuse(place, 'a key must be text');
        continue;
      }
      const where = this.#place(key.range?.[0] ?? 0);
      const before = entries.get(key.value);
      if (before !== undefined) {
        this.#refuse(where, `the key ${JSON.stringify(key.value.slice(0, 40))} was already given on line ${before.key.line}`, 'keep one of them');
        continue;
      }
      const found = value === null || value === undefined ? ({ kind: 'scalar', place: where, value: null } as const) : this.read(value as YamlNode, depth + 1);
      if (found !== undefined) entries.set(key.value, { key: where, value: found });
    }
    return { kind: 'map', place, entries };
  }

  #refuse(place: Place, message: string, suggestion?: string): undefined {
    this.#report(place, message, suggestion);
    return undefined;
  }
}

/**
 * A cheap look before the parser, whose cost grows with the square of the nesting: brackets that stay open, and dashes in a row.
 * Counts brackets in quoted text too, and therefore leaves a wide margin.
 */
function tooDeep(text: string): { line: number; column: number } | undefined {
  let open = 0;
  let line = 1;
  let start = 0;
  let dashes = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 0x0a) {
      line += 1;
      start = i + 1;
      dashes = 0;
    } else if (c === 0x5b || c === 0x7b) open += 1;
    else if (c === 0x5d || c === 0x7d) open = Math.max(0, open - 1);
    else if ((c === 0x2d || c === 0x3f || c === 0x3a) && text.charCodeAt(i + 1) === 0x20) dashes += 1;
    if (open > 16 * deepest || dashes > 8 * deepest) return { line, column: i - start + 1 };
  }
  return undefined;
}

/** The parser's own words are for YAML's authors; these are for the file's. */
function reword(code: string, message: string): [message: string, suggestion?: string] {
  switch (code) {
    case 'TAB_AS_INDENT':
      return ['a tab is used to indent', 'use spaces'];
    case 'NON_STRING_KEY':
      return ['a key must be text'];
    case 'TAG_RESOLVE_FAILED':
      return ['tags are not read', 'remove the part that starts with !'];
    case 'RESOURCE_EXHAUSTION':
      return [`nested deeper than ${deepest} levels`];
    default:
      return [`not valid YAML: ${message.split('\n', 1)[0] ?? ''}`];
  }
}
