import { isIP } from 'node:net';
import { isHostName, isLoopback } from './addresses.ts';
import type { Checking } from './checks.ts';
import { isCloudAudience, isDefaultAudience, sharedIssuers } from './issuers.ts';
import { at } from './problems.ts';
import { quoted } from './references.ts';
import type { ConfigurationSource } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { parseDuration } from './units.ts';
import { algorithms } from './vocabulary.ts';

type Provider = ConfigurationSource['identityProviders'][number];
type Identity = ConfigurationSource['identities'][number];

const longestSkew = 60_000;

/** Who vouches can be trusted to mean what it says, and each identity can be matched by exactly the tokens that were meant. */
export function checkProviders(checking: Checking): void {
  for (const provider of checking.source.identityProviders) checkProvider(provider, checking);
  checkSameIssuer(checking);
  for (const identity of checking.source.identities) checkIdentity(identity, checking);
  checkOverlap(checking);
}

function checkProvider(provider: Provider, { places, problems, warnings }: Checking): void {
  checkWebAddress('issuer', provider.issuer);
  if (provider.jwks !== undefined) checkWebAddress('jwks', provider.jwks);
  if (provider.jwks !== undefined && provider.jwksFile !== undefined) problems.add(places.of(provider, 'jwksFile'), 'jwks and jwksFile are both given', 'keep one of them');
  if (/^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers|\{)/i.test(provider.issuer)) {
    problems.add(places.of(provider, 'issuer'), 'is the address of all tenants, which no token has as its issuer', 'write the id of your tenant in its place');
  }
  if (isCloudAudience(provider.audience)) {
    problems.add(places.of(provider, 'audience'), `${quoted(provider.audience)} is the audience of another service: whoever gets such a token there could use it here`, 'let the job ask for an audience that only this gateway has, such as wicketgate');
  } else if (isDefaultAudience(provider.audience)) {
    warnings.add(places.of(provider, 'audience'), 'is the audience that a job gets when it asks for none, so other services accept the same token', 'let the job ask for an audience that only this gateway has');
  }
  provider.algorithms?.forEach((name, index) => {
    if (algorithms.includes(name)) return;
    const spot = places.of(provider.algorithms ?? [], index);
    if (/^HS/i.test(name)) problems.add(spot, `${quoted(name)} is symmetric: who can check such a token can make one`, `known: ${algorithms.join(', ')}`);
    else if (/^none$/i.test(name)) problems.add(spot, 'a token without a signature proves nothing', `known: ${algorithms.join(', ')}`);
    else problems.add(spot, `there is no algorithm ${quoted(name)}`, didYouMean(name, algorithms));
  });
  for (const key of ['maxTokenAge', 'clockSkew', 'maxKeyAge'] as const) {
    const written = provider[key];
    const value = written === undefined ? undefined : parseDuration(written);
    if (key === 'clockSkew' && value !== undefined && value > longestSkew) problems.add(places.of(provider, key), 'is longer than 60s', 'set the clocks right');
    if (key !== 'clockSkew' && value === 0) problems.add(places.of(provider, key), 'is zero, so no token could ever be accepted');
  }

  function checkWebAddress(key: 'issuer' | 'jwks', written: string): void {
    const spot = places.of(provider, key);
    const url = URL.parse(written);
    const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
    if (url === null || !isHostName(host) || written !== written.trim()) return problems.add(spot, 'is not a web address');
    if (url.username !== '' || url.password !== '') return problems.add(spot, 'holds a user or password', 'remove them');
    if (key === 'issuer' && (written.includes('?') || written.includes('#'))) return problems.add(spot, 'has a query or a fragment, which an issuer never has');
    if (url.protocol !== 'https:' && !isLoopback(host)) return problems.add(spot, 'http is accepted for loopback addresses only', 'write https://');
    const fetched = key === 'jwks' || (provider.jwks === undefined && provider.jwksFile === undefined);
    if (!fetched) return undefined;
    if (isMetadata(host)) return problems.add(spot, 'is a link-local or metadata address, from which nothing is fetched');
    if (provider.allowPrivate !== true && isPrivate(host)) return problems.add(spot, 'is a private or loopback address, from which no keys are fetched', 'write allowPrivate: true if the issuer is really there');
    return undefined;
  }
}

/** Link-local addresses, where clouds hand out the machine's own credentials. */
function isMetadata(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('169.254.')) || /^fe[89ab]/i.test(isIP(host) === 6 ? host : '') || host === 'metadata.google.internal';
}

function isPrivate(host: string): boolean {
  if (isLoopback(host)) return true;
  if (isIP(host) === 4) return /^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.)/.test(host);
  return isIP(host) === 6 && /^f[cd]/i.test(host);
}

/** A token finds its provider by issuer and audience, so these must not be the same twice. */
function checkSameIssuer({ source, places, problems }: Checking): void {
  const firsts = new Map<string, Provider>();
  for (const provider of source.identityProviders) {
    const key = JSON.stringify([provider.issuer, provider.audience]);
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, provider);
    else problems.add(places.of(provider, 'issuer'), `has the same issuer and audience as ${quoted(first.name)} at ${at(places.of(first, 'name').place)}, so a token could belong to either`, 'use one provider, or an audience of its own');
  }
}

function checkIdentity(identity: Identity, { source, places, problems, warnings }: Checking): void {
  for (const claim of Object.keys(identity.claims)) {
    const parts = claimParts(claim);
    if (parts === undefined) problems.add(places.of(identity.claims, claim), 'has an empty part', 'write a\\.b for a claim whose name has a dot');
  }
  const { requester } = identity;
  if (requester !== undefined && !/^claims\.[^\s.]/.test(requester)) problems.add(places.of(identity, 'requester'), 'expected claims.NAME', 'such as claims.actor');

  const issuer = source.identityProviders.find(({ name }) => name === identity.provider)?.issuer;
  const shared = sharedIssuers.find((known) => known.issuer === issuer);
  if (shared === undefined) return;
  const has = (names: readonly string[]): boolean => names.some((name) => Object.hasOwn(identity.claims, name));
  if (has(shared.ids)) return;
  const suggestion = `add one of ${shared.ids.join(', ')}`;
  if (has(shared.names)) warnings.add(places.of(identity, 'claims'), 'names the tenant by names only, which can be given away or taken over', suggestion);
  else problems.add(places.of(identity, 'claims'), `no claim says whose token it is, and anybody can get a token from ${shared.issuer}`, suggestion);
}

/** `a.b` is member b of a; `\.` is a dot in a name. Undefined when a part is empty. */
function claimParts(claim: string): readonly string[] | undefined {
  const parts = claim.replaceAll('\\\\', '\u0001').replaceAll('\\.', '\u0000').split('.');
  return parts.includes('') ? undefined : parts;
}

/** Two matches are a refusal, so an identity whose tokens all match another one too can never be anyone. */
function checkOverlap({ source, places, problems }: Checking): void {
  for (const one of source.identities) {
    const other = source.identities.find((candidate) => candidate !== one && candidate.name !== one.name && covers(candidate, one));
    if (other === undefined) continue;
    problems.add(places.of(one, 'claims'), `every token of this identity also matches ${quoted(other.name)} at ${at(places.of(other, 'name').place)}, and two matches are a refusal`, 'add a claim to the other one that these tokens do not have');
  }
}

/** Whether everything that matches `narrow` matches `wide` as well. */
function covers(wide: Identity, narrow: Identity): boolean {
  if (wide.provider !== narrow.provider) return false;
  if (wide.when !== undefined && wide.when !== narrow.when) return false;
  return Object.entries(wide.claims).every(([claim, value]) => Object.hasOwn(narrow.claims, claim) && narrow.claims[claim] === value);
}
