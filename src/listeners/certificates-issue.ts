import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { addressBytes } from '../wire/addresses.ts';
import { childrenOf, context, type Der, oidOf, readDer, TAG, writeDer, writeInteger } from '../wire/der.ts';
import { encodeScope, NAME_CONSTRAINTS, scopeOf } from './certificates-constraints.ts';

const DAY = 86_400_000;
/** Five years: clients hold the CA in files that somebody must replace by hand. */
const AUTHORITY_LIFETIME = 5 * 365 * DAY;
/** A client whose clock is behind must not see a certificate of the future. */
const BACKDATE = 3_600_000;

const SUBJECT_KEY_ID = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_ID = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** id-kp-serverAuth, RFC 5280 section 4.2.1.12. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** Key usages as a BIT STRING: how many of the last bits are unused, then the bits. RFC 5280 section 4.2.1.3. */
const DIGITAL_SIGNATURE = Buffer.of(7, 0x80);
const CERT_AND_CRL_SIGN = Buffer.of(1, 0x06);
/** dNSName and iPAddress of GeneralName, keyIdentifier of AuthorityKeyIdentifier: context tags that hold bytes. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const KEY_IDENTIFIER = 0x80;

/** A certificate with its private key, both PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

const generated = promisify(generateKeyPair);

/**
 * A new private key, PKCS #8 PEM. P-256: every client has it, and SCRAM channel binding `tls-server-end-point` (RFC 5929) hashes the certificate
 * with the hash of its signature, which Ed25519 does not name.
 */
export const newKey = async (): Promise<string> => (await generated('ec', { namedCurve: 'P-256' })).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

/** A self-signed CA for the given names and addresses and nothing else. `now` in milliseconds since the epoch. */
export const issueAuthority = async (key: string, names: readonly string[], now: number, title: string): Promise<string> => {
  const signer = createPrivateKey(key);
  const id = keyId(signer);
  // The key's id in the name: two gateways' authorities must not look the same in a trust store.
  const name = nameOf(`Wicketgate ${title} ${id.toString('hex').slice(0, 8)}`);
  return signed(signer, {
    issuer: name,
    subject: name,
    notBefore: now - BACKDATE,
    notAfter: now + AUTHORITY_LIFETIME,
    key: signer,
    extensions: [
      extension(BASIC_CONSTRAINTS, true, writeDer(TAG.sequence, writeDer(TAG.boolean, Buffer.of(0xff)), writeInteger(Buffer.of(0)))),
      extension(KEY_USAGE, true, writeDer(TAG.bits, CERT_AND_CRL_SIGN)),
      extension(SUBJECT_KEY_ID, false, writeDer(TAG.octets, id)),
      extension(NAME_CONSTRAINTS, true, Buffer.from(encodeScope(scopeOf(names)))),
    ],
  });
};

/** A server certificate for the names and addresses, with a key of its own, not outliving its CA. `lifetime` in milliseconds. */
export const issueLeaf = async (authority: IssuedCertificate, names: readonly string[], now: number, lifetime: number): Promise<IssuedCertificate> => {
  const issuer = new X509Certificate(authority.certificate);
  const signer = createPrivateKey(authority.key);
  const key = await newKey();
  const own = createPrivateKey(key);
  const certificate = signed(signer, {
    // Byte for byte, as clients compare it.
    issuer: subjectOf(issuer),
    // With a space in it, it cannot be taken for a host name: the alternative names alone count.
    subject: nameOf('Wicketgate gateway'),
    notBefore: Math.max(now - BACKDATE, issuer.validFromDate.getTime()),
    notAfter: Math.min(now + lifetime, issuer.validToDate.getTime()),
    key: own,
    extensions: [
      extension(BASIC_CONSTRAINTS, true, writeDer(TAG.sequence)),
      extension(KEY_USAGE, true, writeDer(TAG.bits, DIGITAL_SIGNATURE)),
      extension(EXTENDED_KEY_USAGE, false, writeDer(TAG.sequence, oid(SERVER_AUTH))),
      extension(SUBJECT_ALT_NAME, false, writeDer(TAG.sequence, ...names.map(generalName))),
      extension(SUBJECT_KEY_ID, false, writeDer(TAG.octets, keyId(own))),
      extension(AUTHORITY_KEY_ID, false, writeDer(TAG.sequence, writeDer(KEY_IDENTIFIER, keyId(signer)))),
    ],
  });
  return { certificate, key };
};

/** Whether the private key belongs to the certificate. */
export const isKeyOf = (key: string, certificate: string): boolean => new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));

/** The raw value of one extension, or undefined. */
export const extensionValue = (certificate: string, wanted: string): Uint8Array | undefined => {
  const held = tbsOf(new X509Certificate(certificate)).find(({ tag }) => tag === context(3));
  const [list] = held === undefined ? [] : childrenOf(held);
  const found = list && childrenOf(list).map((one) => childrenOf(one)).find(([id]) => oidOf(id) === wanted);
  return found?.at(-1)?.content;
};

interface ToBeSigned {
  /** Names in DER. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Whose public half the certificate is about. */
  readonly key: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** A certificate in PEM. RFC 5280 section 4.1. */
const signed = (signer: KeyObject, { issuer, subject, notBefore, notAfter, key, extensions }: ToBeSigned): string => {
  // ecdsa-with-SHA256, RFC 5758 section 3.2: without parameters.
  const algorithm = writeDer(TAG.sequence, oid('1.2.840.10045.4.3.2'));
  const tbs = writeDer(
    TAG.sequence,
    // Version 3.
    writeDer(context(0), writeInteger(Buffer.of(2))),
    serialNumber(),
    algorithm,
    issuer,
    writeDer(TAG.sequence, time(notBefore), time(notAfter)),
    subject,
    publicKey(key),
    writeDer(context(3), writeDer(TAG.sequence, ...extensions)),
  );
  const signature = writeDer(TAG.bits, Buffer.of(0), sign('sha256', tbs, signer));
  return pem('CERTIFICATE', writeDer(TAG.sequence, tbs, algorithm, signature));
};

/** 127 random bits; positive and of full length in DER, as RFC 5280 section 4.1.2.2 wants. */
const serialNumber = (): Buffer => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return writeInteger(bytes);
};

const publicKey = (key: KeyObject): Buffer => createPublicKey(key).export({ format: 'der', type: 'spki' });

/** SHA-1 of the public key's bits: the first way of RFC 5280 section 4.2.1.2. It names a key and protects nothing. */
const keyId = (key: KeyObject): Buffer => {
  const bits = childrenOf(readDer(publicKey(key), TAG.sequence))[1] as Der;
  return createHash('sha1').update(bits.content.subarray(1)).digest();
};

const nameOf = (commonName: string): Buffer => {
  const attribute = (type: string, value: string): Buffer => writeDer(TAG.set, writeDer(TAG.sequence, oid(type), writeDer(TAG.printable, Buffer.from(value, 'latin1'))));
  return writeDer(TAG.sequence, attribute('2.5.4.10', 'Wicketgate'), attribute('2.5.4.3', commonName));
};

const generalName = (name: string): Buffer => {
  const address = addressBytes(name);
  return address === undefined ? writeDer(DNS_NAME, Buffer.from(name, 'latin1')) : writeDer(IP_ADDRESS, Buffer.from(address));
};

const extension = (id: string, critical: boolean, value: Buffer): Buffer => writeDer(TAG.sequence, oid(id), ...(critical ? [writeDer(TAG.boolean, Buffer.of(0xff))] : []), writeDer(TAG.octets, value));

/** Whole seconds; two digits for the year up to 2049 (RFC 5280 section 4.1.2.5). */
const time = (milliseconds: number): Buffer => {
  const text = `${new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  return text < '2050' ? writeDer(TAG.utcTime, Buffer.from(text.slice(2), 'latin1')) : writeDer(TAG.time, Buffer.from(text, 'latin1'));
};

const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...others].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let rest = arc >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f));
    return digits;
  });
  return writeDer(TAG.oid, Buffer.from(bytes));
};

/** The parts of what is signed in a certificate. */
const tbsOf = ({ raw }: X509Certificate): readonly Der[] => childrenOf(childrenOf(readDer(raw, TAG.sequence))[0] as Der);

/** The whole name, as the certificate has it: version, serial number, algorithm, issuer and validity come first. */
const subjectOf = (certificate: X509Certificate): Buffer => (tbsOf(certificate)[5] as Der).bytes;

const pem = (label: string, der: Buffer): string => `-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`;
