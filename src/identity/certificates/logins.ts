import { createHash } from 'node:crypto';
import type { Config } from '../../config/resolved.ts';
import { isRefusal } from '../../model/decision.ts';
import type { Logger } from '../../model/logger.ts';
import type { CertificateCredential, Principal } from '../../model/principal.ts';
import { keyLog } from '../keylog.ts';
import type { KeyStatus } from '../keys.ts';
import { matchIdentity, type IdentityRule } from '../match.ts';
import { freeze, principalOf } from '../principal.ts';
import { certificateRefusal, type TokenRefusal } from '../reasons.ts';
import { claimsOf, subjectOf } from './claims.ts';
import { certificateFacts, goodUntil, stillStands, vouchers, type CertificateProvider } from './providers.ts';
import { CertificateTrust } from './trust.ts';

/** How often the files of trust anchors and revocation lists are looked at, in milliseconds. */
const LOOK_AT_FILES = 500;
/** How long the answer for a certificate that names nobody is kept, in milliseconds, for connections that show one beside their tokens. */
const KEEP_REFUSAL = 1_000;

export interface CertificateLoginPorts {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Of an identity or a certificate, as `Revocation` names them. */
  readonly isRevoked: (name: string) => boolean;
  readonly log: Pick<Logger, 'info' | 'warn'> | undefined;
}

/** Turns client certificates into principals. Verifies anew what it was not asked before; remembers nothing of those who were refused. */
export class CertificateLogins {
  readonly #ports: CertificateLoginPorts;
  readonly #timer: NodeJS.Timeout;
  #providers: readonly CertificateProvider[] = [];
  #known = new WeakMap<CertificateCredential, { readonly at: number; readonly found: Principal | TokenRefusal }>();

  constructor(ports: CertificateLoginPorts) {
    this.#ports = ports;
    this.#timer = setInterval(() => {
      for (const { trust } of this.#providers) void trust.refresh();
    }, LOOK_AT_FILES);
    this.#timer.unref();
  }

  /** What a configuration asks for, to be put in force by `replace`. Throws an Error when it cannot be honoured. */
  prepare({ certificateProviders = [] }: Pick<Config, 'certificateProviders'>, rules: readonly IdentityRule[]): readonly CertificateProvider[] {
    return certificateProviders.map((config) => {
      const known = this.#providers.find(({ trust }) => trust.isOf(config));
      return { config, trust: known?.trust ?? this.#open(config), rules: rules.filter(({ identity }) => identity.provider === config.name), isRevoked: this.#ports.isRevoked };
    });
  }

  replace(providers: readonly CertificateProvider[]): void {
    this.#providers = providers;
    this.#known = new WeakMap();
  }

  /** The CAs of all providers as PEM. Undefined: nobody comes by a certificate, so none is asked for. */
  get authorities(): string | undefined {
    return this.#providers.length === 0 ? undefined : this.#providers.map(({ trust }) => trust.now.pem).join('');
  }

  /** Judges a certificate. Never throws. */
  authenticate(credential: CertificateCredential): Principal | TokenRefusal {
    const [own] = credential.chain;
    const fingerprint = own === undefined ? '' : fingerprintOf(own);
    const found = vouchers(credential, this.#providers, this.#ports.clock());
    if (typeof found === 'string') return certificateRefusal(found, { certificate: fingerprint });
    const [first] = found;
    const provider = first?.provider.config.name;
    const refuse = (reason: TokenRefusal['reason']): TokenRefusal => certificateRefusal(reason, { ...(provider === undefined ? {} : { provider }), certificate: fingerprint });
    // Each provider by itself, and together: a certificate that two of them vouch for is one identity or none.
    const matches = found.map(({ provider: one, path }) => ({ provider: one, path, match: matchIdentity(one.rules, claimsOf(path[0] as (typeof path)[number])) })).filter(({ match }) => match !== 'identity_none');
    const [only] = matches;
    if (only === undefined) return refuse('identity_none');
    const { match, path } = only;
    if (matches.length > 1) return refuse('identity_ambiguous');
    if (typeof match === 'string') return refuse(match);
    if (this.#ports.isRevoked(match.identity.name)) return refuse('identity_revoked');
    const certificate = path[0] as (typeof path)[number];
    const claims = freeze(claimsOf(certificate));
    return principalOf(match, {
      provider: only.provider.config.name,
      subject: subjectOf(certificate),
      claims,
      certificate: certificateFacts(path, String(claims['issuer'])),
      tokenFingerprint: Buffer.from(certificate.fingerprint, 'hex').toString('base64url'),
      tokenExpiresAt: goodUntil(path),
    });
  }

  /** Judges the principal of a live session anew: whether its certificate still stands, for the same identity. */
  rematch(principal: Principal): Principal | TokenRefusal {
    const lapsed = this.lapsed(principal);
    if (lapsed !== undefined) return lapsed;
    const known = { provider: principal.provider, certificate: principal.certificate?.fingerprint ?? '' };
    const rule = matchIdentity(this.#named(principal.provider)?.rules ?? [], principal.claims);
    if (typeof rule === 'string') return certificateRefusal(rule, known);
    if (this.#ports.isRevoked(rule.identity.name)) return certificateRefusal('identity_revoked', known);
    return rule.identity.name === principal.identity ? principalOf(rule, principal) : certificateRefusal('identity_none', known);
  }

  /** Why the certificate of a live session is no longer good. Cheap: asked each second, for each. */
  lapsed(principal: Principal): TokenRefusal | undefined {
    const provider = this.#named(principal.provider);
    const reason = provider === undefined ? 'certificate_untrusted' : stillStands(principal, provider, this.#ports.clock());
    return reason === undefined ? undefined : certificateRefusal(reason, { provider: principal.provider, certificate: principal.certificate?.fingerprint ?? '' });
  }

  /** The identity that a certificate stands for by itself, without a session. */
  identityOf(credential: CertificateCredential, note: (refused: TokenRefusal) => void): string | undefined {
    const now = this.#ports.clock();
    const known = this.#known.get(credential);
    const age = known === undefined ? 0 : now - known.at;
    const found = known === undefined || (isRefusal(known.found) && (age > KEEP_REFUSAL || age < 0)) ? this.authenticate(credential) : known.found;
    if (found !== known?.found) {
      this.#known.set(credential, { at: now, found });
      if (isRefusal(found)) note(found);
    }
    const still = isRefusal(found) ? found : this.rematch(found);
    return isRefusal(still) ? undefined : still.identity;
  }

  status(): readonly (KeyStatus & { readonly provider: string })[] {
    const now = this.#ports.clock();
    return this.#providers.map(({ config: { name }, trust }) => {
      const { anchors, lists } = trust.now;
      const stale = lists !== undefined && !lists.some(({ nextUpdate }) => now < nextUpdate);
      const lastError = trust.failure ?? (stale ? 'crl: no list of it is current' : undefined);
      return { provider: name, keys: anchors.length, usable: !stale, ...(lastError === undefined ? {} : { lastError }) };
    });
  }

  /** Looks at the files now. Never rejects. */
  async refresh(): Promise<void> {
    await Promise.all(this.#providers.map(({ trust }) => trust.refresh()));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #named(name: string): CertificateProvider | undefined {
    return this.#providers.find(({ config }) => config.name === name);
  }

  #open(config: CertificateProvider['config']): CertificateTrust {
    try {
      return new CertificateTrust(config, keyLog(config.name, this.#ports.log));
    } catch (cause) {
      throw new Error(`identity provider ${config.name}: ${(cause as Error).message}`, { cause });
    }
  }
}

const fingerprintOf = (der: Buffer): string => createHash('sha256').update(der).digest('hex');
