import { createHash, timingSafeEqual } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

/** A body is not the one that its client signed. */
export class BodyNotSigned extends Error {
  override name = 'BodyNotSigned';
}

/**
 * Passes a body on whose SHA-256 (hex) the client signed. The last piece waits for the hash, so that a body which is another one never
 * reaches its end; it ends with BodyNotSigned.
 */
export const hashedBody = (sha256: string): Transform => {
  const digest = createHash('sha256');
  let held: Buffer | undefined;
  return new Transform({
    transform: (piece: Buffer, _encoding: BufferEncoding, done: TransformCallback) => {
      digest.update(piece);
      const before = held;
      held = piece;
      done(null, before);
    },
    flush: (done: TransformCallback) => {
      if (!timingSafeEqual(digest.digest(), Buffer.from(sha256, 'hex'))) return done(new BodyNotSigned('the body is not the one that was signed'));
      return done(null, held);
    },
  });
};
