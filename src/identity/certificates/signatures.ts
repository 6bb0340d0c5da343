import { constants, verify, type KeyObject } from 'node:crypto';
import { childrenOf, context, expect, oidOf, TAG, type Der } from '../../wire/der.ts';

/** How a signature on a certificate or a list is checked. */
export interface Signature {
  readonly keyTypes: readonly string[];
  readonly verify: (key: KeyObject, data: Buffer, signature: Buffer) => boolean;
}

const rsa = (hash: string): Signature => ({ keyTypes: ['rsa'], verify: (key, data, signature) => verify(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature) });
const pss = (hash: string): Signature => ({ keyTypes: ['rsa', 'rsa-pss'], verify: (key, data, signature) => verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature) });
const ecdsa = (hash: string): Signature => ({ keyTypes: ['ec'], verify: (key, data, signature) => verify(hash, data, key, signature) });
const edwards = (keyType: string): Signature => ({ keyTypes: [keyType], verify: (key, data, signature) => verify(null, data, key, signature) });

/** RFC 4055, RFC 5758, RFC 8410. What is signed with MD5 or SHA-1 can be forged. */
const SIGNATURES: ReadonlyMap<string, Signature> = new Map([
  ['1.2.840.113549.1.1.11', rsa('sha256')],
  ['1.2.840.113549.1.1.12', rsa('sha384')],
  ['1.2.840.113549.1.1.13', rsa('sha512')],
  ['1.2.840.10045.4.3.2', ecdsa('sha256')],
  ['1.2.840.10045.4.3.3', ecdsa('sha384')],
  ['1.2.840.10045.4.3.4', ecdsa('sha512')],
  ['1.3.101.112', edwards('ed25519')],
  ['1.3.101.113', edwards('ed448')],
]);
const PSS = '1.2.840.113549.1.1.10';
const HASHES: ReadonlyMap<string, string> = new Map([['2.16.840.1.101.3.4.2.1', 'sha256'], ['2.16.840.1.101.3.4.2.2', 'sha384'], ['2.16.840.1.101.3.4.2.3', 'sha512']]);

/** The signature that an AlgorithmIdentifier names; undefined for one that is not accepted. Throws BadDer. */
export const signatureOf = (identifier: Der): Signature | undefined => {
  const [algorithm, parameters] = childrenOf(expect(identifier, TAG.sequence), 2);
  const oid = oidOf(algorithm);
  if (oid !== PSS) return SIGNATURES.get(oid);
  // Its hash is a parameter, and SHA-1 where none is given.
  const given = parameters === undefined ? undefined : childrenOf(parameters, 4).find(({ tag }) => tag === context(0));
  const [hashed] = given === undefined ? [] : childrenOf(given, 1);
  const hash = hashed === undefined ? undefined : HASHES.get(oidOf(childrenOf(hashed, 2)[0]));
  return hash === undefined ? undefined : pss(hash);
};

/** Whether a key of this kind made the signature. Never throws. */
export const isSignedBy = (signature: Signature, key: KeyObject, data: Buffer, bytes: Buffer): boolean => {
  if (!signature.keyTypes.includes(key.asymmetricKeyType ?? '')) return false;
  try {
    return signature.verify(key, data, bytes);
  } catch {
    return false;
  }
};

const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** Keys that nobody is known to be able to compute, of bounded cost to us. */
export const isSoundKey = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean => {
  switch (asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      const bits = asymmetricKeyDetails?.modulusLength ?? 0;
      return bits >= 2048 && bits <= 8192;
    }
    case 'ec':
      return CURVES.includes(asymmetricKeyDetails?.namedCurve ?? '');
    case 'ed25519':
    case 'ed448':
      return true;
    default:
      return false;
  }
};
