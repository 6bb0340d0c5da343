// First: @peculiar/x509 registers its ASN.1 types with it while it loads.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { encodeScope, NAME_CONSTRAINTS, scopeOf } from './certificates-constraints.ts';

const DAY = 86_400_000;
/** Five years: clients hold the CA in files that somebody must replace by hand. */
const AUTHORITY_LIFETIME = 5 * 365 * DAY;
/** A client whose clock is behind must not see a certificate of the future. */
const BACKDATE = 3_600_000;
/**
 * P-256 with SHA-256: every client has it, and SCRAM channel binding `tls-server-end-point` (RFC 5929) hashes the
 * certificate with the hash of its signature, which Ed25519 does not name.
 */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate with its private key, both PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** A new private key, PKCS #8 PEM. */
export const newKey = async (): Promise<string> => {
  const { privateKey } = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', privateKey));
};

/** A self-signed CA for the given names and addresses and nothing else. `now` in milliseconds since the epoch. */
export const issueAuthority = async (key: string, names: readonly string[], now: number, title: string): Promise<string> => {
  const keys = await importKeys(key);
  const id = await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      // The key's id in the name: two gateways' authorities must not look the same in a trust store.
      name: [{ O: ['Wicketgate'] }, { CN: [`Wicketgate ${title} ${id.keyId.slice(0, 8)}`] }],
      notBefore: new Date(now - BACKDATE),
      notAfter: new Date(now + AUTHORITY_LIFETIME),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        id,
        new x509.Extension(NAME_CONSTRAINTS, true, encodeScope(scopeOf(names))),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
};

/** A server certificate for the names and addresses, with a key of its own, not outliving its CA. `lifetime` in milliseconds. */
export const issueLeaf = async (authority: IssuedCertificate, names: readonly string[], now: number, lifetime: number): Promise<IssuedCertificate> => {
  const issuer = new x509.X509Certificate(authority.certificate);
  const { privateKey: signingKey, publicKey: issuerKey } = await importKeys(authority.key);
  const key = await newKey();
  const { publicKey } = await importKeys(key);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      // With a space in it, it cannot be taken for a host name: the alternative names alone count.
      subject: [{ O: ['Wicketgate'] }, { CN: ['Wicketgate gateway'] }],
      issuer: issuer.subjectName,
      notBefore: new Date(Math.max(now - BACKDATE, issuer.notBefore.getTime())),
      notAfter: new Date(Math.min(now + lifetime, issuer.notAfter.getTime())),
      publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }))),
        await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(issuerKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString('pem')}\n`, key };
};

/** Whether the private key belongs to the certificate. */
export const isKeyOf = (key: string, certificate: string): boolean => new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));

/** The raw value of one extension, or undefined. */
export const extensionValue = (certificate: string, oid: string): Uint8Array | undefined => {
  const found = new x509.X509Certificate(certificate).getExtension(oid);
  return found === null ? undefined : new Uint8Array(found.value);
};

const importKeys = async (key: string): Promise<{ privateKey: webcrypto.CryptoKey; publicKey: webcrypto.CryptoKey }> => {
  const secret = createPrivateKey(key);
  const pkcs8 = secret.export({ format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
  };
};

/** 127 random bits; positive and of full length in DER, as RFC 5280 section 4.1.2.2 wants. */
const serialNumber = (): string => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
};

const pem = (label: string, der: ArrayBuffer): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`;
