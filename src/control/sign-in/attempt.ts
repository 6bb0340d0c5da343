import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** How long somebody may take at their provider. */
export const ATTEMPT_MS = 600_000;

/** A sign-in that was begun, as the browser that began it holds it: sealed, so nothing is kept here that strangers could fill up. */
export interface Attempt {
  readonly provider: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly returnTo: string;
  /** Key of a bootstrap link. */
  readonly bootstrap?: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Seals attempts for the browser and opens them again. */
export class AttemptSeal {
  readonly #key: Buffer;

  constructor(key: Uint8Array) {
    this.#key = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'wicketgate/sign-in/v1', 32));
  }

  seal(attempt: Attempt): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    return Buffer.concat([nonce, cipher.update(JSON.stringify(attempt), 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  /** Undefined when it is not one of ours, or too old. */
  open(sealed: string, now: number): Attempt | undefined {
    if (!/^[A-Za-z0-9_-]{40,6000}$/.test(sealed)) return undefined;
    try {
      const bytes = Buffer.from(sealed, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(bytes.subarray(-16));
      const attempt = JSON.parse(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8')) as Attempt;
      return now < attempt.until ? attempt : undefined;
    } catch {
      return undefined;
    }
  }
}
