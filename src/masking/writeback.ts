import type { Catalog } from '../sql/catalog.ts';
import type { Operand } from '../sql/facts.ts';
import type { Literal, Understood } from '../sql/understand.ts';
import { constantOf, redacted } from './constants.ts';
import { isPseudonym } from './hash-key.ts';
import { isMoment, moments } from './moments.ts';
import { characters, oid } from './oids.ts';
import type { ColumnMask, MaskSet } from './plan.ts';
import type { ProtectedColumn, Protection } from './protection.ts';

/** Why a statement is refused, and by which mask. */
export interface GuardRefusal {
  readonly reason: string;
  readonly mask: string;
}

/** A value on its way to a column: its text form, its bytes in the type's binary form, or NULL. */
export type WrittenValue = string | { readonly binary: Uint8Array } | null;

/** Types whose constant is a zero, written in any way. */
const numeric: ReadonlySet<number> = new Set([oid.int2, oid.int4, oid.int8, oid.oid, oid.float4, oid.float8, oid.numeric, oid.money, oid.xid, oid.cid, oid.xid8]);
const falsehoods: ReadonlySet<string> = new Set(['f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0']);
/** Types whose constant has drivers give their program what they give it for NULL, and write as NULL. */
const readAsNull: ReadonlySet<number> = new Set([oid.json, oid.jsonb]);

/**
 * Whether a value is one that the mask of a column can produce: then writing it to that column could put a masked value in
 * the place of the real one. A value that is equal by chance counts too. `type` 0: not known, and both the mask of text and
 * that of any other type count.
 */
export function couldBeMask(mask: Pick<ColumnMask, 'transform'>, type: number, value: WrittenValue): boolean {
  const { transform } = mask;
  const withoutConstant = type !== 0 && constantOf(type, -1, 0) === undefined;
  // A client that read NULL and writes the whole row back would clear the column.
  if (value === null) return transform === 'null' || withoutConstant || readAsNull.has(type);
  if (transform === 'null' || withoutConstant) return false;
  if (typeof value === 'object') return isMaskBytes(mask, type, value.binary);
  const text = value.trimEnd();
  if (type === 0) return isMaskText(transform, text) || isRedaction(0, text);
  return characters.has(type) ? isMaskText(transform, text) : isRedaction(type, text);
}

function isMaskText(transform: ColumnMask['transform'], text: string): boolean {
  // What the constant is of an expression over the column, whatever the transform: three stars, or what fits.
  if (text === '*' || text === '**' || text === redacted) return true;
  if (transform === 'hash') return isPseudonym(text);
  if (typeof transform !== 'object') return false;
  if ('fixed' in transform) return text === transform.fixed.trimEnd() || (text !== '' && transform.fixed.startsWith(text));
  return isPartial(text, transform.partial);
}

/** Stars, then at most `keep` characters. */
function isPartial(text: string, keep: number): boolean {
  const points = Array.from(text);
  let stars = 0;
  while (stars < points.length && points[stars] === '*') stars++;
  return stars > 0 && points.length - stars <= keep;
}

/** The constant of a type without characters, in the ways in which clients write it. */
function isRedaction(type: number, text: string): boolean {
  if (type === 0 || numeric.has(type)) {
    if (isZero(text)) return true;
    if (type !== 0) return false;
  }
  if (type === oid.bool) return falsehoods.has(text.trim().toLowerCase());
  if (type === oid.bit) return text !== '' && Array.from(text).every((digit) => digit === '0');
  if (moments.has(type)) return isMoment(type, text);
  const constant = Buffer.from(constantOf(type === 0 ? oid.json : type, -1, 0) ?? []).toString();
  return text.trim().toLowerCase() === constant.toLowerCase();
}

/** Zero, written with any sign, point, exponent or currency. */
function isZero(text: string): boolean {
  let digits = 0;
  for (const character of text.trim().replace(/e[-+]?\d+$/i, '')) {
    if (character === '0') digits++;
    else if (!'.-+$,'.includes(character)) return false;
  }
  return digits > 0;
}

/** The same in the binary forms. Parameters may have another width than the column, so that zeros of any length count. */
function isMaskBytes(mask: Pick<ColumnMask, 'transform'>, type: number, bytes: Uint8Array): boolean {
  if (characters.has(type)) return isMaskText(mask.transform, Buffer.from(bytes).toString().trimEnd());
  if (bytes.length > 0 && bytes.every((byte) => byte === 0)) return true;
  // numeric without digits is zero, whatever its scale.
  if ((type === oid.numeric || type === 0) && bytes.length === 8 && bytes[0] === 0 && bytes[1] === 0 && bytes[4] === 0 && bytes[5] === 0) return true;
  const constant = constantOf(type, -1, 1);
  if (constant !== undefined && constant.length === bytes.length && constant.every((byte, at) => byte === bytes[at])) return true;
  return type === 0 && isMaskText(mask.transform, Buffer.from(bytes).toString().trimEnd());
}

/** The values of a Bind message, and the parameter types that Parse declared (0 or missing: left to the server). */
export interface BoundValues {
  readonly bind: { readonly formats: readonly (0 | 1)[]; readonly values: readonly (Uint8Array | null)[] };
  readonly types: readonly number[];
}

/**
 * Refuses a message in which a literal (or NULL) that the mask of a protected column could have made is written to it.
 * Arguments of EXECUTE are judged by what the prepared statement of the same message does with its parameters.
 */
export function guardLiterals(understood: Understood, masks: MaskSet, catalog: Catalog): GuardRefusal | undefined {
  if (!masks.columns) return undefined;
  const protection = masks.protection(catalog);
  const prepared = new Map<string, readonly Operand[]>();
  for (const { facts } of understood.statements) {
    const { lineage, named } = facts;
    for (const operand of lineage.operands) {
      const literal = operand.kind === 'literal' ? understood.literals[operand.index] : undefined;
      if (literal === undefined) continue;
      const refused = guard(operand, literal.value, protection) ?? blownUp(operand, literal, protection) ?? resized(operand, understood, protection);
      if (refused !== undefined) return refused;
    }
    for (const [columns, value] of [[lineage.nulled, null], [lineage.falsified, 'false']] as const) {
      for (const column of columns ?? []) {
        const found = protection.of(column);
        if (found !== undefined && couldBeMask(found.mask, found.type, value)) return refusal(found);
      }
    }
    if (named?.name === undefined) continue;
    if (named.kind === 'prepare' && named.inner !== undefined) prepared.set(named.name, named.inner.lineage.operands);
    const operands = named.kind === 'execute' ? prepared.get(named.name) : undefined;
    const refused = operands && guardArguments(lineage.arguments ?? [], understood, operands, protection);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function guardArguments(given: readonly (readonly Pick<Operand, 'kind' | 'index'>[])[], understood: Understood, operands: readonly Operand[], protection: Protection): GuardRefusal | undefined {
  for (const operand of operands) {
    if (operand.kind !== 'parameter') continue;
    for (const atom of given[operand.index - 1] ?? []) {
      const literal = atom.kind === 'literal' ? understood.literals[atom.index] : undefined;
      const refused = literal && guard(operand, literal.value, protection);
      if (refused !== undefined) return refused;
    }
  }
  return undefined;
}

/** The same for a bound statement: its literals and the values of its parameters. */
export function guardParameters(understood: Understood, masks: MaskSet, catalog: Catalog, bound: BoundValues): GuardRefusal | undefined {
  if (!masks.columns) return undefined;
  const protection = masks.protection(catalog);
  for (const { facts } of understood.statements) {
    for (const operand of facts.lineage.operands) {
      if (operand.kind !== 'parameter' || operand.role !== 'written') continue;
      const refused = guard(operand, boundValue(bound, operand.index - 1), protection);
      if (refused !== undefined) return refused;
    }
  }
  return guardLiterals(understood, masks, catalog);
}

/** One bound value. Without formats all are text; one format holds for all. */
export function boundValue({ bind, types }: BoundValues, at: number): WrittenValue {
  const value = bind.values[at];
  if (value === null || value === undefined) return null;
  const format = bind.formats[bind.formats.length === 1 ? 0 : at] ?? 0;
  const bytes = value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
  return format === 0 || characters.has(types[at] ?? 0) ? bytes.toString() : { binary: bytes };
}

function guard(operand: Operand, value: WrittenValue, protection: Protection): GuardRefusal | undefined {
  if (operand.role !== 'written' || operand.column === undefined) return undefined;
  const found = protection.of(operand.column);
  return found !== undefined && containsMask(found, value) ? refusal(found) : undefined;
}

/** The refusal of a value that a protected column's mask could have made. */
export function refusal(column: ProtectedColumn): GuardRefusal {
  return { reason: `a value that the mask of ${column.label} could have made would be written to it`, mask: column.mask.name };
}

/** Longer literals in a total function over a protected column could make its work, and so its time, tell the value. */
const longestBeside = 64;

function blownUp(operand: Operand, literal: Literal, protection: Protection): GuardRefusal | undefined {
  if (operand.role !== 'compared' || literal.end - literal.start <= longestBeside) return undefined;
  const found = operand.column === undefined ? undefined : protection.of(operand.column);
  // Outside strict mode comparing is allowed, whatever it is compared with.
  return found?.strict ? { reason: `a long literal meets ${found.label}`, mask: found.mask.name } : undefined;
}

/** Nothing in it that a server could read in another way, or write with another number of bytes. */
const plainText = /^[ -[\]-~]*$/;

/** One literal in the place of another, of another length, makes how long the result is tell what is in the value: by whether a row is still short enough to be answered. */
function resized({ column, index, insteadOf }: Operand, { literals }: Understood, protection: Protection): GuardRefusal | undefined {
  const found = insteadOf === undefined || column === undefined ? undefined : protection.of(column);
  if (found?.strict !== true) return undefined;
  const [each, by] = [literals[insteadOf!]?.value, literals[index]?.value];
  const same = each !== undefined && by !== undefined && plainText.test(each) && plainText.test(by) && each.length === by.length;
  return same ? undefined : { reason: `${found.label} stands in an expression that makes it longer or shorter`, mask: found.mask.name };
}

/** Characters between which the elements of arrays and the members of documents stand. */
const punctuation: ReadonlySet<string> = new Set([',', '"', '{', '}', '[', ']', ':', '(', ')']);

/** The value itself; for a column of characters also an element of an array, or a member of a document, of which the column may be made. */
export function containsMask(column: ProtectedColumn, value: WrittenValue): boolean {
  if (couldBeMask(column.mask, column.type, value)) return true;
  if (typeof value !== 'string' || (column.type !== 0 && !characters.has(column.type))) return false;
  if (value[0] !== '{' && value[0] !== '[') return false;
  let from = 1;
  for (let at = 1; at < value.length; at++) {
    if (!punctuation.has(value[at]!)) continue;
    if (at > from && isMaskText(column.mask.transform, value.slice(from, at).trim())) return true;
    from = at + 1;
  }
  return false;
}
