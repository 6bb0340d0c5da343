import type { Checking } from './checks.ts';
import { claimParts } from './claims.ts';
import { quoted } from './references.ts';
import type { ConfigurationSource } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { parseDuration } from './units.ts';

type Provider = ConfigurationSource['identityProviders'][number];
type Identity = ConfigurationSource['identities'][number];

/** Keys that say something about tokens, which a provider of certificates has none of. */
const tokenKeys = ['issuer', 'audience', 'jwks', 'jwksFile', 'algorithms', 'once', 'maxTokenAge', 'clockSkew', 'maxKeyAge', 'ca', 'allowPrivate'] as const satisfies readonly (keyof Provider)[];

/** What a certificate says, for `claims` of an identity: texts. */
const texts = ['uri', 'dns', 'email', 'issuer', 'serial', 'fingerprint'];
/** The same for every name of a kind, where there may be several: for `when`. */
const lists: Readonly<Record<string, string>> = { uris: 'uri', dnsNames: 'dns', emails: 'email' };
/** Attributes of the subject (RFC 4519), and `dn` for all of it. */
const subject = ['dn', 'cn', 'o', 'ou', 'c', 'l', 'st', 'street', 'dc', 'uid', 'serialNumber'];
const known = [...texts, ...subject.map((attribute) => `subject.${attribute}`)];
/** Claims that say whose certificate it is; the issuer alone vouches for many. */
const naming = (claim: string): boolean => claim !== 'issuer' && known.includes(claim);

/** A provider of certificates has no keys of tokens; one of tokens has what tokens need. */
export function checkCertificateProvider(provider: Provider, { places, problems }: Checking): void {
  const { certificates } = provider;
  if (certificates === undefined) return;
  for (const key of tokenKeys) {
    if (!places.has(provider, key)) continue;
    problems.add(places.of(provider, key), 'is for tokens, and this provider vouches by certificates', key === 'ca' ? 'write it inside certificates' : 'remove it, or give tokens a provider of their own');
  }
  if (!places.has(certificates, 'ca')) return;
  if (certificates.maxLifetime !== undefined && parseDuration(certificates.maxLifetime) === 0) problems.add(places.of(certificates, 'maxLifetime'), 'is zero, so no certificate could ever be accepted');
}

/** The claims of an identity are ones that certificates have. */
export function checkCertificateIdentity(identity: Identity, { places, problems, warnings }: Checking): void {
  const claims = Object.entries(identity.claims);
  for (const [claim, value] of claims) {
    const name = claimParts(claim)?.join('.') ?? claim;
    const spot = places.of(identity.claims, claim);
    const single = Object.hasOwn(lists, name) ? lists[name] : undefined;
    if (single !== undefined) problems.add(spot, 'is a list, which is never equal to one value', `write ${single}, which is there when there is one, or when: ${JSON.stringify(value)} in claims.${name}`);
    else if (!known.includes(name)) problems.add(spot, `a certificate has no claim ${quoted(name)}`, didYouMean(name, known) ?? `known: ${known.join(', ')}`);
    else if (typeof value !== 'string') problems.add(spot, 'is a text in every certificate, so this never matches', 'put it in quotes');
    else if (name === 'fingerprint' && !/^[0-9a-f]{64}$/.test(value)) problems.add(spot, 'is not the SHA-256 of a certificate', 'as 64 hexadecimal digits in lower case, without colons');
    else if (name === 'serial' && !/^[0-9a-f]{2,40}$/.test(value)) problems.add(spot, 'is not a serial number', 'as hexadecimal digits in lower case, without colons');
  }
  if (!claims.some(([claim]) => naming(claimParts(claim)?.join('.') ?? claim))) warnings.add(places.of(identity, 'claims'), 'says nothing of whose certificate it is, so every certificate of these CAs matches', 'add uri, dns or subject.cn');
}
