import type { Checking } from './checks.ts';
import { checkCertificateIdentity, checkCertificateProvider } from './certificates.ts';
import { claimParts, claimProblem } from './claims.ts';
import { isCloudAudience, isDefaultAudience, sharedIssuers } from './issuers.ts';
import { at } from './problems.ts';
import { quoted } from './references.ts';
import type { ConfigurationSource } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { parseDuration } from './units.ts';
import { algorithms } from './vocabulary.ts';
import { isAllTenants, webAddressProblem, type AddressUse } from './web-address.ts';

type Provider = ConfigurationSource['identityProviders'][number];
type Identity = ConfigurationSource['identities'][number];

const longestSkew = 60_000;

/** Who vouches can be trusted to mean what it says, and each identity can be matched by exactly the tokens that were meant. */
export function checkProviders(checking: Checking): void {
  for (const provider of checking.source.identityProviders) {
    if (provider.certificates === undefined && !checking.places.has(provider, 'certificates')) checkProvider(provider, checking);
    else checkCertificateProvider(provider, checking);
  }
  checkSameIssuer(checking);
  for (const identity of checking.source.identities) checkIdentity(identity, checking);
  checkOverlap(checking);
}

function checkProvider(provider: Provider, { places, problems, warnings }: Checking): void {
  for (const key of ['issuer', 'audience'] as const) if (!places.has(provider, key)) problems.add(places.of(provider), `${key} is missing, which a provider of tokens needs`, 'or write certificates: { ca: ... } for one that vouches by client certificates');
  const { issuer, audience } = provider;
  const allowPrivate = provider.allowPrivate === true;
  const check = (key: 'issuer' | 'jwks', written: string, use: AddressUse): void => {
    const wrong = webAddressProblem(written, use);
    if (wrong !== undefined) problems.add(places.of(provider, key), wrong.message, wrong.suggestion);
  };
  if (issuer !== undefined) check('issuer', issuer, { fetched: provider.jwks === undefined && provider.jwksFile === undefined, allowPrivate, bare: 'an issuer' });
  if (provider.jwks !== undefined) check('jwks', provider.jwks, { fetched: true, allowPrivate });
  if (provider.jwks !== undefined && provider.jwksFile !== undefined) problems.add(places.of(provider, 'jwksFile'), 'jwks and jwksFile are both given', 'keep one of them');
  if (issuer !== undefined && isAllTenants(issuer)) {
    problems.add(places.of(provider, 'issuer'), 'is the address of all tenants, which no token has as its issuer', 'write the id of your tenant in its place');
  }
  if (audience !== undefined && isCloudAudience(audience)) {
    problems.add(places.of(provider, 'audience'), `${quoted(audience)} is the audience of another service: whoever gets such a token there could use it here`, 'let the job ask for an audience that only this gateway has, such as wicketgate');
  } else if (audience !== undefined && isDefaultAudience(audience)) {
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
}

/** A token finds its provider by issuer and audience, so these must not be the same twice. */
function checkSameIssuer({ source, places, problems }: Checking): void {
  const firsts = new Map<string, Provider>();
  for (const provider of source.identityProviders) {
    if (provider.issuer === undefined || provider.audience === undefined) continue;
    const key = JSON.stringify([provider.issuer, provider.audience]);
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, provider);
    else problems.add(places.of(provider, 'issuer'), `has the same issuer and audience as ${quoted(first.name)} at ${at(places.of(first, 'name').place)}, so a token could belong to either`, 'use one provider, or an audience of its own');
  }
}

function checkIdentity(identity: Identity, checking: Checking): void {
  const { source, places, problems, warnings } = checking;
  for (const claim of Object.keys(identity.claims)) {
    const parts = claimParts(claim);
    if (parts === undefined) problems.add(places.of(identity.claims, claim), 'has an empty part', 'write a\\.b for a claim whose name has a dot');
  }
  for (const key of ['requester', 'author'] as const) {
    const wrong = identity[key] === undefined ? undefined : claimProblem(identity[key]);
    if (wrong !== undefined) problems.add(places.of(identity, key), wrong.message, wrong.suggestion);
  }

  const provider = source.identityProviders.find(({ name }) => name === identity.provider);
  if (provider?.certificates !== undefined) return checkCertificateIdentity(identity, checking);
  const issuer = provider?.issuer;
  const shared = sharedIssuers.find((known) => known.issuer === issuer);
  if (shared === undefined) return;
  const has = (names: readonly string[]): boolean => names.some((name) => Object.hasOwn(identity.claims, name));
  if (has(shared.ids)) return;
  const suggestion = `add one of ${shared.ids.join(', ')}`;
  if (has(shared.names)) warnings.add(places.of(identity, 'claims'), 'names the tenant by names only, which can be given away or taken over', suggestion);
  else problems.add(places.of(identity, 'claims'), `no claim says whose token it is, and anybody can get a token from ${shared.issuer}`, suggestion);
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
