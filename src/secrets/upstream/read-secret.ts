import type { SecretRef } from '../../config/resolved.ts';
import { formatSecretRef } from '../../config/secret-ref.ts';
import type { InjectorParts } from './injector.ts';
import type { Lease } from '../lease.ts';
import { SecretUnavailable } from '../secrets.ts';
import { CredentialUnavailable } from './unavailable.ts';

/** Reads the secrets of one credential. */
export interface SecretReader {
  /** As text that a header can carry: visible ASCII, for tokens and key ids. */
  token(ref: SecretRef): string | Promise<string>;
  /** Gives the bytes to `use`, and overwrites them after. */
  bytes<T>(ref: SecretRef, use: (value: Buffer) => T): T | Promise<T>;
}

/** At once, where the secret is in memory already. What is wrong with where it is kept is logged once. Throws, or rejects with, CredentialUnavailable. */
export const secretReader = ({ secrets, log }: Pick<InjectorParts, 'secrets' | 'log'>): SecretReader => {
  const warned = new Set<string>();
  const unavailable = (cause: unknown, ref: SecretRef): CredentialUnavailable => new CredentialUnavailable(cause instanceof SecretUnavailable ? cause.message : `${formatSecretRef(ref)} cannot be read`);
  const leased = ({ reference, warning }: Lease): void => {
    if (warning === undefined || warned.has(reference)) return;
    warned.add(reference);
    log.warn({ reference }, warning);
  };
  const bytes = <T>(ref: SecretRef, use: (value: Buffer) => T): T | Promise<T> => {
    let lease: Lease | Promise<Lease>;
    try {
      lease = secrets.lease(ref);
    } catch (cause) {
      throw unavailable(cause, ref);
    }
    if (lease instanceof Promise) {
      return lease.then(
        (read) => {
          leased(read);
          return read.use(use);
        },
        (cause: unknown) => {
          throw unavailable(cause, ref);
        },
      );
    }
    leased(lease);
    return lease.use(use);
  };
  return {
    bytes,
    token: (ref) =>
      bytes(ref, (value) => {
        const text = value.toString('latin1');
        if (!/^[\x21-\x7e]+$/.test(text)) throw new CredentialUnavailable(`${formatSecretRef(ref)} holds characters that a token cannot have`);
        return text;
      }),
  };
};
