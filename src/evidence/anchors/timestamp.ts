import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import { BadDer, childrenOf, context, expect, oidOf, readDer, TAG, writeDer, writeInteger, type Der } from '../../wire/der.ts';

/** Time-stamps of RFC 3161: the request, and what a response must be to count. */

const OID = {
  sha256: '2.16.840.1.101.3.4.2.1',
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  rsaPss: '1.2.840.113549.1.1.10',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const;
/** Digests that a token may be made with; SHA-1 is not one. */
const DIGESTS: Readonly<Record<string, string>> = { [OID.sha256]: 'sha256', '2.16.840.1.101.3.4.2.2': 'sha384', '2.16.840.1.101.3.4.2.3': 'sha512' };
const SHA256_OID = Buffer.from('0609608648016503040201', 'hex');
const DEEPEST_CHAIN = 8;

/** Not a time-stamp of what was asked, or not by whom it should be. */
export class BadTimestamp extends Error {}

/** A request for a time-stamp of a SHA-256 digest, asking for the certificate as well. */
export const timestampRequest = (digest: Buffer, nonce: Buffer): Buffer =>
  writeDer(
    TAG.sequence,
    writeInteger(Buffer.of(1)),
    writeDer(TAG.sequence, writeDer(TAG.sequence, SHA256_OID, writeDer(TAG.null)), writeDer(TAG.octets, digest)),
    writeInteger(nonce),
    writeDer(TAG.boolean, Buffer.of(0xff)),
  );

export interface TimestampExpected {
  readonly digest: Buffer;
  readonly nonce: Buffer;
  /** CAs that certify the authority. */
  readonly trust: readonly X509Certificate[];
}

/**
 * Verifies a response: granted, of this digest and nonce, signed by a certificate for time-stamping that was valid then and leads to a trusted
 * CA. Gives the time, in milliseconds. Revocation, policies and name constraints are not looked at. Throws BadTimestamp.
 */
export const verifyTimestamp = (response: Buffer, expected: TimestampExpected): number => {
  try {
    const [status, token] = childrenOf(readDer(response, TAG.sequence));
    const granted = expect(childrenOf(expect(status, TAG.sequence))[0], TAG.integer).content;
    if (granted.length !== 1 || (granted[0] ?? 2) > 1) throw new BadTimestamp(`the authority did not grant it: status ${granted[0] ?? '?'}`);
    return verifyToken(expect(token, TAG.sequence), expected);
  } catch (error) {
    if (error instanceof BadDer) throw new BadTimestamp(`the response is not a time-stamp: ${error.message}`);
    throw error;
  }
};

const verifyToken = (token: Der, { digest, nonce, trust }: TimestampExpected): number => {
  const [type, explicit] = childrenOf(token);
  if (oidOf(type) !== OID.signedData) throw new BadTimestamp('the token is not signed data');
  const signedData = childrenOf(readDer(expect(explicit, context(0)).content, TAG.sequence));
  const [contentType, content] = childrenOf(expect(signedData[2], TAG.sequence));
  if (oidOf(contentType) !== OID.tstInfo) throw new BadTimestamp('what the token signs is not a time-stamp');
  const info = readDer(expect(content, context(0)).content, TAG.octets).content;
  const certificates = childrenOf(expect(signedData.find(({ tag }) => tag === context(0)), context(0))).map(({ bytes }) => certificateOf(bytes));
  const [signer, ...others] = childrenOf(expect(signedData.at(-1), TAG.set));
  if (others.length > 0) throw new BadTimestamp('the token has more than one signer');
  const time = verifyInfo(info, digest, nonce);
  verifyChain(verifySigner(expect(signer, TAG.sequence), info, certificates), certificates, trust, time);
  return time;
};

const certificateOf = (bytes: Buffer): X509Certificate => {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw new BadTimestamp('a certificate of the token cannot be read');
  }
};

/** What the authority says: about our digest, in answer to our request, at what time. */
const verifyInfo = (info: Buffer, digest: Buffer, nonce: Buffer): number => {
  const [version, policy, imprint, serial, time, ...rest] = childrenOf(readDer(info, TAG.sequence));
  expect(version, TAG.integer);
  expect(policy, TAG.oid);
  expect(serial, TAG.integer);
  const [algorithm, hashed] = childrenOf(expect(imprint, TAG.sequence));
  if (oidOf(childrenOf(expect(algorithm, TAG.sequence))[0]) !== OID.sha256 || !expect(hashed, TAG.octets).content.equals(digest)) throw new BadTimestamp('the time-stamp is of something else');
  const answered = rest.find(({ tag }) => tag === TAG.integer);
  if (answered === undefined || !answered.bytes.equals(writeInteger(nonce))) throw new BadTimestamp('the time-stamp answers another request');
  const [, year, month, day, hour, minute, second, fraction = ''] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/.exec(expect(time, TAG.time).content.toString('latin1')) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (Number.isNaN(at)) throw new BadTimestamp('the time-stamp has no time');
  return at;
};

/** The certificate whose key signed the attributes that commit to `info`. */
const verifySigner = (signer: Der, info: Buffer, certificates: readonly X509Certificate[]): X509Certificate => {
  const [, , digestAlgorithm, signed, signatureAlgorithm, signature] = childrenOf(signer);
  const digest = DIGESTS[oidOf(childrenOf(expect(digestAlgorithm, TAG.sequence))[0])];
  if (digest === undefined) throw new BadTimestamp('the token is signed over a digest that is not accepted');
  const attributes = attributesOf(expect(signed, context(0)));
  if (oidOf(attributes.get(OID.contentType)) !== OID.tstInfo) throw new BadTimestamp('the signature is of another type of content');
  if (!expect(attributes.get(OID.messageDigest), TAG.octets).content.equals(createHash(digest).update(info).digest())) throw new BadTimestamp('the signature is of something else');
  const certificate = signingCertificate(attributes, certificates);
  // Signed as a set, sent under a context tag.
  const message = writeDer(TAG.set, expect(signed, context(0)).content);
  const key = certificate.publicKey;
  const pss = oidOf(childrenOf(expect(signatureAlgorithm, TAG.sequence))[0]) === OID.rsaPss;
  const options = pss ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO } : { key };
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : digest;
  if (!verify(algorithm, message, options, expect(signature, TAG.octets).content)) throw new BadTimestamp('the signature does not verify');
  return certificate;
};

const attributesOf = (signed: Der): Map<string, Der> => {
  const attributes = new Map<string, Der>();
  for (const attribute of childrenOf(signed)) {
    const [type, values] = childrenOf(expect(attribute, TAG.sequence));
    const [value, ...more] = childrenOf(expect(values, TAG.set));
    const name = oidOf(type);
    if (value === undefined || more.length > 0 || attributes.has(name)) throw new BadTimestamp('a signed attribute has not one value');
    attributes.set(name, value);
  }
  return attributes;
};

/** The certificate that the signed attributes name by its digest: one that was put in its place would not have that. */
const signingCertificate = (attributes: ReadonlyMap<string, Der>, certificates: readonly X509Certificate[]): X509Certificate => {
  const named = attributes.get(OID.signingCertificateV2) ?? attributes.get(OID.signingCertificate);
  const id = childrenOf(expect(childrenOf(expect(childrenOf(expect(named, TAG.sequence))[0], TAG.sequence))[0], TAG.sequence));
  const hash = expect(id.find(({ tag }) => tag === TAG.octets), TAG.octets).content;
  const algorithm = attributes.has(OID.signingCertificateV2) ? (id[0]?.tag === TAG.sequence ? DIGESTS[oidOf(childrenOf(id[0])[0])] : 'sha256') : 'sha1';
  const found = algorithm === undefined ? undefined : certificates.find(({ raw }) => createHash(algorithm).update(raw).digest().equals(hash));
  if (found === undefined) throw new BadTimestamp('the certificate that signed is not in the token');
  return found;
};

/** From the signer to a trusted CA, each valid at that time; the signer's for time-stamping. */
const verifyChain = (signer: X509Certificate, certificates: readonly X509Certificate[], trust: readonly X509Certificate[], time: number): void => {
  if (!(signer.keyUsage as readonly string[] | undefined)?.includes(OID.timeStamping)) throw new BadTimestamp('the certificate is not one for time-stamping');
  const isTrusted = (one: X509Certificate): boolean => trust.some(({ raw }) => raw.equals(one.raw));
  let current = signer;
  for (let depth = 0; depth < DEEPEST_CHAIN; depth += 1) {
    if (time < Date.parse(current.validFrom) || time > Date.parse(current.validTo)) throw new BadTimestamp('a certificate of the authority was not valid at that time');
    if (isTrusted(current)) return;
    const issuer = [...trust, ...certificates].find((one) => one.ca && current.checkIssued(one) && current.verify(one.publicKey));
    if (issuer === undefined || issuer.raw.equals(current.raw)) break;
    current = issuer;
  }
  throw new BadTimestamp('the authority\'s certificate does not lead to a trusted CA');
};
