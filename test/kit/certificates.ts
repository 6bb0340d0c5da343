import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, both PEM. */
export interface Issued { readonly certPem: string; readonly keyPem: string }

export interface CertificateOptions {
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in a day. */
  readonly notAfter?: Date;
  /** Default EC P-256. RSA 2048 for clients that need it. */
  readonly key?: 'ec' | 'rsa';
  /** What it may be used for. Default server. */
  readonly use?: 'server' | 'client';
}

/** A throwaway certification authority, kept in memory. */
export interface Authority {
  readonly certPem: string;
  /** A certificate for these host names and addresses; the first becomes the common name. */
  issue(names: readonly string[], options?: CertificateOptions): Promise<Issued>;
}

const ALGORITHMS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 },
} as const;

/** Makes a new one. */
export async function certificateAuthority(commonName = 'Wicketgate test CA'): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHMS.ec, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: ALGORITHMS.ec,
    ...validity({}),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    certPem: `${certificate.toString('pem')}\n`,
    async issue(names, options = {}) {
      const algorithm = ALGORITHMS[options.key ?? 'ec'];
      const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const usage = options.use === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth;
      const issued = await x509.X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? 'nobody'}`,
        issuer: certificate.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHMS.ec,
        ...validity(options),
        extensions: [
          new x509.BasicConstraintsExtension(false),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
          new x509.ExtendedKeyUsageExtension([usage]),
          new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }))),
        ],
      });
      const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64');
      return {
        certPem: `${issued.toString('pem')}\n`,
        keyPem: `-----BEGIN PRIVATE KEY-----\n${key.replaceAll(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`,
      };
    },
  };
}

const validity = (options: CertificateOptions): { notBefore: Date; notAfter: Date } => ({
  notBefore: options.notBefore ?? new Date(Date.now() - 3_600_000),
  notAfter: options.notAfter ?? new Date(Date.now() + 86_400_000),
});
