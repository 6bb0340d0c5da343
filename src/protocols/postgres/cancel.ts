import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

/**
 * Virtual cancel keys. The client gets a key that only this gateway knows; a CancelRequest is a connection of its own that
 * may come without TLS, so the key is the whole proof. PostgreSQL 18 documentation, 54.2.8.
 */
export class CancelKeys {
  /** Keys are kept as Latin-1 text: a Buffer takes 300 bytes beside its four. */
  readonly #sessions = new Map<number, { readonly key: string; readonly cancel: () => void }>();

  /** @param minor 0: exactly 4 bytes; 2: as long as is useful */
  issue(minor: 0 | 2, cancel: () => void): { readonly processId: number; readonly key: Buffer } {
    let processId = randomInt(1, 2 ** 31 - 1);
    while (this.#sessions.has(processId)) processId = randomInt(1, 2 ** 31 - 1);
    const key = randomBytes(minor === 2 ? 32 : 4);
    this.#sessions.set(processId, { key: key.toString('latin1'), cancel });
    return { processId, key };
  }

  revoke(processId: number): void {
    this.#sessions.delete(processId);
  }

  /** Whether the key was right. Nobody is told, as in PostgreSQL. */
  cancel(processId: number, key: Buffer): boolean {
    const session = this.#sessions.get(processId);
    if (!session || session.key.length !== key.length || !timingSafeEqual(Buffer.from(session.key, 'latin1'), key)) return false;
    session.cancel();
    return true;
  }
}
