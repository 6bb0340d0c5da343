import { isUtf8 } from 'node:buffer';
import type { Catalog, NameContext } from '../catalog.ts';
import type { Lineage, StatementFacts } from '../facts.ts';
import type { Asker, GrantedFunctions, InvalidText, Literal, Understander, Understood, UnderstoodStatement } from '../understand.ts';
import { withinCaps } from './caps.ts';
import { readsNamesOtherwise } from './encodings.ts';
import { FactsCache, type Entry } from './facts-cache.ts';
import { Lexer, Token } from './lexer.ts';
import { literalsOf } from './literals.ts';
import type { Answer } from './protocol.ts';
import { MOST_TOKENS, placesOf, shapeOf } from './shape.ts';
import type { Shape } from './shape.ts';
import { ParserThread } from './thread.ts';

export interface PostgresUnderstanderOptions {
  /** Longest time for one text in the parser, in milliseconds of a processor; five times as long on the clock. Default 2000. */
  readonly timeout?: number;
  /** Most bytes of what is kept by shape, about; a quarter as much by text. Default 64 MiB. */
  readonly cacheBytes?: number;
  /** Texts that may wait for the parser. Default 1000. */
  readonly queue?: number;
  /** Texts after which the parser's thread is replaced. Default 50 000. */
  readonly recycleAfter?: number;
}

/** Longest text that is understood at all, in bytes. */
const LONGEST = 16 * 1024 * 1024;
/** Longest text whose answer is kept. */
const LONGEST_KEPT = 64 * 1024;

const NOTHING_KNOWN: Lineage = { understood: false, why: 'the statement could not be parsed', uses: [], operands: [] };

const unknownFacts = (why: string): readonly StatementFacts[] => [
  { tag: 'unknown', effects: [{ class: 'unknown', verb: 'unknown', why }], timing: 'immediate', transaction: 'none', settings: [], changesCatalog: true, lineage: { ...NOTHING_KNOWN, why } },
];

/** Who asks where there is no session: the command line. */
const NOBODY: Asker = { id: '', principal: { identity: '' } };

const NO_LITERALS: readonly Literal[] = [];

const UNLEXED = unknownFacts('not valid PostgreSQL text');
const TOO_MANY_TOKENS = unknownFacts(`more than ${MOST_TOKENS.toLocaleString('en')} words and signs`);
const TOO_LONG = unknownFacts('too long to be read');
const TOO_DEEP = unknownFacts('nested too deeply, or too long');
const OLD_NUMBER = unknownFacts('a number that this server reads in another way');
const OTHER_NAME = unknownFacts('a name beyond ASCII that this database, which is not in UTF-8, could read in another way');
const UNPARSED = unknownFacts('the statement could not be parsed');

/** The answer for one text; literals are found when somebody asks for them. */
class UnderstoodText implements Understood {
  readonly statements: readonly UnderstoodStatement[];
  readonly unparsed: boolean;
  invalid?: InvalidText;
  readonly #text: Uint8Array | undefined;
  #literals: readonly Literal[] | undefined;

  /** `text` must not change afterwards; undefined when it has no literals or none can be told. */
  constructor(statements: readonly UnderstoodStatement[], unparsed: boolean, text: Uint8Array | undefined) {
    this.statements = statements;
    this.unparsed = unparsed;
    this.#text = text;
  }

  get literals(): readonly Literal[] {
    return (this.#literals ??= this.#text ? literalsOf(this.#text) : NO_LITERALS);
  }
}

interface Caches {
  /** By shape, and by the whole text where a literal decides. */
  readonly shapes: FactsCache;
  readonly texts: FactsCache;
}

const cachesOf = (bytes: number): Caches => ({ shapes: new FactsCache(bytes), texts: new FactsCache(bytes / 4) });

/** The same for one session's own catalog. */
const PRIVATE_BYTES = 2 * 1024 * 1024;

class PostgresUnderstander implements Understander {
  readonly #thread: ParserThread;
  readonly #caches: Caches;
  /** What was understood under catalogs that one session sees: it would take the room of what all share, and is never asked for again. */
  readonly #private = new WeakMap<Catalog, Caches>();
  /** What besides the text decides an answer, as a short prefix of keys. */
  #prefixes = new Map<string, string>();
  #lastCatalog: Catalog | undefined;
  #lastNames: NameContext | undefined;
  #lastGranted: GrantedFunctions | undefined;
  #lastPrefix = '';
  #count = 0;

  constructor(options: PostgresUnderstanderOptions) {
    this.#thread = new ParserThread({ timeout: options.timeout ?? 2000, queue: options.queue ?? 1000, queueBytes: 256 * 1024 * 1024, recycleAfter: options.recycleAfter ?? 50_000 });
    this.#caches = cachesOf(options.cacheBytes ?? 64 * 1024 * 1024);
  }

  understand(text: Uint8Array, catalog: Catalog, names: NameContext, granted: GrantedFunctions, asker: Asker = NOBODY): Understood | Promise<Understood> {
    const prefix = this.#prefix(catalog, names, granted);
    // NUL and bytes that are not UTF-8 are refused here, before the parser could read something else in them.
    const shape = text.length > LONGEST ? undefined : shapeOf(text, prefix);
    if (shape === undefined) return withoutShape(text);
    if (shape.end === 0) return new UnderstoodText([], false, undefined);
    if (shape.glued && catalog.serverVersion < 160000) return refused(OLD_NUMBER, text);
    const caches = catalog.private ? this.#cachesOf(catalog) : this.#caches;
    const known = (shape.exact ? undefined : caches.shapes.get(shape.key)) ?? caches.texts.get(textKey(text, prefix));
    if (known) return answered(known, shape, text);
    if (!withinCaps(text)) return refused(TOO_DEEP, text);
    if (catalog.encoding && readsNamesOtherwise(text, catalog.encoding)) return refused(OTHER_NAME, text);
    // The caller's buffer is its own again when this returns.
    const copy = new Uint8Array(text);
    return new Promise((resolve) => {
      this.#thread.submit({
        asker,
        text: copy,
        catalog,
        names,
        granted,
        done: (answer, invalid) => resolve(answer ? answered(keep(caches, answer, shape, copy, prefix), shape, copy) : refused(UNPARSED, copy, invalid)),
      });
    });
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }

  #prefix(catalog: Catalog, names: NameContext, granted: GrantedFunctions): string {
    if (catalog === this.#lastCatalog && names === this.#lastNames && granted === this.#lastGranted) return this.#lastPrefix;
    const key = JSON.stringify([catalog.id, granted.id, names.login, names.searchPath]);
    let prefix = this.#prefixes.get(key);
    if (prefix === undefined) {
      if (this.#prefixes.size >= 10_000) this.#prefixes = new Map();
      this.#prefixes.set(key, (prefix = `${(this.#count++).toString(36)} `));
    }
    this.#lastCatalog = catalog;
    this.#lastNames = names;
    this.#lastGranted = granted;
    this.#lastPrefix = prefix;
    return prefix;
  }

  #cachesOf(catalog: Catalog): Caches {
    let caches = this.#private.get(catalog);
    if (!caches) this.#private.set(catalog, (caches = cachesOf(PRIVATE_BYTES)));
    return caches;
  }
}

/** Keeps an answer; when another text of the shape came first, its facts are the ones. */
function keep({ shapes, texts }: Caches, answer: Answer, shape: Shape, text: Uint8Array, prefix: string): Entry {
  const exact = shape.exact || answer.exact;
  const [cache, key] = exact ? [texts, textKey(text, prefix)] : [shapes, shape.key];
  const before = cache.get(key);
  if (before) return before;
  const entry = entryOf(answer, shape, text);
  if (text.length <= LONGEST_KEPT) cache.set(key, entry);
  return entry;
}

const textKey = (text: Uint8Array, prefix: string): string => prefix + Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1');

function refused(facts: readonly StatementFacts[], text: Uint8Array, invalid?: InvalidText): Understood {
  const understood = new UnderstoodText([{ facts: facts[0]!, start: 0, end: text.length }], true, undefined);
  if (invalid) understood.invalid = invalid;
  return understood;
}

/** What has no shape: for its bytes, or because there is too much of it. A text that could be read in parts is never called wrong. */
function withoutShape(text: Uint8Array): Understood {
  if (text.length > LONGEST) return refused(TOO_LONG, text);
  const invalid = invalidBytes(text);
  return refused(invalid === undefined && !text.includes(0) ? TOO_MANY_TOKENS : UNLEXED, text, invalid);
}

/** What a server says of bytes that are not UTF-8, or that its lexer cannot read; of NUL nothing, for it never gets there. */
function invalidBytes(text: Uint8Array): InvalidText | undefined {
  if (text.includes(0)) return undefined;
  if (!isUtf8(text)) return { kind: 'encoding', message: 'invalid byte sequence for encoding "UTF8"' };
  const lexer = new Lexer(text);
  let kind = lexer.next();
  while (kind !== Token.end && kind !== Token.error) kind = lexer.next();
  if (kind === Token.end) return undefined;
  // Characters as the server counts them: code points.
  let position = 1;
  for (let at = 0; at < lexer.start; at++) if (((text[at] as number) & 0xc0) !== 0x80) position++;
  return { kind: 'syntax', message: 'syntax error', position };
}

/** The tokens that each statement is made of: where the parser says it begins, up to the semicolon. */
function entryOf(answer: Answer, shape: Shape, text: Uint8Array): Entry {
  const { facts, starts } = answer;
  if (facts.length === 1) return { facts };
  const places = placesOf(text, shape.tokens);
  const isSemicolon = new Set(places.semicolons);
  const first: number[] = [];
  let at = 0;
  for (const start of starts) {
    while (at < shape.tokens && ((places.starts[at] as number) < start || isSemicolon.has(at))) at++;
    first.push(at++);
  }
  const tokens = first.map((from, i): readonly [number, number] => {
    let last = (first[i + 1] ?? shape.tokens) - 1;
    while (last > from && isSemicolon.has(last)) last--;
    return [from, last];
  });
  return { facts, tokens };
}

function answered({ facts, tokens }: Entry, shape: Shape, text: Uint8Array): Understood {
  const kept = shape.literals > 0 ? new Uint8Array(text) : undefined;
  if (tokens === undefined) return new UnderstoodText([{ facts: facts[0]!, start: shape.start, end: shape.end }], false, kept);
  const places = placesOf(text, shape.tokens);
  const statements = facts.map((each, i): UnderstoodStatement => {
    const [from, to] = tokens[i]!;
    return { facts: each, start: places.starts[from]!, end: places.ends[to]! };
  });
  return new UnderstoodText(statements, false, kept);
}

/** Understanding of PostgreSQL's SQL. One for the process: its cache and its parser's thread are shared by all sessions. */
export function createPostgresUnderstander(options: PostgresUnderstanderOptions = {}): Understander {
  return new PostgresUnderstander(options);
}
