import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { writeDer } from '../../src/wire/der.ts';

export const { Extension, KeyUsageFlags } = x509;

/** A certificate of whatever kind, with its key, in memory. */
export interface Made {
  readonly certPem: string;
  readonly keyPem: string;
  readonly der: Buffer;
  /** SHA-256 in lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export type Name = readonly ['dns' | 'uri' | 'email' | 'ip' | 'dn', string];

/** What is constrained, by permitted and excluded names; addresses as network and mask in hexadecimal. */
export interface Constraints { readonly permitted?: readonly Name[]; readonly excluded?: readonly Name[] }

export interface MakeOptions {
  /** As it is encoded, the widest part first: O=y,CN=x. */
  readonly subject: string;
  /** Who signs it. Default: itself. */
  readonly issuer?: Made;
  readonly names?: readonly Name[];
  /** It is a CA. */
  readonly authority?: boolean;
  readonly pathLength?: number;
  readonly purposes?: readonly ('client' | 'server')[];
  /** Default: what a CA or a client needs. null: no keyUsage at all. */
  readonly usages?: x509.KeyUsageFlags | null;
  readonly constraints?: Constraints;
  readonly more?: readonly x509.Extension[];
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in an hour. */
  readonly notAfter?: Date;
  readonly key?: 'ec' | 'rsa' | 'rsa1024' | 'ed25519';
  /** The key of another certificate, in the place of one of its own. */
  readonly keys?: webcrypto.CryptoKeyPair;
  readonly serial?: string;
}

const KEYS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 },
  rsa1024: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 1024 },
  ed25519: { name: 'Ed25519' },
} as const;

const TYPES = { dns: 'dns', uri: 'url', email: 'email', ip: 'ip', dn: 'dn' } as const;

/** Makes one. Without words on it: a certificate for clients. */
export async function makeCertificate(options: MakeOptions): Promise<Made> {
  x509.cryptoProvider.set(webcrypto);
  const { issuer, names = [], authority = false, pathLength, purposes = authority ? [] : ['client'], constraints, more = [] } = options;
  const keys = options.keys ?? ((await webcrypto.subtle.generateKey(KEYS[options.key ?? 'ec'], true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair);
  const usages = options.usages === undefined ? (authority ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign : x509.KeyUsageFlags.digitalSignature) : options.usages;
  const signer = issuer?.keys ?? keys;
  const certificate = await x509.X509CertificateGenerator.create({
    ...(options.serial === undefined ? {} : { serialNumber: options.serial }),
    subject: options.subject,
    issuer: issuer?.certificate.subjectName ?? new x509.Name(options.subject),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: { ...signer.privateKey.algorithm, hash: 'SHA-256' },
    notBefore: options.notBefore ?? new Date(Date.now() - 3_600_000),
    notAfter: options.notAfter ?? new Date(Date.now() + 3_600_000),
    extensions: [
      new x509.BasicConstraintsExtension(authority, pathLength, true),
      ...(usages === null ? [] : [new x509.KeyUsagesExtension(usages, true)]),
      ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(purposes.map((one) => (one === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth)))]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map(([type, value]) => ({ type: TYPES[type], value })))]),
      ...(constraints === undefined ? [] : [new x509.Extension('2.5.29.30', true, encodeConstraints(constraints))]),
      ...more,
    ],
  });
  const der = Buffer.from(certificate.rawData);
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    certificate, keys, der,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    certPem: `${certificate.toString('pem')}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${key.replaceAll(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`,
  };
}

/** A CA that signs itself. */
export const makeAuthority = (subject: string, more: Partial<MakeOptions> = {}): Promise<Made> => makeCertificate({ subject, authority: true, ...more });

const TAGS = { email: 0x81, dns: 0x82, dn: 0xa4, uri: 0x86, ip: 0x87 } as const;
const encodeConstraints = ({ permitted = [], excluded = [] }: Constraints): Uint8Array<ArrayBuffer> => {
  const subtree = ([type, value]: Name): Buffer =>
    writeDer(0x30, writeDer(TAGS[type], type === 'ip' ? Buffer.from(value, 'hex') : type === 'dn' ? Buffer.from(new x509.Name(value).toArrayBuffer()) : Buffer.from(value, 'latin1')));
  const list = (tag: number, all: readonly Name[]): readonly Buffer[] => (all.length === 0 ? [] : [writeDer(tag, ...all.map(subtree))]);
  return new Uint8Array(writeDer(0x30, ...list(0xa0, permitted), ...list(0xa1, excluded)));
};

export interface RevocationOptions {
  /** Default: an hour ago. */
  readonly thisUpdate?: Date;
  /** Default: in an hour. null: it does not say. */
  readonly nextUpdate?: Date | null;
  readonly more?: readonly x509.Extension[];
  /** Signs in the place of the issuer. */
  readonly signer?: Made;
}

/** A list of revoked certificates by a CA, as PEM. */
export async function makeRevocationList(issuer: Made, revoked: readonly Made[], { thisUpdate, nextUpdate, more = [], signer = issuer }: RevocationOptions = {}): Promise<string> {
  x509.cryptoProvider.set(webcrypto);
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.certificate.subjectName,
    thisUpdate: thisUpdate ?? new Date(Date.now() - 3_600_000),
    ...(nextUpdate === null ? {} : { nextUpdate: nextUpdate ?? new Date(Date.now() + 3_600_000) }),
    entries: revoked.map(({ certificate }) => ({ serialNumber: certificate.serialNumber, revocationDate: new Date(Date.now() - 3_600_000) })),
    extensions: [...more],
    signingAlgorithm: { ...signer.keys.privateKey.algorithm, hash: 'SHA-256' },
    signingKey: signer.keys.privateKey,
  });
  return `-----BEGIN X509 CRL-----\n${Buffer.from(list.rawData).toString('base64').replaceAll(/(.{64})/g, '$1\n').trimEnd()}\n-----END X509 CRL-----\n`;
}
