import { BadDer, childrenOf, expect, readDer, TAG, type Der } from '../../wire/der.ts';
import { serialOf, type Certificate } from './certificate.ts';
import { extensionsOf, readExtensionList } from './extensions.ts';
import { isSignedBy, signatureOf, type Signature } from './signatures.ts';

/** Most entries of one list. */
const MAX_ENTRIES = 200_000;
/** Extensions from which nothing follows here: authorityKeyIdentifier, cRLNumber, freshestCRL. */
const HARMLESS: ReadonlySet<string> = new Set(['2.5.29.35', '2.5.29.20', '2.5.29.46']);
/** It says only what changed, or only some kinds of certificates: taken for a whole one it would leave revoked ones out. */
const PARTIAL: readonly string[] = ['2.5.29.27', '2.5.29.28'];

/** A certificate revocation list (RFC 5280 section 5), read; whose signature it carries is asked for each issuer. */
export interface RevocationList {
  readonly issuerBytes: Buffer;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly serials: ReadonlySet<string>;
  /** Whether this CA signed it. */
  readonly isOf: (issuer: Certificate) => boolean;
}

/** Reads one list. Throws BadDer, also for lists that are partial or never end: they cannot say that something is not revoked. */
export const readRevocationList = (der: Buffer): RevocationList => {
  const [tbs, algorithm, signed] = childrenOf(readDer(der, TAG.sequence), 3);
  const parts = childrenOf(expect(tbs, TAG.sequence), 7);
  if (parts[0]?.tag === TAG.integer) parts.shift();
  const [inner, issuer, from, until, ...rest] = parts;
  if (inner === undefined || algorithm === undefined || !inner.bytes.equals(algorithm.bytes)) throw new BadDer('two signature algorithms');
  const signature = signatureOf(algorithm);
  if (signature === undefined) throw new BadDer('a signature algorithm that is not accepted');
  if (until?.tag !== TAG.time && until?.tag !== TAG.utcTime) throw new BadDer('it does not say until when it is good');
  const extensions = extensionsOf(parts, 0);
  for (const [oid, { critical }] of extensions === undefined ? [] : readExtensionList(extensions)) {
    if (PARTIAL.includes(oid)) throw new BadDer('it is not a whole list');
    if (critical && !HARMLESS.has(oid)) throw new BadDer('something critical in it is not understood');
  }
  const entries = rest.find(({ tag }) => tag === TAG.sequence);
  const bits = expect(signed, TAG.bits).content;
  if (bits[0] !== 0) throw new BadDer('a signature is not made of bytes');
  return {
    issuerBytes: Buffer.from(expect(issuer, TAG.sequence).bytes),
    thisUpdate: timeOf(from),
    nextUpdate: timeOf(until),
    serials: new Set(entries === undefined ? [] : childrenOf(entries, MAX_ENTRIES).map(serialOfEntry)),
    isOf: signedBy(signature, Buffer.from((tbs as Der).bytes), Buffer.from(bits.subarray(1))),
  };
};

const signedBy = (signature: Signature, data: Buffer, bytes: Buffer): RevocationList['isOf'] => {
  const known = new Map<string, boolean>();
  return (issuer) => {
    const { fingerprint, keyUsage, x509 } = issuer;
    let answer = known.get(fingerprint);
    // The same few CAs ask again for each client.
    if (answer === undefined) known.set(fingerprint, (answer = keyUsage?.has('cRLSign') !== false && isSignedBy(signature, x509.publicKey, data, bytes)));
    return answer;
  };
};

const serialOfEntry = (entry: Der): string => {
  const [serial, , extensions] = childrenOf(expect(entry, TAG.sequence), 3);
  // certificateIssuer: the entry is of another CA than the list. Only partial lists have such.
  if (extensions !== undefined) for (const [, { critical }] of readExtensionList(extensions)) if (critical) throw new BadDer('something critical in an entry is not understood');
  return serialOf(serial);
};

/** UTCTime or GeneralizedTime, in the one form of RFC 5280 section 4.1.2.5. */
const timeOf = (element: Der | undefined): number => {
  const text = element?.content.toString('latin1') ?? '';
  const short = element?.tag === TAG.utcTime;
  if (!(short ? /^[0-9]{12}Z$/ : /^[0-9]{14}Z$/).test(text) || (!short && element?.tag !== TAG.time)) throw new BadDer('a time is not one');
  const year = short ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text.slice(0, 2)}` : text.slice(0, 4);
  const [month, day, hour, minute, second] = (text.slice(short ? 2 : 4, -1).match(/../g) ?? []) as [string, string, string, string, string];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!Number.isFinite(time)) throw new BadDer('a time is not one');
  return time;
};

const PEM = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g;

/** The lists of a file: PEM, one after another, or one in DER. Throws. */
export const readRevocationLists = (file: Buffer): readonly RevocationList[] => {
  if (file[0] === TAG.sequence) return [readRevocationList(file)];
  const lists = [...file.toString('latin1').matchAll(PEM)].map(([, base64]) => readRevocationList(Buffer.from(base64 ?? '', 'base64')));
  if (lists.length === 0) throw new BadDer('no list in it');
  return lists;
};

/** What the lists say of a certificate at a moment: it needs a current one by its issuer. */
export const revocationOf = (lists: readonly RevocationList[], { serial }: Certificate, issuer: Certificate, now: number): 'certificate_revoked' | 'revocation_unknown' | undefined => {
  const current = lists.filter((list) => list.issuerBytes.equals(issuer.subjectBytes) && list.thisUpdate <= now && now < list.nextUpdate && list.isOf(issuer));
  if (current.some(({ serials }) => serials.has(serial))) return 'certificate_revoked';
  return current.length === 0 ? 'revocation_unknown' : undefined;
};
