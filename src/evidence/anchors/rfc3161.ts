import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NoAnswer, send } from '../send.ts';
import { ANSWER_MS, AnchorFault, sizeName, type Anchor, type AnchoredCheckpoint } from './anchor.ts';
import { BadTimestamp, timestampRequest, verifyTimestamp } from './timestamp.ts';

/** How far the authority's time may be from ours. */
const MOST_SKEW_MS = 300_000;
const MOST_RESPONSE = 64 * 1024;

export interface TimestampParts {
  readonly url: string;
  readonly ca?: string;
  /** PEM file of the CAs that certify the authority. */
  readonly trust: string;
  /** Where checkpoints and their tokens are kept. */
  readonly folder: string;
  readonly now?: () => number;
}

/** Has an authority time-stamp the SHA-256 of a checkpoint (RFC 3161). The checkpoint and the response are kept side by side: `<size>.note`, `<size>.tsr`. */
export class TimestampAnchor implements Anchor {
  readonly #parts: TimestampParts;

  constructor(parts: TimestampParts) {
    this.#parts = parts;
  }

  async keep({ size, note }: AnchoredCheckpoint): Promise<void> {
    const { url, ca, now = Date.now } = this.#parts;
    const digest = createHash('sha256').update(note, 'utf8').digest();
    // Positive and of full length, so that it looks the same in every encoding.
    const nonce = randomBytes(8);
    nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
    try {
      const trust = await certificatesOf(this.#parts.trust);
      const answer = await send({ url, method: 'POST', headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' }, body: timestampRequest(digest, nonce), timeoutMs: ANSWER_MS, mostBytes: MOST_RESPONSE, ...(ca === undefined ? {} : { ca }) });
      if (answer.status !== 200) throw new AnchorFault(`it answered ${answer.status}`);
      const time = verifyTimestamp(answer.body, { digest, nonce, trust });
      const off = time - now();
      if (Math.abs(off) > MOST_SKEW_MS) throw new AnchorFault(`its time is ${Math.round(Math.abs(off) / 1000)} s ${off > 0 ? 'ahead of' : 'behind'} this clock`);
      await this.#store(sizeName(size), note, answer.body);
    } catch (error) {
      if (error instanceof AnchorFault) throw error;
      if (error instanceof NoAnswer || error instanceof BadTimestamp) throw new AnchorFault(error.message);
      throw new AnchorFault((error as NodeJS.ErrnoException).code ?? 'failed');
    }
  }

  /** The checkpoint before the token: a token is never alone. */
  async #store(name: string, note: string, token: Buffer): Promise<void> {
    const { folder } = this.#parts;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [extension, bytes] of [['note', note], ['tsr', token]] as const) {
      const path = join(folder, `${name}.${extension}`);
      await writeFile(`${path}.draft`, bytes, { mode: 0o600, flush: true });
      await rename(`${path}.draft`, path);
    }
  }
}

/** Read each time, so that it can be replaced. */
const certificatesOf = async (path: string): Promise<X509Certificate[]> => {
  try {
    const pem = await readFile(path, 'latin1');
    const found = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g) ?? [];
    if (found.length > 0) return found.map((one) => new X509Certificate(one));
  } catch {
    // Said below.
  }
  throw new AnchorFault('the file of trusted CAs cannot be read, or holds no certificate');
};
