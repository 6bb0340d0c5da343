import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Checking } from './checks.ts';
import { reasonOf } from './files.ts';
import type { Spot } from './problems.ts';
import { secretKeys } from './resolve-http.ts';
import { pathAt, secretRef } from './written.ts';

/** Keys, certificates and passwords are small; more than this is another file. */
const largest = 256 * 1024;
/** Largest file of revocation lists, as what verifies certificates takes it. */
const largestList = 8 * 1024 * 1024;
const soon = 14 * 86_400_000;

/**
 * What credential references lead to is there, and files that are needed can be read and are what they should be. Values are looked
 * at and dropped; none is in a message.
 */
export async function checkCredentials({ source, places, env, problems, warnings, checkSecrets }: Checking): Promise<void> {
  for (const { credential } of source.connections) {
    for (const key of secretKeys) {
      const written = credential[key];
      if (written !== undefined) await readSecret(credential, key, written);
    }
  }
  for (const anchor of source.evidence?.anchors ?? []) {
    for (const key of ['secret', 'accessKey', 'secretKey', 'sessionToken'] as const) {
      const written = anchor[key];
      if (written !== undefined) await readSecret(anchor, key, written);
    }
  }
  for (const login of source.control?.login ?? []) if (login.clientSecret !== undefined) await readSecret(login, 'clientSecret', login.clientSecret);
  for (const channel of source.control?.channels ?? []) {
    for (const key of ['token', 'signingSecret', 'secret'] as const) {
      const written = channel[key];
      if (written !== undefined) await readSecret(channel, key, written);
    }
  }
  if (!checkSecrets) return;
  for (const { target, credential } of source.connections) {
    if (target.ca !== undefined) await readCertificate(target, 'ca', target.ca);
    if (credential.ca !== undefined) await readCertificate(credential, 'ca', credential.ca);
  }
  for (const witness of source.evidence?.witnesses ?? []) if (witness.ca !== undefined) await readCertificate(witness, 'ca', witness.ca);
  for (const anchor of source.evidence?.anchors ?? []) {
    if (anchor.ca !== undefined) await readCertificate(anchor, 'ca', anchor.ca);
    if (anchor.trust !== undefined) await readCertificate(anchor, 'trust', anchor.trust);
  }
  for (const channel of source.control?.channels ?? []) if (channel.ca !== undefined) await readCertificate(channel, 'ca', channel.ca);
  for (const provider of [...source.identityProviders, ...(source.control?.login ?? [])]) {
    if (provider.ca !== undefined) await readCertificate(provider, 'ca', provider.ca);
    if (provider.jwksFile !== undefined) await readKeySet(provider, provider.jwksFile);
  }
  for (const { certificates } of source.identityProviders) {
    if (certificates?.ca !== undefined) await readCertificate(certificates, 'ca', certificates.ca);
    if (certificates?.crl !== undefined) await read(pathAt(places, certificates, 'crl', certificates.crl), places.of(certificates, 'crl'), 'revocation list', largestList);
  }
  const tls = source.gateway?.tls;
  if (typeof tls === 'object') await readPair(tls);

  async function readSecret(holder: object, key: string, written: string): Promise<void> {
    const spot = places.of(holder, key);
    const ref = secretRef(places, holder, key, written);
    if (ref.from === 'env') {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(ref.name)) problems.add(spot, 'what follows env: is not the name of a variable');
      else if (checkSecrets && (env[ref.name] ?? '') === '') problems.add(spot, `the variable ${ref.name} is not set`, 'set it where the gateway is started');
    } else if (checkSecrets) {
      const text = await read(ref.path, spot, 'credential file');
      if (text !== undefined && text.trim() === '') problems.add(spot, `the credential file ${ref.path} is empty`);
      if (text !== undefined && (await modeOf(ref.path)) & 0o004) warnings.add(spot, `everybody on this machine can read ${ref.path}`, 'chmod 600');
    }
  }

  async function read(file: string, spot: Spot, what: string, most = largest): Promise<string | undefined> {
    try {
      const about = await stat(file);
      if (!about.isFile()) problems.add(spot, `the ${what} ${file} is not a file`);
      else if (about.size > most) problems.add(spot, `the ${what} ${file} is larger than ${most / 1024} KiB`);
      else return await readFile(file, 'utf8');
    } catch (error) {
      problems.add(spot, `the ${what} ${file} cannot be read: ${reasonOf(error)}`);
    }
    return undefined;
  }

  async function readCertificate(holder: object, key: string, written: string): Promise<X509Certificate | undefined> {
    const spot = places.of(holder, key);
    const file = pathAt(places, holder, key, written);
    const text = await read(file, spot, 'certificate file');
    if (text === undefined) return undefined;
    const pems = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g) ?? [];
    const certificates = pems.map(parseCertificate);
    if (certificates.length === 0 || certificates.includes(undefined)) {
      problems.add(spot, `${file} holds no PEM certificate that can be read`);
      return undefined;
    }
    const [first] = certificates;
    const until = first === undefined ? Number.NaN : Date.parse(first.validTo);
    if (until < Date.now()) warnings.add(spot, `the certificate ${file} expired on ${new Date(until).toISOString()}`);
    else if (until < Date.now() + soon) warnings.add(spot, `the certificate ${file} expires on ${new Date(until).toISOString()}`);
    return first;
  }

  async function readPair(pair: { readonly cert: string; readonly key: string }): Promise<void> {
    const certificate = await readCertificate(pair, 'cert', pair.cert);
    const spot = places.of(pair, 'key');
    const file = pathAt(places, pair, 'key', pair.key);
    const text = await read(file, spot, 'key file');
    if (text === undefined) return;
    try {
      const key = createPrivateKey(text);
      if (certificate !== undefined && !certificate.checkPrivateKey(key)) problems.add(spot, 'is not the key of the certificate');
    } catch {
      problems.add(spot, `${file} holds no PEM private key that can be read`, 'a key without a passphrase');
    }
    if ((await modeOf(file)) & 0o004) warnings.add(spot, `everybody on this machine can read ${file}`, 'chmod 600');
  }

  async function readKeySet(holder: object, written: string): Promise<void> {
    const spot = places.of(holder, 'jwksFile');
    const file = pathAt(places, holder, 'jwksFile', written);
    const text = await read(file, spot, 'key set');
    if (text === undefined) return;
    try {
      const parsed = JSON.parse(text) as { readonly keys?: unknown } | null;
      if (!Array.isArray(parsed?.keys) || parsed.keys.length === 0) problems.add(spot, `${file} is not a key set: it has no list of keys`);
    } catch {
      problems.add(spot, `${file} is not JSON`);
    }
  }
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** Permission bits; none when the file went away in between, which its reader reports. */
async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode;
  } catch {
    return 0;
  }
}
