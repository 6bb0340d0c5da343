import type { SecretRef } from '../../config/resolved.ts';
import { formatSecretRef } from '../../config/secret-ref.ts';
import type { InjectorParts } from './injector.ts';
import { SecretUnavailable } from '../secrets.ts';
import { CredentialUnavailable } from './unavailable.ts';

/** Reads the secrets of one credential. */
export interface SecretReader {
  /** As text that a header can carry: visible ASCII, for tokens and key ids. */
  token(ref: SecretRef): Promise<string>;
  /** Gives the bytes to `use`, and overwrites them after. */
  bytes<T>(ref: SecretRef, use: (value: Buffer) => T): Promise<T>;
}

/** What is wrong with where a secret is kept is logged once. Rejects with CredentialUnavailable. */
export const secretReader = ({ secrets, log }: Pick<InjectorParts, 'secrets' | 'log'>): SecretReader => {
  const warned = new Set<string>();
  const bytes = async <T>(ref: SecretRef, use: (value: Buffer) => T): Promise<T> => {
    let lease;
    try {
      lease = await secrets.lease(ref);
    } catch (cause) {
      throw new CredentialUnavailable(cause instanceof SecretUnavailable ? cause.message : `${formatSecretRef(ref)} cannot be read`);
    }
    const { reference, warning } = lease;
    if (warning !== undefined && !warned.has(reference)) {
      warned.add(reference);
      log.warn({ reference }, warning);
    }
    return lease.use(use);
  };
  return {
    bytes,
    token: async (ref) => {
      const text = await bytes(ref, (value) => value.toString('latin1'));
      if (!/^[\x21-\x7e]+$/.test(text)) throw new CredentialUnavailable(`${formatSecretRef(ref)} holds characters that a token cannot have`);
      return text;
    },
  };
};
