import type { Config, IdentityProviderConfig } from '../config/resolved.ts';
import { isRefusal } from '../model/decision.ts';
import type { Logger } from '../model/logger.ts';
import type { CertificateCredential, Credential, Peer, Principal } from '../model/principal.ts';
import { isSupportedAlgorithm } from './algorithms.ts';
import { CertificateLogins } from './certificates/logins.ts';
import { checkClaims, hasAudience } from './claims.ts';
import { keyLog } from './keylog.ts';
import { IssuerKeys, type KeyStatus } from './keys.ts';
import { compileIdentity, matchIdentity, type IdentityRule } from './match.ts';
import type { OnceStore } from './once.ts';
import { freeze, principalOf } from './principal.ts';
import { RefusedLogins } from './refused.ts';
import { tokenRefusal, type TokenReason, type TokenRefusal } from './reasons.ts';
import type { Revocations } from './revocations.ts';
import { keySource } from './source.ts';
import { parseToken } from './token.ts';
import { VerifiedSignatures } from './verified.ts';

/** Turns what a client presents into a named principal. */
export interface Identities {
  /** Judges a token or a certificate. Never rejects. A token of a `once` provider is used up by the attempt that returns its Principal. */
  authenticate(credential: Credential, peer: Peer): Promise<Principal | TokenRefusal>;
  /**
   * Judges a principal of a live session anew after `replace` or a revocation: whether the same claims still stand for
   * the same identity. Its token's times are not looked at, because a session outlives its token; it does not outlive its certificate.
   */
  rematch(principal: Principal): Principal | TokenRefusal;
  /** Why a principal of a live session may go on no longer although nobody changed the configuration: its certificate has expired, or is not trusted any more. */
  lapsed(principal: Principal): TokenRefusal | undefined;
  /** The identity that a certificate stands for by itself. Why there is none is logged, as for a login. */
  identityOf(certificate: CertificateCredential, peer: Peer): string | undefined;
  /** The CAs whose certificates clients may show, as PEM. Undefined: none. */
  readonly clientAuthorities: string | undefined;
  /** Fetches every provider's keys once. Never rejects: what is missing is fetched when a token needs it. */
  ready(): Promise<void>;
  status(): readonly ProviderStatus[];
  /** Puts another configuration in force. Keys of providers whose source is the same stay known. Throws, and changes nothing, when it cannot be honoured. */
  replace(config: IdentitySettings): void;
  close(): void;
}

/** The part of the configuration that identity rests on. */
export type IdentitySettings = Pick<Config, 'identityProviders' | 'certificateProviders' | 'identities'>;

export interface ProviderStatus extends KeyStatus {
  readonly provider: string;
}

/** What identity needs from the rest of the gateway. */
export interface IdentityPorts {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Required when a provider says `once`. */
  readonly once?: OnceStore;
  readonly revocations?: Pick<Revocations, 'isRevoked'>;
  /** No field ever holds a token or a claim. */
  readonly log?: Pick<Logger, 'info' | 'warn'>;
}

interface Provider {
  readonly config: IdentityProviderConfig;
  readonly sourceId: string;
  readonly keys: IssuerKeys;
  readonly rules: readonly IdentityRule[];
}

/** The largest tolerated difference of clocks that a configuration can name, in milliseconds: a reload may raise it while a token lives. */
const LARGEST_SKEW = 60_000;
/** How often keys are looked at for their age without any login asking for them, in milliseconds. */
const MAINTENANCE = 30_000;

/** Makes the identity service for a configuration. Throws an Error when the configuration cannot be honoured. */
export const createIdentities = (config: IdentitySettings, ports: IdentityPorts): Identities => {
  const verified = new VerifiedSignatures();
  const refused = new RefusedLogins(ports.clock, ports.log);
  const certificates = new CertificateLogins({ clock: ports.clock, isRevoked: (name) => ports.revocations?.isRevoked(name) === true, log: ports.log });
  const compileAll = (next: IdentitySettings, previous: readonly Provider[]) => {
    const rules = next.identities.map(compileIdentity);
    return { tokens: compile(next, rules, ports, previous), certificates: certificates.prepare(next, rules) };
  };
  let providers: readonly Provider[] = [];
  try {
    const compiled = compileAll(config, []);
    providers = compiled.tokens;
    certificates.replace(compiled.certificates);
  } catch (error) {
    certificates.close();
    throw error;
  }
  const maintenance = setInterval(() => {
    for (const { keys } of providers) void keys.refresh();
  }, MAINTENANCE);
  maintenance.unref();

  return {
    authenticate: async (credential, peer) => {
      const result = credential.kind === 'certificate' ? certificates.authenticate(credential) : await authenticate(credential.token, providers, verified, ports);
      if (isRefusal(result)) refused.note(result, peer);
      return result;
    },
    rematch: (principal) => {
      if (principal.certificate !== undefined) return certificates.rematch(principal);
      const provider = providers.find(({ config: { name } }) => name === principal.provider);
      const known = { provider: principal.provider, tokenFingerprint: principal.tokenFingerprint };
      // A provider of the same name with another issuer did not vouch for these claims.
      if (provider === undefined || provider.config.issuer !== principal.claims['iss'] || !hasAudience(principal.claims, provider.config.audience)) {
        return tokenRefusal('identity_none', known);
      }
      const rule = judge(provider, principal.claims, ports);
      if (typeof rule === 'string') return tokenRefusal(rule, known);
      if (rule.identity.name !== principal.identity) return tokenRefusal('identity_none', known);
      return principalOf(rule, principal);
    },
    lapsed: (principal) => (principal.certificate === undefined ? undefined : certificates.lapsed(principal)),
    identityOf: (certificate, peer) => certificates.identityOf(certificate, (result) => refused.note(result, peer)),
    get clientAuthorities() {
      return certificates.authorities;
    },
    ready: async () => {
      await Promise.all([...providers.map(({ keys }) => keys.refresh()), certificates.refresh()]);
    },
    status: () => [...providers.map(({ config: { name, maxKeyAge }, keys }) => ({ provider: name, ...keys.status(maxKeyAge) })), ...certificates.status()],
    replace: (next) => {
      const compiled = compileAll(next, providers);
      providers = compiled.tokens;
      certificates.replace(compiled.certificates);
      verified.clear();
    },
    close: () => {
      clearInterval(maintenance);
      certificates.close();
    },
  };
};

const compile = (config: IdentitySettings, rules: readonly IdentityRule[], ports: IdentityPorts, previous: readonly Provider[]): readonly Provider[] => {
  const seen = new Map<string, string>();
  return config.identityProviders.map((provider) => {
    const unsupported = provider.algorithms.find((name) => !isSupportedAlgorithm(name));
    if (unsupported !== undefined) throw new Error(`identity provider ${provider.name}: algorithm ${unsupported} is not accepted; only asymmetric signatures are`);
    if (provider.once && ports.once === undefined) throw new Error(`identity provider ${provider.name}: once needs durable state`);
    // Several clusters may share an issuer, told apart by audience; the same pair twice could not be told apart.
    const pair = JSON.stringify([provider.issuer, provider.audience]);
    const twin = seen.get(pair);
    if (twin !== undefined) throw new Error(`identity providers ${twin} and ${provider.name} have the same issuer and audience`);
    seen.set(pair, provider.name);
    const source = keySource(provider);
    const known = previous.find(({ sourceId }) => sourceId === source.id);
    const keys = known?.keys ?? new IssuerKeys(source, ports.clock, keyLog(provider.name, ports.log));
    return { config: provider, sourceId: source.id, keys, rules: rules.filter(({ identity }) => identity.provider === provider.name) };
  });
};

const authenticate = async (text: string, providers: readonly Provider[], verified: VerifiedSignatures, ports: IdentityPorts): Promise<Principal | TokenRefusal> => {
  const token = parseToken(text);
  if (typeof token === 'string') return tokenRefusal(token);
  const tokenFingerprint = token.fingerprint;
  const provider = chooseProvider(token.claims, providers);
  if (typeof provider === 'string') return tokenRefusal(provider, { tokenFingerprint });
  const { config, keys } = provider;
  const refuse = (reason: TokenReason): TokenRefusal => tokenRefusal(reason, { provider: config.name, tokenFingerprint });

  if (!config.algorithms.includes(token.algorithm)) return refuse('algorithm_refused');
  const candidates = await keys.find(token.algorithm, token.keyId, config.maxKeyAge);
  if (typeof candidates === 'string') return refuse(candidates);
  if (!verified.verify(token, candidates)) return refuse('signature_invalid');

  const standard = checkClaims(token.claims, config, ports.clock());
  if (typeof standard === 'string') return refuse(standard);
  const rule = judge(provider, token.claims, ports);
  if (typeof rule === 'string') return refuse(rule);
  if (config.once) {
    const used = await useOnce(tokenFingerprint, standard.expiresAt + LARGEST_SKEW, ports);
    if (used !== undefined) return refuse(used);
  }
  return principalOf(rule, {
    provider: config.name,
    subject: standard.subject,
    claims: freeze(token.claims),
    tokenFingerprint,
    tokenExpiresAt: standard.expiresAt,
  });
};

/**
 * The provider whose issuer is exactly the token's `iss`; among several of one issuer, the one of the token's audience.
 * Nothing is verified yet: this only chooses whose keys must have signed.
 */
const chooseProvider = (claims: Readonly<Record<string, unknown>>, providers: readonly Provider[]): Provider | TokenReason => {
  const { iss } = claims;
  if (typeof iss !== 'string') return 'issuer_missing';
  const ofIssuer = providers.filter(({ config }) => config.issuer === iss);
  return ofIssuer.find(({ config }) => hasAudience(claims, config.audience)) ?? ofIssuer[0] ?? 'issuer_unknown';
};

const judge = (provider: Provider, claims: Readonly<Record<string, unknown>>, ports: IdentityPorts): IdentityRule | TokenReason => {
  const rule = matchIdentity(provider.rules, claims);
  if (typeof rule !== 'string' && ports.revocations?.isRevoked(rule.identity.name) === true) return 'identity_revoked';
  return rule;
};

const useOnce = async (fingerprint: string, until: number, ports: IdentityPorts): Promise<TokenReason | undefined> => {
  try {
    return (await ports.once?.use(fingerprint, until)) === true ? undefined : 'token_used';
  } catch (cause) {
    ports.log?.warn({ event: 'once_failed', error: cause instanceof Error ? cause.message : 'failed' }, 'single use of a token could not be recorded');
    return 'once_unavailable';
  }
};
