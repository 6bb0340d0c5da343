import {
  doWhile, get, i16x8ShrU, i32, i32Add, i32Const, i32Eqz, i32LtU, i32Or, i32Shl, i32ShrU, i32Store, i32Sub, i32Wrap, i64, i64And, i64AndNot, i64Const, i64Ctz, i64Eqz, i64Extend, i64Or, i64Shl, i64ShrU,
  i64Sub, i8x16Bitmask, i8x16Eq, i8x16LtU, i8x16Splat, i8x16Sub, i8x16Swizzle, moduleOf, set, splat, unless, v128, v128And, v128AndNot, v128AnyTrue, v128Const, v128Load, v128Or, whileNot,
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

// The first local is the length of the text, then where it ends.
const end = 0;
const at = 1;
const out = 2;
const found = 3;
const blocks = [4, 5, 6, 7] as const;
/** Signs may be in this stretch. */
const near = 8;
const firstRow = 9;

type Class = (bytes: Code) => Code;
const byte = (character: string): Class => (bytes) => i8x16Eq(bytes, splat(character.charCodeAt(0)));
const range = (from: string, to: string): Class => (bytes) => i8x16LtU(i8x16Sub(bytes, splat(from.charCodeAt(0))), splat(to.charCodeAt(0) - from.charCodeAt(0) + 1));
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
const rowAt = (name: Name): number => firstRow + names.indexOf(name);
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
  return v128And(i8x16Swizzle(v128Const(low), v128And(bytes, splat(15))), i8x16Swizzle(v128Const(high), v128And(i16x8ShrU(bytes, 4), splat(15))));
};
const withDigits = 0x80;

/** The row of a class, moved so that the bit of a place tells of the byte `ahead` of it. */
const row = (name: Name) => (ahead: number): Code => i64ShrU(get(rowAt(name)), behind + ahead);
const digit = row('digit');
const upper = row('upper');
const dash = row('dash');
const blank = row('blank');
const dot = row('dot');
const colon = row('colon');
const plus = row('plus');
const tx = row('tx');
const alone = row('alone');

const digits = (from: number, count: number): Code => Array.from({ length: count }, (_, index) => digit(from + index)).reduce((one, other) => i64And(one, other));
const gap = (ahead: number): Code => i64Or(dash(ahead), blank(ahead), dot(ahead));
/** `555-0100`, the end of a North American number. */
const subscriber = (from: number): Code => i64And(digits(from, 3), gap(from + 3), digits(from + 4, 4));
/** One to three digits and a dot. */
const octet = (from: number): Code => i64And(digit(from), i64Or(dot(from + 1), i64And(digit(from + 1), i64Or(dot(from + 2), i64And(digit(from + 2), dot(from + 3))))));
const withNext = (one: (ahead: number) => Code, from: number, nearest: number, farthest: number): Code =>
  i64And(one(from), Array.from({ length: farthest - nearest + 1 }, (_, index) => one(from + nearest + index)).reduce((a, b) => i64Or(a, b)));
/** Two colons with one to four bytes between. */
const group = (from: number): Code => withNext(colon, from, 2, 5);

/** The first digit of a run. */
const first = i64AndNot(digit(0), digit(-1));

/** What a run of digits is by itself: all that there is to find where no `sign` is near. */
const bare = i64And(
  first,
  i64Or(
    digits(1, 10), // a card in one piece, or with only two digits in its last group
    i64And(upper(-2), upper(-1), digit(1)), // an IBAN, behind its country
  ),
);

const signed: readonly Code[] = [
  i64And(
    first,
    i64Or(
      i64And(digits(1, 2), dash(3), digits(4, 2), dash(6), digit(7)), // a social security number
      withNext(octet, 0, 2, 4), // IPv4
      plus(-1), // an international phone number
      i64And(digits(1, 2), i64Or(subscriber(4), subscriber(5))), // a North American one, at its area code
    ),
  ),
  alone(0),
  // Between two groups of a card.
  i64And(i64Or(dash(0), blank(0)), digits(-4, 4), digits(1, 3)),
  // IPv6: `::`, or three colons in a row that are near enough.
  i64And(colon(0), i64Or(colon(1), withNext(group, 0, 2, 5))),
  // `glpat-`, `xoxb-`; five dashes before something else, as in `-----BEGIN`.
  i64And(dash(0), i64Or(tx(-1), tx(-2), i64AndNot(i64And(dash(1), dash(2), dash(3), dash(4)), dash(5)))),
];

const rowOf = (of: Class): Code => blocks.map((block, index) => i64Shl(i64Extend(i8x16Bitmask(of(get(block)))), index * 16)).reduce((one, other) => i64Or(one, other));

const rows = (...of: readonly Name[]): Code => of.flatMap((name) => set(rowAt(name), rowOf(classes[name])));

/** The module: `run` takes the length of the text, writes the list, and gives the number of places in it. They may lie behind the text's end. */
export const scanner = (): Uint8Array<ArrayBuffer> => {
  const code = [
    ...set(at, i32Const(textAt - behind)),
    ...set(end, i32Add(get(end), i32Const(textAt))),
    ...set(out, i32Const(listAt)),
    ...doWhile(
      [
        ...blocks.flatMap((block, index) => set(block, v128Load(get(at), index * 16))),
        ...set(found, i64Const(0)),
        ...rows('digit'),
        // Most stretches of many texts are letters and digits; behind one with signs the next mostly has some too.
        ...unless(get(near), set(near, v128AnyTrue(v128AndNot(blocks.map((block) => sign(get(block))).reduce(v128Or), i8x16Splat(i32Shl(i64Eqz(get(rowAt('digit'))), 7)))))),
        ...unless(i32Or(get(near), i64Eqz(get(rowAt('digit')))), [...rows('upper'), ...set(found, bare)]),
        ...unless(i32Eqz(get(near)), [
          ...rows(...names.filter((name) => name !== 'digit')),
          ...set(found, i64Or(bare, ...signed)),
          ...set(near, i32Eqz(i64Eqz(i64Or(...ofSigns.map((name) => get(rowAt(name))) as [Code])))),
        ]),
        ...set(found, i64And(get(found), i64Const(2 ** step - 1))),
        ...whileNot(i64Eqz(get(found)), [
          ...i32Store(get(out), i32Sub(i32Add(get(at), i32Wrap(i64Ctz(get(found)))), i32Const(textAt - behind))),
          ...set(out, i32Add(get(out), i32Const(4))),
          ...set(found, i64And(get(found), i64Sub(get(found), i64Const(1)))),
        ]),
        ...set(at, i32Add(get(at), i32Const(step))),
      ],
      i32LtU(get(at), get(end)),
    ),
    ...i32ShrU(i32Sub(get(out), i32Const(listAt)), 2),
  ];
  return moduleOf([i32, i32, i64, ...blocks.map(() => v128), i32, ...names.map(() => i64)], code, pages);
};
