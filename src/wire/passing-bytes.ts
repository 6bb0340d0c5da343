import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So many bytes may pass before what they came in is given back. */
const BETWEEN = 4 * 1024 * 1024;

/**
 * Bytes of streams lie outside of the engine's own heap, where they hardly weigh when it decides to clean up: a stream of gigabytes lets a
 * hundred MiB of spent buffers lie (measured), although no more than a few hundred KiB are in use. Smaller buffers do not change that: what counts
 * is their sum, and Node's sockets and TLS make a new one for each read. Looking through the young objects each 4 MiB gives them back at once, and
 * takes well under a millisecond. No option of the command line is needed for it.
 */
const cleaner = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as ((options: { readonly type: 'minor' }) => void) | undefined;
  setFlagsFromString('--no-expose-gc');
  // An engine that does not offer it keeps more of what is spent, and serves all the same.
  return () => collect?.({ type: 'minor' });
};

/** Made when it is first needed. */
let cleanUp: (() => void) | undefined;

let passed = 0;

/** Tells that so many bytes of a stream have come. */
export const bytesPassed = (bytes: number): void => {
  passed += bytes;
  if (passed < BETWEEN) return;
  passed = 0;
  cleanUp ??= cleaner();
  cleanUp();
};
