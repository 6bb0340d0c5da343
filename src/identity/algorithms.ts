import { constants, verify, type KeyObject } from 'node:crypto';

/** A signature algorithm of RFC 7518 section 3 (and RFC 8037): which key it takes and how node:crypto checks it. */
interface Algorithm {
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  /** OpenSSL's name of the one curve that goes with it (RFC 7518 section 3.4). */
  readonly curve?: string;
  readonly verify: (key: KeyObject, data: Buffer, signature: Buffer) => boolean;
}

const rsa = (hash: string): Algorithm => ({
  keyType: 'rsa',
  verify: (key, data, signature) => verify(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature),
});
const pss = (hash: string): Algorithm => ({
  keyType: 'rsa',
  verify: (key, data, signature) =>
    verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature),
});
const ecdsa = (hash: string, curve: string): Algorithm => ({
  keyType: 'ec',
  curve,
  // The length of r and s is fixed by the curve; node:crypto refuses any other.
  verify: (key, data, signature) => verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature),
});
const ed25519: Algorithm = { keyType: 'ed25519', verify: (key, data, signature) => verify(null, data, key, signature) };

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['RS256', rsa('sha256')],
  ['RS384', rsa('sha384')],
  ['RS512', rsa('sha512')],
  ['PS256', pss('sha256')],
  ['PS384', pss('sha384')],
  ['PS512', pss('sha512')],
  ['ES256', ecdsa('sha256', 'prime256v1')],
  ['ES384', ecdsa('sha384', 'secp384r1')],
  ['ES512', ecdsa('sha512', 'secp521r1')],
  ['EdDSA', ed25519],
  ['Ed25519', ed25519],
]);

/** Whether the gateway can check this algorithm. All are asymmetric: `none` and the HMAC family do not exist here. */
export const isSupportedAlgorithm = (name: string): boolean => algorithms.has(name);

/** Whether `key` is of the kind that the algorithm takes. A key never serves an algorithm of another kind. */
export const fitsAlgorithm = (key: KeyObject, name: string): boolean => {
  const algorithm = algorithms.get(name);
  if (algorithm === undefined || key.type !== 'public' || key.asymmetricKeyType !== algorithm.keyType) return false;
  return algorithm.curve === undefined || key.asymmetricKeyDetails?.namedCurve === algorithm.curve;
};

/** Checks a JWS signature. False for whatever does not fit; never throws. */
export const verifySignature = (name: string, key: KeyObject, data: Buffer, signature: Buffer): boolean => {
  if (!fitsAlgorithm(key, name)) return false;
  try {
    return algorithms.get(name)?.verify(key, data, signature) === true;
  } catch {
    return false;
  }
};
