import { Transform, type TransformCallback } from 'node:stream';
import { NotSignable } from '../../secrets/upstream/not-signable.ts';

/** Flags of a first message, compressed or not, and what both are in base64 (gRPC-Web in text). No JSON begins so. */
const BEGINNINGS: ReadonlySet<number> = new Set([0x00, 0x01, 0x41]);

/**
 * Passes the messages of a call on as they are. A body that only calls itself one is not looked at for masked values that come back, and servers that read JSON
 * whatever its type says would take it: it ends with NotSignable before anything of it is given.
 */
export const callMessages = (): Transform => {
  let begun = false;
  return new Transform({
    transform: (piece: Buffer, _encoding: BufferEncoding, done: TransformCallback) => {
      const [first] = piece;
      if (!begun && first !== undefined) {
        if (!BEGINNINGS.has(first)) return done(new NotSignable('the body is not made of messages, as that of a call is'));
        begun = true;
      }
      return done(null, piece);
    },
  });
};
