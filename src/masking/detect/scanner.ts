import {
  doWhile, get, i16x8ShrU, i32, i32Add, i32Const, i32Eqz, i32LtU, i32Or, i32Shl, i32ShrU, i32Store, i32Sub, i32Wrap, i64, i64And, i64AndNot, i64Const, i64Ctz, i64Eqz, i64Extend, i64Or, i64Shl, i64ShrU,
  i64Sub, i8x16Bitmask, i8x16Eq, i8x16Add, i8x16GtS, i8x16Splat, i8x16Swizzle, moduleOf, set, unless, v128, v128And, v128AndNot, v128AnyTrue, v128Load, v128Or, whileNot,
} from './wasm.ts';
import type { Code } from './wasm.ts';

/*
 * A function in WebAssembly that says where in a text the detectors have to look. Sixteen bytes at a time are sorted into classes
 * (digits, dashes, ...); a class is a row of bits, and rows moved against one another tell where `123-45-6` stands. It never says too
 * little: whatever `detectors.ts` finds has its place named. Often it says too much: a place is where to look, not a find.
 */

/** Bytes that are looked at in one go. */
export const mostBytes = 65536;
/** Where the text begins in the function's memory. Zeros stand before it, for the look behind its first bytes. */
export const textAt = 64;
const page = 65536;
/** Where the list of places begins: offsets into the text, 32 bits each. */
export const listAt = 2 * page;
const pages = 2 + (mostBytes * 4) / page;

/** Each turn reads 64 bytes and judges 48 places: a place is judged by the `behind` bytes before it and the 12 behind it. */
const step = 48;
const behind = 4;

/** Types of the locals behind the first, which is the length of the text, then where it ends. */
const locals: number[] = [];
const local = (type: number): number => locals.push(type);
const end = 0;
const at = local(i32);
const out = local(i32);
const found = local(i64);
const blocks = [local(v128), local(v128), local(v128), local(v128)] as const;
/** Signs may be in this stretch. */
const near = local(i32);

/** Behind the last byte of text that is read. */
const constantsAt = textAt + mostBytes + 2 * 64;
const constants: { readonly bytes: readonly number[]; readonly local: number }[] = [];
/**
 * Sixteen bytes of these values, out of memory into a local before the first turn: V8 would put together what is written as a constant
 * at each place where it is used, in three instructions for one that uses it.
 */
const constant = (bytes: readonly number[]): Code => {
  let known = constants.find((one) => one.bytes.every((byte, index) => byte === bytes[index]));
  if (known === undefined) constants.push((known = { bytes, local: local(v128) }));
  return get(known.local);
};
/** The same byte sixteen times. */
const splat = (byte: number): Code => constant(new Array<number>(16).fill(byte));

type Class = (bytes: Code) => Code;
const byte = (character: string): Class => (bytes) => i8x16Eq(bytes, splat(character.charCodeAt(0)));
/** Moved up until its last is the largest number with a sign: there is no comparison without one in the processor. */
const range = (from: string, to: string): Class => (bytes) => i8x16GtS(i8x16Add(bytes, splat(0x7f - to.charCodeAt(0))), splat(0x7e - to.charCodeAt(0) + from.charCodeAt(0)));
const anyOf = (characters: string): Class => (bytes) => Array.from(characters, (character) => byte(character)(bytes)).reduce(v128Or);

const classes = {
  digit: range('0', '9'),
  upper: range('A', 'Z'),
  dash: byte('-'),
  blank: byte(' '),
  dot: byte('.'),
  colon: byte(':'),
  plus: byte('+'),
  tx: anyOf('tx'),
  // Rare enough to look at each: addresses, and what stands in the prefixes of keys and tokens (`AKIA`, `eyJ`, `ghp_`).
  alone: anyOf('@IJ_'),
};
type Name = keyof typeof classes;
const names = Object.keys(classes) as readonly Name[];
const rowsAt = names.map(() => local(i64));
const rowAt = (name: Name): number => rowsAt[names.indexOf(name)]!;
/** The classes of signs. */
const ofSigns = ['dash', 'blank', 'dot', 'colon', 'plus', 'alone'] as const;

/** Without one of these nothing in `signed` holds; and where no digit is near, without one of the first group. */
const signs = ['-:@IJ_', '+. '] as const;

/**
 * Whether a byte is a sign: the first group gives bits of the lower half, the second of the higher. Two look-ups, by the lower and the higher
 * half of the byte: they have a bit in common where it is in the table, since the higher halves of a group have a bit each.
 */
const sign: Class = (bytes) => {
  const bits = new Map<string, number>();
  const low = new Array<number>(16).fill(0);
  const high = new Array<number>(16).fill(0);
  for (const [group, characters] of signs.entries()) {
    for (const character of characters) {
      const code = character.charCodeAt(0);
      const name = `${group} ${code >> 4}`;
      if (!bits.has(name)) bits.set(name, group === 0 ? 1 << bits.size : withDigits);
      low[code & 15]! |= bits.get(name)!;
      high[code >> 4]! |= bits.get(name)!;
    }
  }
  return v128And(i8x16Swizzle(constant(low), v128And(bytes, splat(15))), i8x16Swizzle(constant(high), v128And(i16x8ShrU(bytes, 4), splat(15))));
};
const withDigits = 0x80;

/*
 * The rows below tell at the bit of each byte what begins there. What is `ahead` of a byte comes to its bit by a move to the right, what is behind it by one to the left.
 */
const ahead = (row: Code, by: number): Code => i64ShrU(row, by);
const before = (row: Code, by: number): Code => i64Shl(row, by);
const row = (name: Name): Code => get(rowAt(name));
const digit = row('digit');
const upper = row('upper');
const dash = row('dash');
const dot = row('dot');
const colon = row('colon');

/** Rows that several of those behind them are made of, each in a local of its own. */
const made: { readonly local: number; readonly code: Code }[] = [];
const make = (code: Code): Code => {
  const one = { local: local(i64), code };
  made.push(one);
  return get(one.local);
};
const anyAhead = (row: Code, nearest: number, farthest: number): Code => Array.from({ length: farthest - nearest + 1 }, (_, index) => ahead(row, nearest + index)).reduce((one, other) => i64Or(one, other));

/** So many digits. */
const two = make(i64And(digit, ahead(digit, 1)));
const three = make(i64And(two, ahead(digit, 2)));
const four = make(i64And(two, ahead(two, 2)));
/** The first digit of a run. */
const first = make(i64AndNot(digit, before(digit, 1)));

/** What a run of digits is by itself: all that there is to find where no `sign` is near. */
const bare = i64And(
  first,
  i64Or(
    i64And(four, ahead(four, 4), ahead(three, 8)), // a card in one piece, or with only two digits in its last group
    i64And(before(upper, 2), before(upper, 1), two), // an IBAN, behind its country
  ),
);
const madeForBare = made.length;

const blankOrDash = make(i64Or(dash, row('blank')));
/** `555-0100`, the end of a North American number. */
const subscriber = make(i64And(three, ahead(i64Or(blankOrDash, dot), 3), ahead(four, 4)));
/** One to three digits and a dot. */
const octet = make(i64Or(i64And(digit, ahead(dot, 1)), i64And(two, ahead(dot, 2)), i64And(three, ahead(dot, 3))));
/** Two colons with one to four bytes between. */
const group = make(i64And(colon, anyAhead(colon, 2, 5)));
const twoDashes = make(i64And(dash, ahead(dash, 1)));

const signed: readonly Code[] = [
  i64And(
    first,
    i64Or(
      i64And(three, ahead(dash, 3), ahead(two, 4), ahead(dash, 6), ahead(digit, 7)), // a social security number
      i64And(octet, anyAhead(octet, 2, 4)), // IPv4
      before(row('plus'), 1), // an international phone number
      i64And(three, anyAhead(subscriber, 4, 5)), // a North American one, at its area code
    ),
  ),
  row('alone'),
  // Between two groups of a card.
  i64And(blankOrDash, before(four, 4), ahead(three, 1)),
  // IPv6: `::`, or three colons in a row that are near enough.
  i64And(colon, i64Or(ahead(colon, 1), i64And(group, anyAhead(group, 2, 5)))),
  // `glpat-`, `xoxb-`; five dashes before something else, as in `-----BEGIN`.
  i64And(dash, i64Or(before(row('tx'), 1), before(row('tx'), 2), i64AndNot(i64And(ahead(twoDashes, 1), ahead(twoDashes, 3)), ahead(dash, 5)))),
];

/** The locals that these rows need, filled. */
const fill = (from: number, to: number): Code => made.slice(from, to).flatMap((one) => set(one.local, one.code));

const rowOf = (of: Class): Code => blocks.map((block, index) => i64Shl(i64Extend(i8x16Bitmask(of(get(block)))), index * 16)).reduce((one, other) => i64Or(one, other));

const rows = (...of: readonly Name[]): Code => of.flatMap((name) => set(rowAt(name), rowOf(classes[name])));

/** The module: `run` takes the length of the text, writes the list, and gives the number of places in it. They may lie behind the text's end. */
export const scanner = (): Uint8Array<ArrayBuffer> => {
  // Made first, because it says which constants there are.
  const turns = doWhile(
    [
      ...blocks.flatMap((block, index) => set(block, v128Load(get(at), index * 16))),
      ...set(found, i64Const(0)),
      ...rows('digit'),
      // Most stretches of many texts are letters and digits; behind one with signs the next mostly has some too.
      ...unless(get(near), set(near, v128AnyTrue(v128AndNot(blocks.map((block) => sign(get(block))).reduce(v128Or), i8x16Splat(i32Shl(i64Eqz(digit), 7)))))),
      ...unless(i32Or(get(near), i64Eqz(digit)), [...rows('upper'), ...fill(0, madeForBare), ...set(found, bare)]),
      ...unless(i32Eqz(get(near)), [
        ...rows(...names.filter((name) => name !== 'digit')),
        ...fill(0, made.length),
        ...set(found, i64Or(bare, ...signed)),
        ...set(near, i32Eqz(i64Eqz(i64Or(...ofSigns.map((name) => get(rowAt(name))) as [Code])))),
      ]),
      ...set(found, i64And(ahead(get(found), behind), i64Const(2 ** step - 1))),
      ...whileNot(i64Eqz(get(found)), [
        ...i32Store(get(out), i32Sub(i32Add(get(at), i32Wrap(i64Ctz(get(found)))), i32Const(textAt - behind))),
        ...set(out, i32Add(get(out), i32Const(4))),
        ...set(found, i64And(get(found), i64Sub(get(found), i64Const(1)))),
      ]),
      ...set(at, i32Add(get(at), i32Const(step))),
    ],
    i32LtU(get(at), get(end)),
  );
  const code = [
    ...set(at, i32Const(textAt - behind)),
    ...set(end, i32Add(get(end), i32Const(textAt))),
    ...set(out, i32Const(listAt)),
    ...constants.flatMap(({ local: kept }, index) => set(kept, v128Load(i32Const(constantsAt), 16 * index))),
    ...turns,
    ...i32ShrU(i32Sub(get(out), i32Const(listAt)), 2),
  ];
  return moduleOf(locals, code, pages, { at: constantsAt, bytes: constants.flatMap(({ bytes }) => bytes) });
};
