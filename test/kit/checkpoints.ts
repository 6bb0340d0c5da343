import { createHash } from 'node:crypto';

/*
 * What the tests know of checkpoints: read and computed from the specifications alone, with nothing of what writes or verifies them.
 */

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** MTH of RFC 6962, section 2.1, over entries. */
export const merkleRoot = (entries: readonly Uint8Array[]): Buffer => {
  const [only] = entries;
  if (only === undefined) return sha256();
  if (entries.length === 1) return sha256(Buffer.of(0), only);
  let split = 1;
  while (split * 2 < entries.length) split *= 2;
  return sha256(Buffer.of(1), merkleRoot(entries.slice(0, split)), merkleRoot(entries.slice(split)));
};

/** Size and root (base64) of a checkpoint note; undefined for what is none. */
export const sizeAndRoot = (note: string): { readonly size: number; readonly root: string } | undefined => {
  const [, size, root] = /^[^\n]+\n(\d+)\n([A-Za-z0-9+/]{43}=)\n/.exec(note) ?? [];
  return size === undefined || root === undefined ? undefined : { size: Number(size), root };
};

/** Every checkpoint ever signed must be the beginning of the recovered log. */
export const signedViolation = (entries: readonly Uint8Array[], signed: Iterable<string>): string | undefined => {
  for (const note of signed) {
    const checkpoint = sizeAndRoot(note);
    if (!checkpoint) continue;
    const { size, root } = checkpoint;
    if (size > entries.length) return `a checkpoint over ${size} records was signed, and there are ${entries.length}`;
    if (merkleRoot(entries.slice(0, size)).toString('base64') !== root) return `the checkpoint that was signed over ${size} records does not agree with them`;
  }
  return undefined;
};
