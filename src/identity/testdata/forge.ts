import { constants, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import type { SigningKey } from '../../../test/kit/tokens.ts';

const encode = (part: string | Buffer | object): string =>
  Buffer.from(typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)).toString('base64url');

/** Puts a token together from whatever parts, with a signature over exactly them. Objects become JSON; text stays as it is. */
export const forge = (header: string | Buffer | object, claims: string | Buffer | object, signer: (input: Buffer) => Buffer): string => {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`;
};

/** Signs as the issuer would. RS256, PS256 and ES256. */
export const signer = (key: SigningKey): ((input: Buffer) => Buffer) => {
  const secret = privateKey(key);
  return (input) => {
    if (key.algorithm === 'ES256') return sign('sha256', input, { key: secret, dsaEncoding: 'ieee-p1363' });
    if (key.algorithm === 'PS256') return sign('sha256', input, { key: secret, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    return sign('sha256', input, secret);
  };
};

export const privateKey = (key: SigningKey): KeyObject => createPrivateKey({ key: key.privateJwk as Record<string, unknown>, format: 'jwk' });

/** Order of the P-256 group. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other signature (r, n - s) of the same content under ES256, which every verifier accepts. */
export const malleate = (token: string): string => {
  const [head, body, tail] = token.split('.');
  const signature = Buffer.from(tail ?? '', 'base64url');
  const s = ORDER - BigInt(`0x${signature.subarray(32).toString('hex')}`);
  const other = Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  return `${head}.${body}.${other.toString('base64url')}`;
};
