import type { Catalog } from '../sql/catalog.ts';
import type { Operand, StatementFacts } from '../sql/facts.ts';
import { Lexer, Token } from '../sql/postgres/lexer.ts';
import type { Literal, Understood } from '../sql/understand.ts';
import { allDetectors, detect } from './detectors.ts';
import { keywords } from './keywords.ts';
import { oid } from './oids.ts';
import type { MaskSet } from './plan.ts';
import type { Protection } from './protection.ts';
import { boundValue } from './writeback.ts';
import type { BoundValues } from './writeback.ts';

/**
 * What is written down of a message: its text with a typed marker in the place of every literal that goes to or meets a
 * protected column, that a detector hits, or that stands where secrets stand; without comments. All detectors look,
 * whatever the masks. A text that was not understood keeps only what cannot be a value:
 * - did not parse: its key words and punctuation, other words as `<word>`;
 * - was not followed, and some column is masked: no literal.
 */
export function recordedText(text: Uint8Array, understood: Understood, masks: MaskSet, catalog: Catalog): string {
  if (understood.unparsed) return skeleton(text);
  const hidden = hiddenOperands(understood, masks, catalog);
  const markers = new Map<number, { readonly end: number; readonly marker: string }>();
  understood.literals.forEach((literal, index) => {
    if (hidden.literals !== 'all' && hidden.code.has(index)) markers.set(literal.start, { end: literal.end, marker: recordedCode(literal.value) });
    else if (hidden.literals === 'all' || hidden.literals.has(index) || isSensitive(literal)) markers.set(literal.start, { end: literal.end, marker: markerOf('literal', literal.kind) });
  });
  return starred(withoutComments(text, markers, understood.statements.filter(hides)));
}

const hides = ({ facts }: { readonly facts: StatementFacts }): boolean => facts.hidesValue === true;

/** The body of a function, as code: without comments, and with a marker for each string in it. What cannot be read as code is one marker. */
function recordedCode(body: string): string {
  const text = Buffer.from(body);
  const strings = new Map<number, { readonly end: number; readonly marker: string }>();
  const lexer = new Lexer(text);
  for (let kind = lexer.next(); kind !== Token.end; kind = lexer.next()) {
    if (kind === Token.error) return markerOf('literal', 'string');
    if (STRINGS.has(kind)) strings.set(lexer.start, { end: lexer.end, marker: markerOf('literal', 'string') });
  }
  return `$code$ ${withoutComments(text, strings, [])} $code$`;
}

/** The same for bound values: each as text, NULL as null, hidden ones as a typed marker. */
export function recordedParameters(understood: Understood, masks: MaskSet, catalog: Catalog, bound: BoundValues): (string | null)[] {
  const { values } = bound.bind;
  if (values.length === 0) return [];
  const hidden = hiddenOperands(understood, masks, catalog);
  return values.map((given, at) => {
    if (given === null) return null;
    const value = boundValue(bound, at);
    const type = bound.types[at] ?? 0;
    if (hidden.parameters === 'all' || hidden.parameters.has(at + 1)) return markerOf('value', typeName(type));
    if (typeof value === 'string') return starredBytes(given, value);
    const shown = binaryText(type, given);
    if (shown !== undefined) return starred(shown);
    const hits = detect(given, 0, given.length, allDetectors);
    return hits === undefined && given.length <= longestHex ? `\\x${Buffer.from(given).toString('hex')}` : `<value:binary ${given.length}>`;
  });
}

/** Longer binary values are only counted. */
const longestHex = 64;

const STRINGS: ReadonlySet<number> = new Set([Token.string, Token.escapeString, Token.unicodeString, Token.dollarString]);

interface Hidden {
  /** Bodies of functions. */
  readonly code: ReadonlySet<number>;
  readonly literals: ReadonlySet<number> | 'all';
  readonly parameters: ReadonlySet<number> | 'all';
}

const NOTHING: Hidden = { code: new Set(), literals: new Set(), parameters: new Set() };

function hiddenOperands(understood: Understood, masks: MaskSet, catalog: Catalog): Hidden {
  // Without masks only secrets are hidden, and few statements have any.
  if (!masks.columns && !understood.statements.some(({ facts }) => holdsSecret(facts) || (facts.named?.inner !== undefined && holdsSecret(facts.named.inner)))) return NOTHING;
  const literals = new Set<number>();
  const code = new Set<number>();
  const parameters = new Set<number>();
  const protection: Protection | undefined = masks.columns ? masks.protection(catalog) : undefined;
  const take = (operands: readonly Operand[]): void => {
    for (const operand of operands) {
      if (operand.role === 'code') code.add(operand.index);
      const hide = operand.role === 'secret' || (operand.column !== undefined && protection?.of(operand.column) !== undefined);
      if (hide) (operand.kind === 'literal' ? literals : parameters).add(operand.index);
    }
  };
  for (const { facts } of understood.statements) {
    if (protection !== undefined && !facts.lineage.understood) return { code, literals: 'all', parameters: 'all' };
    take(facts.lineage.operands);
    if (facts.named?.inner !== undefined) take(facts.named.inner.lineage.operands);
    // What the arguments meet is in another statement, that may not be at hand.
    if (protection !== undefined) for (const argument of facts.lineage.arguments ?? []) for (const atom of argument) (atom.kind === 'literal' ? literals : parameters).add(atom.index);
  }
  return { code, literals, parameters };
}

const holdsSecret = ({ lineage }: StatementFacts): boolean => lineage.operands.some(({ role }) => role === 'secret' || role === 'code');

/** A literal that a detector hits, or that holds SQL or a connection string with a password in it. */
function isSensitive(literal: Literal): boolean {
  if (literal.kind === 'bit') return false;
  const bytes = Buffer.from(literal.value);
  if (detect(bytes, 0, bytes.length, allDetectors) !== undefined) return true;
  return literal.kind === 'string' && literal.value.toLowerCase().includes('password');
}

/** What is written in the place of something that is not kept. */
export function markerOf(what: 'literal' | 'value', kind: string): string {
  return `<${what}:${kind === 'string' ? 'text' : kind}>`;
}

function typeName(type: number): string {
  for (const [name, number] of Object.entries(oid)) if (number === type) return name;
  return 'text';
}

/** Binary values that are read easily. */
function binaryText(type: number, value: Uint8Array): string | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (type === oid.int2 && bytes.length === 2) return String(bytes.readInt16BE());
  if (type === oid.int4 && bytes.length === 4) return String(bytes.readInt32BE());
  if (type === oid.int8 && bytes.length === 8) return String(bytes.readBigInt64BE());
  if (type === oid.bool && bytes.length === 1) return bytes[0] === 0 ? 'f' : 't';
  if (type === oid.json || type === oid.xml) return bytes.toString();
  if (type === oid.jsonb && bytes[0] === 1) return bytes.toString('utf8', 1);
  return undefined;
}

/** A text with the name of its kind in the place of everything that a detector hits. */
export function starred(text: string): string {
  return starredBytes(Buffer.from(text), text);
}

/** The same for a text whose bytes are at hand. */
function starredBytes(given: Uint8Array, text: string): string {
  const hits = detect(given, 0, given.length, allDetectors);
  if (hits === undefined) return text;
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  const pieces: string[] = [];
  let at = 0;
  for (const hit of hits) {
    pieces.push(bytes.toString('utf8', at, hit.start), `<${hit.kind}>`);
    at = hit.end;
  }
  pieces.push(bytes.toString('utf8', at));
  return pieces.join('');
}

/**
 * The text token by token: blanks as they are, comments as one blank, some tokens replaced. Of statements that give a setting a secret
 * value nothing is kept behind the `=` or TO.
 */
function withoutComments(text: Uint8Array, markers: ReadonlyMap<number, { readonly end: number; readonly marker: string }>, settings: readonly { readonly start: number; readonly end: number }[]): string {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const lexer = new Lexer(text);
  const pieces: string[] = [];
  let done = 0;
  let next = 0;
  for (let kind = lexer.next(); ; kind = lexer.next()) {
    const gap = bytes.toString('utf8', done, lexer.start);
    pieces.push(gap.trim() === '' ? gap : ' ');
    if (kind === Token.end || kind === Token.error) break;
    pieces.push(markers.get(lexer.start)?.marker ?? bytes.toString('utf8', lexer.start, lexer.end));
    done = lexer.end;
    // They stand in the order of the text, and there may be as many as it has statements.
    while (next < settings.length && settings[next]!.end < lexer.end) next++;
    const setting = settings[next];
    if (setting === undefined || lexer.start < setting.start || !isAssignment(bytes, kind, lexer)) continue;
    do kind = lexer.next();
    while (lexer.start < setting.end && kind !== Token.end && kind !== Token.error);
    if (kind === Token.error) break;
    pieces.push(` ${markerOf('value', 'string')}`);
    done = kind === Token.end ? bytes.length : lexer.start;
    if (kind === Token.end) break;
    pieces.push(bytes.toString('utf8', lexer.start, lexer.end));
    done = lexer.end;
  }
  return pieces.join('').trim();
}

function isAssignment(bytes: Buffer, kind: number, { start, end }: Lexer): boolean {
  const written = bytes.toString('latin1', start, end).toLowerCase();
  return (kind === Token.operator && written === '=') || (kind === Token.word && written === 'to');
}

/** Key words, punctuation and parameters of a text that did not parse; the rest as markers. It may end in the middle of anything. */
function skeleton(text: Uint8Array): string {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const lexer = new Lexer(text);
  const pieces: string[] = [];
  for (let kind = lexer.next(); kind !== Token.end; kind = lexer.next()) {
    if (kind === Token.error) {
      pieces.push('<unreadable>');
      break;
    }
    if (kind === Token.word) {
      const word = bytes.toString('latin1', lexer.start, lexer.end).toLowerCase();
      pieces.push(keywords.has(word) ? word : '<word>');
    } else if (kind === Token.quotedWord || kind === Token.unicodeWord) {
      pieces.push('<word>');
    } else if (kind === Token.operator || kind === Token.semicolon || kind === Token.parameter) {
      pieces.push(bytes.toString('latin1', lexer.start, lexer.end));
    } else {
      pieces.push(kind === Token.integer || kind === Token.decimal ? '<literal:number>' : kind === Token.bits || kind === Token.hexBits ? '<literal:bit>' : '<literal:text>');
    }
  }
  return pieces.join(' ');
}
