/**
 * The byte format of a segment file: a row of frames, each aligned to 8 bytes. docs/reference/evidence.md describes it for
 * other implementations; `verify/` reads it with code of its own.
 *
 *     0  u32  magic 'WGF1'
 *     4  u32  CRC-32 (zlib) of bytes 8 .. 32+length
 *     8  u32  length of the payload
 *    12  u48  number: a leaf's sequence, a body's ordinal, a segment's number
 *    18  u48  durable: how many leaves of the log were known durable when the frame was written
 *    24  u8   type
 *    25  7 zero bytes
 *    32  payload, then zeros up to a multiple of 8
 *
 * All integers are big-endian. Byte 31 is always zero, so that the RFC 6962 leaf hash SHA-256(0x00 || leaf) is the digest of
 * bytes 31 .. 32+length, without a copy.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const FRAME_HEADER = 32;
export const FRAME_MAGIC = 0x57474631;

export const FRAME_SEGMENT = 1;
export const FRAME_LEAF = 2;
export const FRAME_BODY = 3;

/** Most bytes of one leaf: an entry of a C2SP tile is length-prefixed with 16 bits. */
export const MOST_LEAF = 60 * 1024;
/** Most bytes of one frame's payload. Bounds what a reader must hold. */
export const MOST_PAYLOAD = 24 * 1024 * 1024;
/** Most bytes of one body before sealing. */
export const MOST_BODY = 16 * 1024 * 1024;

/** `prev` of the first leaf. */
export const NO_LEAF = '0'.repeat(64);

/** Version of the format of the whole folder. */
export const FORMAT = 1;

/** Bytes on disk of a frame with that payload. */
export const frameSize = (payload: number): number => (FRAME_HEADER + payload + 7) & ~7;

export interface Frame {
  readonly type: number;
  readonly number: number;
  readonly durable: number;
  /** Where the frame stands in its segment. */
  readonly position: number;
  /** A view: valid until the cursor moves. */
  readonly payload: Buffer;
  /** The header's last byte and the payload: what the leaf hash covers. */
  readonly hashed: Buffer;
}

/** Writes header and checksum of a frame whose payload of `length` bytes already stands at `at + 32`. Gives the position behind it. */
export const sealFrame = (target: Buffer, at: number, type: number, number: number, durable: number, length: number): number => {
  const end = at + FRAME_HEADER + length;
  const next = at + frameSize(length);
  target.writeUInt32BE(FRAME_MAGIC, at);
  target.writeUInt32BE(length, at + 8);
  target.writeUIntBE(number, at + 12, 6);
  target.writeUIntBE(durable, at + 18, 6);
  target[at + 24] = type;
  zero(target, at + 25, at + FRAME_HEADER);
  zero(target, end, next);
  target.writeUInt32BE(crc32(target.subarray(at + 8, end)), at + 4);
  return next;
};

/** For a few bytes: `fill` is a call into the runtime. */
const zero = (target: Buffer, from: number, to: number): void => {
  for (let at = from; at < to; at += 1) target[at] = 0;
};

/** SHA-256(0x00 || leaf) in hex, of a frame that stands at `at`: the chain's link and the Merkle tree's leaf hash. */
export const leafHash = (target: Buffer, at: number, length: number): string =>
  hash('sha256', target.subarray(at + FRAME_HEADER - 1, at + FRAME_HEADER + length), 'hex');

/** Reads the frame at `at`: the frame, `short` when the bytes end before it does, `empty` for zeros, `invalid` for anything else. */
export const parseFrame = (bytes: Buffer, at: number, position: number): Frame | 'short' | 'empty' | 'invalid' => {
  if (bytes.length - at < FRAME_HEADER) return 'short';
  const magic = bytes.readUInt32BE(at);
  if (magic === 0) return 'empty';
  const length = bytes.readUInt32BE(at + 8);
  if (magic !== FRAME_MAGIC || length > MOST_PAYLOAD) return 'invalid';
  const end = at + FRAME_HEADER + length;
  if (end > bytes.length) return 'short';
  if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32BE(at + 4) || bytes[at + 31] !== 0) return 'invalid';
  return {
    type: bytes[at + 24] as number,
    number: bytes.readUIntBE(at + 12, 6),
    durable: bytes.readUIntBE(at + 18, 6),
    position,
    payload: bytes.subarray(at + FRAME_HEADER, end),
    hashed: bytes.subarray(at + FRAME_HEADER - 1, end),
  };
};

/** What a segment's first frame says. */
export interface SegmentHeader {
  readonly v: number;
  readonly log: string;
  readonly segment: number;
  /**
   * Where the previous segment's valid part ends, when a failed disk made this one take over: what stood behind it there was
   * not durable and is repeated here.
   */
  readonly supersedes?: number;
}

export const segmentName = (segment: number): string => `${String(segment).padStart(8, '0')}.seg`;
export const SEGMENT_NAME = /^(\d{8})\.seg$/;
