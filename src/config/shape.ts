import { formOf, forms } from './forms.ts';
import type { Problems, Spot } from './problems.ts';
import { didYouMean, nearest } from './suggest.ts';
import { parseDuration, parseSize } from './units.ts';
import { plannedProtocols } from './vocabulary.ts';
import type { Located, LocatedMap } from './yaml.ts';

/** The part of JSON schema that `schema.ts` uses; anything else in it would be a mistake, and the tests look for it. */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly const?: string | number | boolean;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Where each object and list of the plain configuration came from. */
export class Places {
  readonly #nodes = new WeakMap<object, { readonly spot: Spot; readonly keys: ReadonlyMap<string | number, Spot> }>();

  register(value: object, spot: Spot, keys: ReadonlyMap<string | number, Spot>): void {
    this.#nodes.set(value, { spot, keys });
  }

  /** Whether a key is written down, be it with a value that is not accepted. */
  has(value: object, key: string): boolean {
    return this.#nodes.get(value)?.keys.has(key) === true;
  }

  /** The spot of an object or list, or of one of its keys; the object's own when the key is not written down. */
  of(value: object, key?: string | number): Spot {
    const found = this.#nodes.get(value);
    if (found === undefined) throw new TypeError('not a part of the configuration');
    return (key === undefined ? undefined : found.keys.get(key)) ?? found.spot;
  }
}

/**
 * Holds a tree against the schema of an object and returns it as plain values, without the parts that are wrong: those are
 * problems, and the rest can still be looked at, so that one run tells everything.
 */
export function conform(schema: Schema, root: LocatedMap, problems: Problems, places: Places): Readonly<Record<string, unknown>> {
  const spot: Spot = { place: root.place, path: '' };
  for (const key of schema.required ?? []) {
    if (!root.entries.has(key)) problems.add(spot, `${key} is missing`, schema.properties?.[key]?.description);
  }
  const { required: _required, ...optional } = schema;
  return new Walk(problems, places).value(optional, root, spot) as Readonly<Record<string, unknown>>;
}

class Walk {
  readonly #problems: Problems;
  readonly #places: Places;

  constructor(problems: Problems, places: Places) {
    this.#problems = problems;
    this.#places = places;
  }

  value(schema: Schema, node: Located, spot: Spot): unknown {
    if (schema.anyOf !== undefined) return this.#oneOf(schema.anyOf, node, spot);
    if (schema.const !== undefined) return this.#oneOf([schema], node, spot);
    if (schema.type === undefined) return plain(node);
    if (node.kind === 'scalar' && node.value === null) return this.#wrong(spot, 'has no value', schema.type === 'array' ? 'write [] for an empty list' : 'give a value or remove the key');
    switch (schema.type) {
      case 'object':
        return node.kind === 'map' ? this.#object(schema, node, spot) : this.#mismatch(schema, node, spot);
      case 'array':
        return node.kind === 'list' ? this.#array(schema, node.items, spot) : this.#mismatch(schema, node, spot);
      default:
        return node.kind === 'scalar' ? this.#scalar(schema, node.value, node, spot) : this.#mismatch(schema, node, spot);
    }
  }

  #object(schema: Schema, node: LocatedMap, spot: Spot): unknown {
    const known = schema.properties ?? {};
    const [any] = Object.values(schema.patternProperties ?? {});
    const required = new Set(schema.required);
    const result: [string, unknown][] = [];
    const keys = new Map<string, Spot>();
    let usable = true;
    for (const [key, entry] of node.entries) {
      const child: Spot = { place: entry.key, path: join(spot.path, key) };
      const rule = Object.hasOwn(known, key) ? known[key] : any;
      if (rule === undefined) {
        this.#problems.add(child, 'unknown key', unknownKeyHint(key, Object.keys(known), node));
        continue;
      }
      keys.set(key, child);
      const value = this.value(rule, entry.value, child);
      if (value !== undefined) result.push([key, value]);
      else if (required.has(key)) usable = false;
    }
    for (const key of required) {
      if (node.entries.has(key)) continue;
      usable = false;
      this.#problems.add(spot, `${key} is missing`, known[key]?.description);
    }
    if (schema.minProperties !== undefined && node.entries.size < schema.minProperties) {
      this.#problems.add(spot, 'is empty', Object.keys(known).length > 0 ? `give one of ${Object.keys(known).join(', ')}` : 'give at least one');
      usable = false;
    }
    // fromEntries and not assignment: a claim may be called __proto__.
    const object = Object.fromEntries(result);
    this.#places.register(object, spot, keys);
    return usable ? object : undefined;
  }

  #array(schema: Schema, items: readonly Located[], spot: Spot): unknown {
    if (schema.minItems !== undefined && items.length < schema.minItems) return this.#wrong(spot, 'is an empty list', 'give at least one');
    const result: unknown[] = [];
    const keys = new Map<number, Spot>();
    items.forEach((item, index) => {
      const child: Spot = { place: item.place, path: `${spot.path}[${nameOf(item) ?? index}]` };
      const value = this.value(schema.items ?? {}, item, child);
      if (value === undefined) return;
      keys.set(result.length, child);
      result.push(value);
    });
    this.#places.register(result, spot, keys);
    return items.length > 0 && result.length === 0 && schema.minItems !== undefined ? undefined : result;
  }

  #scalar(schema: Schema, value: unknown, node: Located, spot: Spot): unknown {
    if (schema.type === 'string') {
      if (typeof value !== 'string') return this.#mismatch(schema, node, spot);
      if (value.length < (schema.minLength ?? 0)) return this.#wrong(spot, 'is empty');
      if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) return this.#wrong(spot, ...wrongForm(schema));
      if (uncountable(schema.pattern, value)) return this.#wrong(spot, 'is too large');
      return value;
    }
    if (schema.type === 'boolean') return typeof value === 'boolean' ? value : this.#mismatch(schema, node, spot);
    if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value))) return this.#mismatch(schema, node, spot);
    const { minimum = -Infinity, maximum = Infinity } = schema;
    if (value < minimum || value > maximum) return this.#wrong(spot, `is out of range: ${range(schema)}`);
    return value;
  }

  #oneOf(choices: readonly Schema[], node: Located, spot: Spot): unknown {
    if (node.kind === 'map') {
      const objects = choices.filter((choice) => choice.type === 'object');
      // The alternative that knows most of the keys is the one that was meant.
      const known = (choice: Schema): number => [...node.entries.keys()].filter((key) => Object.hasOwn(choice.properties ?? {}, key)).length;
      const meant = objects.toSorted((a, b) => known(b) - known(a))[0];
      if (meant !== undefined) return this.value(meant, node, spot);
    }
    if (node.kind === 'scalar') {
      if (choices.some((choice) => choice.const !== undefined && choice.const === node.value)) return node.value;
      const fits = choices.find((choice) => choice.const === undefined && scalarType(choice.type, node.value));
      if (fits !== undefined) return this.#scalar(fits, node.value, node, spot);
    }
    if (node.kind === 'scalar' && spot.path.endsWith('.protocol') && plannedProtocols.includes(String(node.value))) {
      return this.#wrong(spot, `${String(node.value)} is planned, and this version does not have it yet`, 'postgres and http are there');
    }
    const words = choices.filter((choice) => choice.const !== undefined).map((choice) => String(choice.const));
    const others = choices.filter((choice) => choice.const === undefined).map(kindOf);
    const expected = [...words, ...others].join(', ');
    const given = node.kind === 'scalar' && typeof node.value === 'string' ? didYouMean(node.value, words) : undefined;
    if (/\.allow\[\d+\]$/.test(spot.path) && node.kind === 'scalar' && node.value === 'admin') {
      return this.#wrong(spot, `expected one of ${expected}; found ${found(node)}`, 'admin is granted only by a rule, with effect: allow and classes: [admin]');
    }
    const boolean = node.kind === 'scalar' && typeof node.value === 'boolean';
    return this.#wrong(spot, `expected ${choices.length > 1 ? 'one of ' : ''}${expected}; found ${found(node)}`, given?.startsWith('did') === true ? given : boolean && others.length > 0 && words.length === 0 ? 'write it in quotes' : undefined);
  }

  #mismatch(schema: Schema, node: Located, spot: Spot): undefined {
    return this.#wrong(spot, `expected ${kindOf(schema)}; found ${found(node)}`, hintFor(schema, node));
  }

  #wrong(spot: Spot, message: string, suggestion?: string): undefined {
    this.#problems.add(spot, message, suggestion);
    return undefined;
  }
}

function unknownKeyHint(key: string, known: readonly string[], node: LocatedMap): string | undefined {
  if (key === '<<') return 'merge keys are not part of YAML 1.2';
  const meant = nearest(key, known);
  if (meant !== undefined) return node.entries.has(meant) ? `did you mean ${meant}, which is given already?` : `did you mean ${meant}?`;
  return didYouMean(key, known.filter((name) => !node.entries.has(name)));
}

/** Without places: for parts of any shape, such as the claims of a case that policies are tested with. */
function plain(node: Located): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.value)]));
}

/** A duration or size that is well formed and too large to count exactly. */
function uncountable(pattern: string | undefined, value: string): boolean {
  if (pattern === forms.duration.pattern) return parseDuration(value) === undefined;
  return pattern === forms.size.pattern && parseSize(value) === undefined;
}

function scalarType(type: string | undefined, value: unknown): boolean {
  return type === typeof value || (type === 'integer' && typeof value === 'number');
}

function join(path: string, key: string): string {
  const shown = key.length > 64 ? `${key.slice(0, 64)}...` : key;
  return path === '' ? shown : `${path}.${shown}`;
}

/** What a person calls a list item. */
function nameOf(item: Located): string | undefined {
  if (item.kind !== 'map') return undefined;
  const name = item.entries.get('name')?.value;
  return name?.kind === 'scalar' && typeof name.value === 'string' && name.value.length <= 64 ? name.value : undefined;
}

function kindOf(schema: Schema): string {
  switch (schema.type) {
    case 'object':
      return schema.properties === undefined ? 'a section' : `a section with ${Object.keys(schema.properties).join(', ')}`;
    case 'array':
      return 'a list';
    case 'boolean':
      return 'true or false';
    case 'integer':
      return schema.minimum === undefined && schema.maximum === undefined ? 'a whole number' : `a whole number, ${range(schema)}`;
    case 'number':
      return 'a number';
    default:
      return (schema.pattern === undefined ? undefined : formOf(schema.pattern)?.expected) ?? 'text';
  }
}

function found(node: Located): string {
  if (node.kind === 'map') return 'a section';
  if (node.kind === 'list') return 'a list';
  if (node.value === null) return 'nothing';
  if (typeof node.value === 'string') return 'text';
  return typeof node.value === 'number' ? 'a number' : String(node.value);
}

function range({ minimum, maximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return minimum === undefined ? `at most ${maximum}` : `at least ${minimum}`;
}

function hintFor(schema: Schema, node: Located): string | undefined {
  if (schema.type === 'array' && node.kind !== 'list') return 'begin each item with "- "';
  if (schema.type === 'boolean' && node.kind === 'scalar' && typeof node.value === 'string') {
    // YAML 1.2 reads these as text, which people coming from 1.1 do not expect.
    if (/^(yes|on|y)$/i.test(node.value)) return 'write true';
    if (/^(no|off|n)$/i.test(node.value)) return 'write false';
  }
  if (schema.type === 'string' && node.kind === 'scalar') {
    // In quotes it would be as wrong.
    if (schema.pattern === forms.duration.pattern || schema.pattern === forms.size.pattern) return 'write it with its unit';
    return 'write it in quotes';
  }
  return schema.type === 'integer' && node.kind === 'scalar' && typeof node.value === 'string' ? 'write it without quotes and units' : undefined;
}

/** What is wrong with a text that does not fit its pattern. Never shows the text: it may be a credential. */
function wrongForm(schema: Schema): [message: string, suggestion?: string] {
  const form = schema.pattern === undefined ? undefined : formOf(schema.pattern);
  if (form === undefined) return ['has the wrong form'];
  const message = form.refusal ?? `expected ${form.expected}`;
  return form.hint === undefined ? [message] : [message, form.hint];
}
