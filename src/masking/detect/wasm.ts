/*
 * As much of the WebAssembly binary format as one function needs: code is a list of bytes, made by the functions below, each named
 * after its instruction. https://webassembly.github.io/spec/core/binary/
 */

/** Instructions, encoded. */
export type Code = readonly number[];

export const i32 = 0x7f;
export const i64 = 0x7e;
export const v128 = 0x7b;

/** LEB128. JavaScript's bit operators would cut what is over 32 bits. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128, of a number that is not negative: its highest group must not look like a sign. */
function positive(value: number): number[] {
  const bytes = unsigned(value);
  if (bytes.at(-1)! < 0x40) return bytes;
  bytes[bytes.length - 1]! |= 0x80;
  return [...bytes, 0];
}

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

export const i32Const = (value: number): Code => [0x41, ...positive(value)];
export const i32Add = (one: Code, other: Code): Code => [...one, ...other, 0x6a];
export const i32Eqz = (value: Code): Code => [...value, 0x45];
export const i32Sub = (one: Code, other: Code): Code => [...one, ...other, 0x6b];
export const i32ShrU = (value: Code, by: number): Code => [...value, ...i32Const(by), 0x76];
export const i32Or = (one: Code, other: Code): Code => [...one, ...other, 0x72];
export const i32Shl = (value: Code, by: number): Code => [...value, ...i32Const(by), 0x74];
export const i32LtU = (one: Code, other: Code): Code => [...one, ...other, 0x49];
export const i32Store = (address: Code, value: Code): Code => [...address, ...value, 0x36, 2, 0];
export const i32Wrap = (value: Code): Code => [...value, 0xa7];

export const i64Const = (value: number): Code => [0x42, ...positive(value)];
export const i64Extend = (value: Code): Code => [...value, 0xad];
export const i64Ctz = (value: Code): Code => [...value, 0x7a];
export const i64Eqz = (value: Code): Code => [...value, 0x50];
export const i64Sub = (one: Code, other: Code): Code => [...one, ...other, 0x7d];
export const i64Shl = (value: Code, by: number): Code => [...value, ...i64Const(by), 0x86];
export const i64ShrU = (value: Code, by: number): Code => (by === 0 ? value : [...value, ...i64Const(by), 0x88]);
const folded = (operator: number) => (first: Code, ...rest: readonly Code[]): Code => rest.reduce((all, one) => [...all, ...one, operator], first);
export const i64And = folded(0x83);
export const i64Or = folded(0x84);
/** The bits of the first that the second has not. */
export const i64AndNot = (one: Code, other: Code): Code => [...one, ...other, 0x42, 0x7f, 0x85, 0x83];

const simd = (instruction: number): number[] => [0xfd, ...unsigned(instruction)];
/** Sixteen bytes from anywhere. */
export const v128Load = (address: Code, offset: number): Code => [...address, ...simd(0x00), 0, ...unsigned(offset)];
export const i8x16Eq = (one: Code, other: Code): Code => [...one, ...other, ...simd(0x23)];
/** With signs. */
export const i8x16GtS = (one: Code, other: Code): Code => [...one, ...other, ...simd(0x27)];
export const i8x16Add = (one: Code, other: Code): Code => [...one, ...other, ...simd(0x6e)];
export const v128Or = (one: Code, other: Code): Code => [...one, ...other, ...simd(0x50)];
export const v128And = (one: Code, other: Code): Code => [...one, ...other, ...simd(0x4e)];
/** The bits of the first that the second has not. */
export const v128AndNot = (one: Code, other: Code): Code => [...one, ...other, ...simd(0x4f)];
/** The lowest byte of a number sixteen times. */
export const i8x16Splat = (value: Code): Code => [...value, ...simd(0x0f)];
/** Whether any bit is set. */
export const v128AnyTrue = (value: Code): Code => [...value, ...simd(0x53)];
/** For each byte of the second the byte of the first at that place; zero from 16 on. */
export const i8x16Swizzle = (table: Code, places: Code): Code => [...table, ...places, ...simd(0x0e)];
export const i16x8ShrU = (value: Code, by: number): Code => [...value, ...i32Const(by), ...simd(0x8d)];
/** The highest bit of each of the sixteen bytes. */
export const i8x16Bitmask = (value: Code): Code => [...value, ...simd(0x64)];

/** Runs `body` while `condition`, looked at behind it, holds. */
export const doWhile = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
/** Runs `body` as often as `condition`, looked at before it, holds. */
export const whileNot = (stop: Code, body: Code): Code => [0x02, 0x40, 0x03, 0x40, ...stop, 0x0d, 1, ...body, 0x0c, 0, 0x0b, 0x0b];

/** Runs `body` unless `condition` holds. */
export const unless = (condition: Code, body: Code): Code => [0x02, 0x40, ...condition, 0x0d, 0, ...body, 0x0b];

const section = (id: number, body: Code): Code => [id, ...unsigned(body.length), ...body];
const text = (value: string): Code => [value.length, ...Buffer.from(value)];

/**
 * A module with one function `run`, of one i32 parameter (local 0) and an i32 result, and a memory of its own.
 * @param locals types of the locals from 1 on
 * @param data what stands in the memory at first
 */
export function moduleOf(locals: readonly number[], code: Code, pages: number, data: { readonly at: number; readonly bytes: readonly number[] }): Uint8Array<ArrayBuffer> {
  const body = [...unsigned(locals.length), ...locals.flatMap((type) => [1, type]), ...code, 0x0b];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [1, 0x60, 1, i32, 1, i32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, ...unsigned(pages), ...unsigned(pages)]),
    ...section(7, [2, ...text('run'), 0, 0, ...text('memory'), 2, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
    ...section(11, [1, 0, ...i32Const(data.at), 0x0b, ...unsigned(data.bytes.length), ...data.bytes]),
  ]);
}
