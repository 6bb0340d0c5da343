import { X509Certificate } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { GatewayConfig } from '../config/resolved.ts';
import { decodeScope, isInScope, NAME_CONSTRAINTS } from './certificates-constraints.ts';
import { CertificatesUnusable, privateFolder, readIfThere, readOwnKey, writeOnce } from './certificates-files.ts';
import { extensionValue, isKeyOf, issueAuthority, newKey, type IssuedCertificate } from './certificates-issue.ts';

/** Where `tls: auto` keeps its CA: the certificate in the data folder, for everybody; the key in the keys folder, for nobody else. */
export const authorityFiles = (gateway: Pick<GatewayConfig, 'data' | 'keys'>): { readonly certificate: string; readonly key: string } => ({
  certificate: join(gateway.data, 'ca.pem'),
  key: join(gateway.keys, 'ca.key'),
});

/** Where a CA is kept, and what it may vouch for. */
export interface AuthorityPlace {
  readonly files: { readonly certificate: string; readonly key: string };
  /** Host names and addresses: with it, and below it, and nothing else. */
  readonly names: readonly string[];
  /** What people call it, in its own name: `CA`, `interception CA`. */
  readonly title: string;
  /** The key of the configuration that the names come from. */
  readonly named: string;
}

/** Where the CA of the forward proxy is: never the one that vouches for the gateway, so that clients can trust one without the other. */
export const interceptionFiles = (gateway: Pick<GatewayConfig, 'data' | 'keys'>): { readonly certificate: string; readonly key: string } => ({
  certificate: join(gateway.data, 'interception-ca.pem'),
  key: join(gateway.keys, 'interception-ca.key'),
});

/** The CA that vouches for the gateway itself. */
export const gatewayAuthority = (gateway: Pick<GatewayConfig, 'data' | 'keys' | 'names'>): AuthorityPlace => ({ files: authorityFiles(gateway), names: gateway.names, title: 'CA', named: 'gateway.names' });

/** What people need to trust the gateway. */
export interface AuthorityInfo {
  readonly path: string;
  readonly pem: string;
  /** SHA-256, upper case hex with colons, as OpenSSL prints it. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Reads the CA certificate. Undefined while there is none. */
export const readAuthority = async ({ certificate: path }: AuthorityPlace['files']): Promise<AuthorityInfo | undefined> => {
  const pem = await readIfThere(path);
  return pem === undefined ? undefined : authorityInfo(pem, path);
};

/** What a CA certificate says of itself; `path` is where it was read. */
export const authorityInfo = (pem: string, path: string): AuthorityInfo => {
  const certificate = parse(pem, path);
  return { path, pem, fingerprint: certificate.fingerprint256, expiresAt: certificate.validToDate.getTime() };
};

/**
 * Opens the CA, and makes it at the first start. An existing CA is never replaced: clients trust it, so whatever stands in
 * the way of using it is refused with what to do. Throws CertificatesUnusable.
 */
export const openAuthority = async (place: AuthorityPlace, now: number): Promise<IssuedCertificate> => {
  const { files } = place;
  await privateFolder(dirname(files.key));
  let key = await readOwnKey(files.key);
  let certificate = await readIfThere(files.certificate);
  if (key === undefined) {
    if (certificate !== undefined) {
      throw new CertificatesUnusable(`${files.certificate} is there but its key ${files.key} is not: restore the key; or move ${files.certificate} away, and clients must trust the new CA`);
    }
    // Two processes may start at once: both then use the key and the certificate that were written first.
    await writeOnce(files.key, await newKey(), 0o600);
    key = await readOwnKey(files.key);
  }
  if (certificate === undefined && key !== undefined) {
    await privateFolder(dirname(files.certificate));
    await writeOnce(files.certificate, await issueAuthority(key, place.names, now, place.title), 0o644);
    certificate = await readIfThere(files.certificate);
  }
  if (key === undefined || certificate === undefined) throw new CertificatesUnusable(`the ${place.title} in ${files.certificate} went away while it was made`);
  check(certificate, key, place, now);
  return { certificate, key };
};

const check = (certificate: string, key: string, { files, names, named }: AuthorityPlace, now: number): void => {
  const renew = `move ${files.certificate} and ${files.key} away, start again, and give clients the new CA`;
  if (!isKeyOf(key, parse(certificate, files.certificate).toString())) throw new CertificatesUnusable(`${files.key} is not the key of ${files.certificate}: restore the right one`);
  if (new X509Certificate(certificate).validToDate.getTime() <= now) throw new CertificatesUnusable(`${files.certificate} has expired: ${renew}`);
  const constraints = extensionValue(certificate, NAME_CONSTRAINTS);
  if (constraints === undefined) return;
  const scope = decodeScope(constraints);
  const outside = names.filter((name) => !isInScope(scope, name));
  if (outside.length > 0) throw new CertificatesUnusable(`${files.certificate} may not vouch for ${outside.join(', ')}, which ${named} has now: take it out again; or ${renew}`);
};

const parse = (text: string, path: string): X509Certificate => {
  try {
    return new X509Certificate(text);
  } catch {
    throw new CertificatesUnusable(`${path} is not a PEM certificate`);
  }
};
