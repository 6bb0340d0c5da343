import { createPublicKey, type KeyObject } from 'node:crypto';
import { fitsAlgorithm } from './algorithms.ts';
import { readJsonObject } from '../wire/json.ts';

/** Largest key set, in bytes, and most keys in it. */
export const MAX_KEYSET_BYTES = 256 * 1024;
const MAX_KEYS = 100;
const BOUNDS = { depth: 8, values: 20_000 };
const MIN_RSA_BITS = 2048;
/** Verifying with a larger key costs milliseconds of the one thread that serves everybody. */
const MAX_RSA_BITS = 8192;
const MAX_RSA_EXPONENT = 2n ** 32n;

/** One public key of an issuer. */
export interface IssuerKey {
  readonly id?: string;
  /** The algorithm that the issuer bound it to, if it did. */
  readonly algorithm?: string;
  readonly key: KeyObject;
}

/** The keys of an issuer as published at one moment (RFC 7517 section 5). */
export interface KeySet {
  readonly keys: readonly IssuerKey[];
  /** Keys that were left out: symmetric, private, for encryption, too short, of an unknown kind. */
  readonly skipped: number;
}

/**
 * Reads a JWK set. A key that cannot be used is left out, as RFC 7517 section 5 wants; a set without any usable key, or
 * with too many, is refused. Throws an Error whose message is safe to log.
 * `previous` lets keys that did not change keep their identity, so that what was verified with them stays known.
 */
export const readKeySet = (bytes: Uint8Array, previous?: KeySet): KeySet => {
  if (bytes.length > MAX_KEYSET_BYTES) throw new Error('key set is larger than 256 KiB');
  const document = readJsonObject(bytes, BOUNDS);
  const published = document['keys'];
  if (!Array.isArray(published)) throw new Error('key set has no keys');
  if (published.length > MAX_KEYS) throw new Error(`key set has more than ${MAX_KEYS} keys`);
  const keys: IssuerKey[] = [];
  for (const jwk of published as unknown[]) {
    const key = readKey(jwk);
    if (key !== undefined) keys.push(previous?.keys.find((known) => isSameKey(known, key)) ?? key);
  }
  if (keys.length === 0) throw new Error('key set has no usable key');
  return { keys, skipped: published.length - keys.length };
};

/** The keys that may have made a signature: right id, right kind, not bound to something else. */
export const candidateKeys = (set: KeySet, algorithm: string, keyId: string | undefined): readonly KeyObject[] =>
  set.keys
    .filter((key) => (keyId === undefined || key.id === keyId) && (key.algorithm === undefined || key.algorithm === algorithm) && fitsAlgorithm(key.key, algorithm))
    .map((key) => key.key);

/** Whether the set has any key of this id, or no id was asked for. */
export const knowsKeyId = (set: KeySet, keyId: string | undefined): boolean => keyId === undefined || set.keys.some((key) => key.id === keyId);

const isSameKey = (one: IssuerKey, other: IssuerKey): boolean =>
  one.id === other.id && one.algorithm === other.algorithm && one.key.equals(other.key);

const readKey = (value: unknown): IssuerKey | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const jwk = value as Record<string, unknown>;
  const { kid, alg, use, key_ops: operations } = jwk;
  // A published private or symmetric key is known to everybody: what it signs proves nothing.
  if ('d' in jwk || 'k' in jwk || !isKeyType(jwk['kty'])) return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined;
  if (kid !== undefined && typeof kid !== 'string') return undefined;
  if (alg !== undefined && typeof alg !== 'string') return undefined;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
  if (!isStrong(key)) return undefined;
  return { key, ...(kid === undefined ? {} : { id: kid }), ...(alg === undefined ? {} : { algorithm: alg }) };
};

const isKeyType = (kty: unknown): boolean => kty === 'RSA' || kty === 'EC' || kty === 'OKP';

const isStrong = (key: KeyObject): boolean => {
  if (key.asymmetricKeyType !== 'rsa') return true;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS && publicExponent >= 3n && publicExponent % 2n === 1n && publicExponent <= MAX_RSA_EXPONENT;
};
