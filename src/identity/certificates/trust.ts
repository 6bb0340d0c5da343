import { readFileSync, statSync } from 'node:fs';
import { stat, readFile } from 'node:fs/promises';
import type { CertificateProviderConfig } from '../../config/resolved.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { readRevocationLists, type RevocationList } from './crl.ts';

const MAX_CA_BYTES = 1024 * 1024;
const MAX_CRL_BYTES = 8 * 1024 * 1024;
const MAX_ANCHORS = 100;

/** What a provider trusts now. */
export interface Trusted {
  readonly anchors: readonly Certificate[];
  /** The same as PEM, for TLS to name them to clients. */
  readonly pem: string;
  /** Undefined: the provider has none configured, and nothing is asked of them. */
  readonly lists?: readonly RevocationList[];
}

/** The trust anchors and revocation lists of one provider, from files that others write. What was read last stays while the files are broken. */
export class CertificateTrust {
  readonly #config: Pick<CertificateProviderConfig, 'ca' | 'crl'>;
  readonly #onAttempt: (failure?: string) => void;
  #trusted: Trusted;
  #version: string;
  #failure: string | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** Reads the files. Throws an Error that names the file when that cannot be done: there is nothing to fall back to. */
  constructor(config: Pick<CertificateProviderConfig, 'ca' | 'crl'>, onAttempt: (failure?: string) => void) {
    const { ca, crl } = config;
    this.#config = config;
    this.#onAttempt = onAttempt;
    this.#version = '';
    this.#trusted = trusted(readSync('ca', ca, MAX_CA_BYTES), crl === undefined ? undefined : readSync('crl', crl, MAX_CRL_BYTES));
  }

  get now(): Trusted {
    return this.#trusted;
  }

  /** Why the files could not be read again. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Whether it was made from the same files. */
  isOf({ ca, crl }: Pick<CertificateProviderConfig, 'ca' | 'crl'>): boolean {
    return this.#config.ca === ca && this.#config.crl === crl;
  }

  /** Reads the files again if they have changed: what was written before this is called is read when it resolves. Never rejects. */
  refresh(): Promise<void> {
    if (this.#running) {
      // It may have looked before the files were written; whoever asks meanwhile waits for the same next one.
      this.#next ??= this.#running.then(() => {
        this.#next = undefined;
        return this.refresh();
      });
      return this.#next;
    }
    this.#running = this.#look().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #look(): Promise<void> {
    const { ca, crl } = this.#config;
    try {
      const [ofCa, ofCrl] = [await versionOf('ca', ca, MAX_CA_BYTES), crl === undefined ? '' : await versionOf('crl', crl, MAX_CRL_BYTES)];
      const version = `${ofCa} ${ofCrl}`;
      if (version === this.#version) return;
      const [anchors, lists] = [await again('ca', readFile(ca)), crl === undefined ? undefined : await again('crl', readFile(crl))];
      this.#trusted = trusted(anchors, lists);
      this.#version = version;
      this.#failure = undefined;
    } catch (cause) {
      this.#failure = cause instanceof Error ? cause.message : 'failed';
    }
    this.#onAttempt(this.#failure);
  }
}

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;

const trusted = (ca: Buffer, crl: Buffer | undefined): Trusted => {
  const pems = [...ca.toString('latin1').matchAll(PEM)];
  const anchors = pems.map(([, base64]) => readCertificate(Buffer.from(base64 ?? '', 'base64')));
  if (anchors.length === 0) throw new Error('ca: no PEM certificate in it');
  if (anchors.length > MAX_ANCHORS) throw new Error(`ca: more than ${MAX_ANCHORS} certificates`);
  // Somebody's own certificate as an anchor would vouch for itself.
  if (!anchors.every((anchor): anchor is Certificate => anchor?.authority === true)) throw new Error('ca: a certificate in it is not that of a CA, or cannot be read');
  if (!anchors.every(({ soundKey }) => soundKey)) throw new Error('ca: the key of a certificate in it is too weak');
  const lists = crl && readLists(crl);
  return { anchors, pem: pems.map(([pem]) => `${pem}\n`).join(''), ...(lists === undefined ? {} : { lists }) };
};

const readLists = (crl: Buffer): readonly RevocationList[] => {
  try {
    return readRevocationLists(crl);
  } catch (cause) {
    throw new Error(`crl: ${(cause as Error).message}`, { cause });
  }
};

type Which = 'ca' | 'crl';

const readSync = (which: Which, file: string, most: number): Buffer => {
  try {
    if (statSync(file).size <= most) return readFileSync(file);
  } catch (cause) {
    throw unreadable(which, cause);
  }
  throw tooLarge(which, most);
};

const versionOf = async (which: Which, file: string, most: number): Promise<string> => {
  const { ino, size, mtimeNs, ctimeNs } = await again(which, stat(file, { bigint: true }));
  if (size > BigInt(most)) throw tooLarge(which, most);
  return [ino, size, mtimeNs, ctimeNs].join(' ');
};

const again = async <T>(which: Which, reading: Promise<T>): Promise<T> => {
  try {
    return await reading;
  } catch (cause) {
    throw unreadable(which, cause);
  }
};

const unreadable = (which: Which, cause: unknown): Error => new Error(`${which}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}`, { cause });
const tooLarge = (which: Which, most: number): Error => new Error(`${which}: larger than ${most / 1024} KiB`);
