/** How far a text may lie behind the last zero byte: the length before it, and what may stand before that, have as many without one. */
const FARTHEST = 8;

/**
 * Texts that stand behind their length in four bytes, as binary arrays, rows and COPY data hold them. Looked through with all around it, such a text seems to go on
 * with the last byte of its length, which whoever asks for it can choose: an `E` in front of an address makes another word of it. Told apart by the bytes alone, whatever the type: a text
 * has no zero byte in it, and one is never far before it. What only looks like such a text is looked at once more, no more often than a few times.
 */
export const eachBehindLength = (bytes: Uint8Array, start: number, end: number, look: (from: number, to: number) => void): void => {
  for (let at = start; at < end; ) {
    const zero = bytes.indexOf(0, at);
    const last = zero === -1 || zero > end ? end : zero;
    for (let from = Math.max(at, start + 4); from < last && from <= at + FARTHEST; from++) {
      const length = (bytes[from - 4]! << 24) | (bytes[from - 3]! << 16) | (bytes[from - 2]! << 8) | bytes[from - 1]!;
      if (length > 0 && length <= last - from) look(from, from + length);
    }
    at = last + 1;
  }
};
