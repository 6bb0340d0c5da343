import { createHash, X509Certificate } from 'node:crypto';
import { BadDer, childrenOf, context, expect, readDer, TAG, type Der } from '../../wire/der.ts';
import { extensionsOf, readExtensions, type Extensions } from './extensions.ts';
import { readDistinguished, type DistinguishedName } from './names.ts';
import { isSoundKey, signatureOf } from './signatures.ts';

/** Largest certificate, in bytes. Real ones have one or two thousand; keys of the next generation make that ten. */
const MAX_BYTES = 32 * 1024;

/** A certificate taken apart: well formed, and nothing in it verified. */
export interface Certificate extends Extensions {
  readonly x509: X509Certificate;
  /** SHA-256 in lower-case hexadecimal. */
  readonly fingerprint: string;
  /** As hexadecimal digits in lower case, two for a byte. */
  readonly serial: string;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  readonly subjectBytes: Buffer;
  readonly issuerBytes: Buffer;
  /** Milliseconds since the epoch; NaN for a time that is none, which is neither before nor after anything. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Signed by an algorithm that is good enough. */
  readonly soundSignature: boolean;
  /** Its own key is good enough. */
  readonly soundKey: boolean;
}

/** Takes a certificate apart (RFC 5280 section 4.1). Undefined for whatever is none, also where only our stricter reading says so. */
export const readCertificate = (der: Buffer): Certificate | undefined => {
  if (der.length > MAX_BYTES) return undefined;
  try {
    return taken(der);
  } catch {
    return undefined;
  }
};

const taken = (der: Buffer): Certificate => {
  const [tbs, algorithm, signature] = childrenOf(readDer(der, TAG.sequence), 3);
  expect(signature, TAG.bits);
  const parts = childrenOf(expect(tbs, TAG.sequence), 10);
  const [version, serial, inner, issuer, , subject] = parts;
  // Version 3, the only one with extensions: without them nothing tells a CA from anybody else.
  if (version?.tag !== context(0) || childrenOf(version, 1)[0]?.content.toString('hex') !== '02') throw new BadDer('not a certificate of version 3');
  if (inner === undefined || algorithm === undefined || !inner.bytes.equals(algorithm.bytes)) throw new BadDer('two signature algorithms');
  const extensions = extensionsOf(parts, 3);
  const x509 = new X509Certificate(der);
  return {
    x509,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    serial: serialOf(serial),
    subject: readDistinguished(subject),
    issuer: readDistinguished(issuer),
    subjectBytes: Buffer.from((subject as Der).bytes),
    issuerBytes: Buffer.from((issuer as Der).bytes),
    notBefore: x509.validFromDate.getTime(),
    notAfter: x509.validToDate.getTime(),
    soundSignature: signatureOf(algorithm) !== undefined,
    soundKey: isSoundKey(x509.publicKey),
    ...(extensions === undefined ? NO_EXTENSIONS : readExtensions(extensions)),
  };
};

const NO_EXTENSIONS: Extensions = { authority: false, names: { dns: [], emails: [], uris: [], addresses: [], directories: [] }, unknownCritical: false };

/** The bytes of a serial number, without the zero that only keeps it positive. Throws BadDer. */
export const serialOf = (element: Der | undefined): string => {
  const { content } = expect(element, TAG.integer);
  if (content.length === 0 || content.length > 21) throw new BadDer('a serial number is empty or too long');
  return (content.length > 1 && content[0] === 0 ? content.subarray(1) : content).toString('hex');
};
