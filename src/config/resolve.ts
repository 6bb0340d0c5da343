import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Origin } from '../model/decision.ts';
import type { ApiSets } from './http.ts';
import { resolveCredential, resolveHttp, resolveRequestMatch } from './resolve-http.ts';
import { resolveApproval, resolveApprovals, resolveChannel, resolveLogin, resolveRoles } from './resolve-people.ts';
import type { AnchorConfig, CertificateProviderConfig, Config, ConnectionConfig, IdentityConfig, IdentityProviderConfig, LimitsConfig, MaskConfig, PolicyConfig, RetentionConfig, RuleConfig, SecretRef } from './resolved.ts';
import type { ConfigurationSource } from './schema.ts';
import type { Places } from './shape.ts';
import { parseDuration, parseHostPort, parseSize, type HostPort } from './units.ts';
import { amount, claimName, keysFrom, originOf, pathAt, secretRef, withoutSlash } from './written.ts';

type Source<K extends 'identityProviders' | 'identities' | 'connections' | 'policies'> = ConfigurationSource[K][number];
type CertificateSource = NonNullable<Source<'identityProviders'>['certificates']>;
type RuleSource = NonNullable<Source<'policies'>['rules']>[number];
type AnchorSource = NonNullable<NonNullable<ConfigurationSource['evidence']>['anchors']>[number];
type MaskSource = NonNullable<Source<'policies'>['mask']>[number];

/** What is in force where the configuration says nothing. */
export const defaults = {
  data: './data',
  keys: './keys',
  names: ['localhost', '127.0.0.1'],
  control: '127.0.0.1:7080',
  message: '16MiB',
  statement: '1MiB',
  connections: 5000,
  preAuthSeconds: 10,
  preAuthBytes: '64KiB',
  algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
  maxTokenAge: '1h',
  clockSkew: '30s',
  maxKeyAge: '24h',
  maxLifetime: '25h',
  recordAnswers: '1MiB',
  anchorSoon: '1m',
  anchorHourly: '1h',
} as const;

/**
 * The checked configuration with everything filled in. `base` is the folder that defaults are relative to; what is written down is
 * relative to the file that it stands in.
 */
export function resolve(source: ConfigurationSource, places: Places, base: string, files: readonly string[], apis: ApiSets): Config {
  const resolver = new Resolver(places, path.resolve(base));
  const config: Omit<Config, 'digest'> = {
    files: files.map((file) => path.resolve(file)),
    gateway: resolver.gateway(source.gateway ?? {}),
    control: resolver.control(source.control ?? {}),
    approvals: resolveApprovals(source.approvals ?? {}),
    identityProviders: source.identityProviders.filter((provider) => provider.certificates === undefined).map((provider) => resolver.provider(provider)),
    ...(source.identityProviders.some(({ certificates }) => certificates !== undefined)
      ? { certificateProviders: source.identityProviders.flatMap((provider) => (provider.certificates === undefined ? [] : [resolver.certificateProvider(provider, provider.certificates)])) }
      : {}),
    identities: source.identities.map((identity) => resolver.identity(identity)),
    connections: source.connections.map((connection) => resolver.connection(connection, apis.get(connection))),
    policies: source.policies.map((policy) => resolver.policy(policy)),
    retention: (source.retention ?? []).map((entry) => resolver.retention(entry)),
    evidence: resolver.evidence(source.evidence ?? {}),
  };
  return { digest: digestOf(config), ...config };
}

/** Name of a mask in records: `policy/name`, or `policy/` and its place in the list, from 1. */
export const maskName = (policy: string, mask: { readonly name?: string }, index: number): string => `${policy}/${mask.name ?? String(index + 1)}`;

class Resolver {
  readonly #places: Places;
  readonly #base: string;

  constructor(places: Places, base: string) {
    this.#places = places;
    this.#base = base;
  }

  gateway(written: NonNullable<ConfigurationSource['gateway']>): Config['gateway'] {
    const { limits = {}, tls = 'auto' } = written;
    return {
      data: this.#path(written, 'data', written.data) ?? path.join(this.#base, defaults.data),
      keys: this.#path(written, 'keys', written.keys) ?? path.join(this.#base, defaults.keys),
      ...(written.keyCommand === undefined ? {} : { keyCommand: written.keyCommand }),
      names: written.names ?? defaults.names,
      tls: tls === 'auto' ? tls : { cert: pathAt(this.#places, tls, 'cert', tls.cert), key: pathAt(this.#places, tls, 'key', tls.key) },
      limits: {
        message: amount(parseSize(limits.message ?? defaults.message)),
        statement: amount(parseSize(limits.statement ?? defaults.statement)),
        connections: limits.connections ?? defaults.connections,
        preAuth: {
          seconds: limits.preAuth?.seconds ?? defaults.preAuthSeconds,
          bytes: amount(parseSize(limits.preAuth?.bytes ?? defaults.preAuthBytes)),
        },
      },
      reload: written.reload ?? 'signal',
    };
  }

  control(written: NonNullable<ConfigurationSource['control']>): Config['control'] {
    const listen = written.listen ?? defaults.control;
    return {
      ...(listen === 'off' ? {} : { listen: hostPort(listen) }),
      ...(written.url === undefined ? {} : { url: withoutSlash(written.url) }),
      login: (written.login ?? []).map((login) => resolveLogin(login, this.#places)),
      roles: resolveRoles(written.roles ?? {}),
      channels: (written.channels ?? []).map((channel) => resolveChannel(channel, this.#places)),
    };
  }

  provider(written: Source<'identityProviders'>): IdentityProviderConfig {
    const ca = this.#path(written, 'ca', written.ca);
    return {
      name: written.name,
      issuer: written.issuer ?? '',
      audience: written.audience ?? '',
      keys: keysFrom(this.#places, written),
      algorithms: written.algorithms ?? defaults.algorithms,
      once: written.once ?? false,
      maxTokenAge: amount(parseDuration(written.maxTokenAge ?? defaults.maxTokenAge)),
      clockSkew: amount(parseDuration(written.clockSkew ?? defaults.clockSkew)),
      maxKeyAge: amount(parseDuration(written.maxKeyAge ?? defaults.maxKeyAge)),
      ...(ca === undefined ? {} : { ca }),
      allowPrivate: written.allowPrivate ?? false,
      origin: this.#origin(written),
    };
  }

  certificateProvider(written: Source<'identityProviders'>, certificates: CertificateSource): CertificateProviderConfig {
    const { trustDomain } = certificates;
    const crl = this.#path(certificates, 'crl', certificates.crl);
    return {
      name: written.name,
      ca: pathAt(this.#places, certificates, 'ca', certificates.ca),
      ...(crl === undefined ? {} : { crl }),
      ...(trustDomain === undefined ? {} : { trustDomain }),
      maxLifetime: amount(parseDuration(certificates.maxLifetime ?? defaults.maxLifetime)),
      origin: this.#origin(written),
    };
  }

  identity(written: Source<'identities'>): IdentityConfig {
    return {
      name: written.name,
      owner: written.owner,
      ...(written.purpose === undefined ? {} : { purpose: written.purpose }),
      provider: written.provider,
      claims: written.claims,
      ...(written.when === undefined ? {} : { when: written.when }),
      ...(written.requester === undefined ? {} : { requester: claimName(written.requester) }),
      ...(written.author === undefined ? {} : { author: claimName(written.author) }),
      groups: written.groups ?? [],
      origin: this.#origin(written),
    };
  }

  connection(written: Source<'connections'>, apis: ReturnType<ApiSets['get']>): ConnectionConfig {
    const { target, credential, evidence = {} } = written;
    const ca = this.#path(target, 'ca', target.ca);
    const recordAnswers = evidence.recordAnswers ?? defaults.recordAnswers;
    const about = {
      name: written.name,
      listen: hostPort(written.listen),
      plaintext: written.plaintext ?? false,
      evidence: { mode: evidence.mode ?? 'effect', recordAnswers: recordAnswers === 'off' ? 0 : amount(parseSize(recordAnswers)) },
      origin: this.#origin(written),
    };
    const leadsTo = {
      host: target.host,
      port: target.port,
      // PostgreSQL has no TLS on Unix sockets; the file's permissions protect it.
      tls: target.tls ?? (target.host.startsWith('/') ? 'disable' : 'verify-full'),
      ...(ca === undefined ? {} : { ca }),
    };
    if (written.protocol === 'http') return { ...about, protocol: 'http', target: leadsTo, credential: resolveCredential(credential, this.#places), http: resolveHttp(written.http ?? {}, this.#places, apis) };
    return {
      ...about,
      protocol: 'postgres',
      target: { ...leadsTo, database: target.database ?? '' },
      credential: {
        username: credential.username ?? '',
        ...(credential.password === undefined ? {} : { password: secretRef(this.#places, credential, 'password', credential.password) }),
      },
      functions: written.functions ?? [],
    };
  }

  policy(written: Source<'policies'>): PolicyConfig {
    return {
      name: written.name,
      groups: written.groups ?? [],
      identities: written.identities ?? [],
      connections: written.connections,
      allow: written.allow ?? [],
      rules: (written.rules ?? []).map((rule) => this.#rule(rule)),
      mask: (written.mask ?? []).map((mask, index) => this.#mask(mask, maskName(written.name, mask, index))),
      limits: limits(written.limits ?? {}),
      origin: this.#origin(written),
    };
  }

  evidence(written: NonNullable<ConfigurationSource['evidence']>): Config['evidence'] {
    const witnesses = (written.witnesses ?? []).map((witness) => {
      const ca = this.#path(witness, 'ca', witness.ca);
      return { name: witness.name, url: withoutSlash(witness.url), key: witness.key, ...(ca === undefined ? {} : { ca }), origin: this.#origin(witness) };
    });
    return { witnesses, quorum: witnesses.length === 0 ? 0 : (written.quorum ?? witnesses.length), anchors: (written.anchors ?? []).map((anchor) => this.#anchor(anchor)) };
  }

  /** What a type needs was checked before; texts that are not there cannot come here. */
  #anchor(written: AnchorSource): AnchorConfig {
    const every = amount(parseDuration(written.every ?? (written.type === 'file' || written.type === 'webhook' ? defaults.anchorSoon : defaults.anchorHourly)));
    const about = { name: written.name, every, origin: this.#origin(written) };
    const secret = (key: 'secret' | 'accessKey' | 'secretKey' | 'sessionToken'): SecretRef => secretRef(this.#places, written, key, written[key] ?? '');
    const file = (key: 'path' | 'trust'): string => pathAt(this.#places, written, key, written[key] ?? '');
    const ca = this.#path(written, 'ca', written.ca);
    const server = { url: withoutSlash(written.url ?? ''), ...(ca === undefined ? {} : { ca }) };
    switch (written.type) {
      case 'file':
        return { ...about, type: 'file', path: file('path') };
      case 'webhook':
        return { ...about, type: 'webhook', url: written.url ?? '', ...(ca === undefined ? {} : { ca }), secret: secret('secret') };
      case 'rfc3161':
        return { ...about, type: 'rfc3161', url: written.url ?? '', ...(ca === undefined ? {} : { ca }), trust: file('trust') };
      case 's3':
        return {
          ...about,
          type: 's3',
          ...server,
          region: written.region ?? '',
          accessKey: secret('accessKey'),
          secretKey: secret('secretKey'),
          ...(written.sessionToken === undefined ? {} : { sessionToken: secret('sessionToken') }),
          lock: written.lock ?? 'compliance',
          retain: amount(parseDuration(written.retain ?? '0s')),
        };
    }
  }

  retention(written: NonNullable<ConfigurationSource['retention']>[number]): RetentionConfig {
    const { connections, recordings, evidence } = written;
    return {
      connections,
      ...(recordings === undefined ? {} : { recordings: amount(parseDuration(recordings)) }),
      ...(evidence === undefined ? {} : { evidence: amount(parseDuration(evidence)) }),
      origin: this.#origin(written),
    };
  }

  #rule(written: RuleSource): RuleConfig {
    const { rows, request, ...match } = written.match ?? {};
    return {
      name: written.name,
      match: { ...match, ...(rows === undefined ? {} : { rows: Number(rows.replace(/^> ?/, '')) }), ...(request === undefined ? {} : { request: resolveRequestMatch(request) }) },
      ...(written.when === undefined ? {} : { when: written.when }),
      effect: written.effect,
      ...(written.reason === undefined ? {} : { reason: written.reason }),
      ...(written.approval === undefined || written.effect !== 'require_approval' ? {} : { approval: resolveApproval(written.approval) }),
      origin: this.#origin(written),
    };
  }

  #mask(written: MaskSource, name: string): MaskConfig {
    return {
      name,
      columns: written.columns ?? [],
      fields: written.fields ?? [],
      detect: written.detect ?? [],
      otherwise: written.otherwise ?? 'refuse',
      mode: written.mode ?? 'strict',
      transform: written.transform ?? 'redact',
      origin: this.#origin(written),
    };
  }

  #origin(holder: object): Origin {
    return originOf(this.#places, holder);
  }

  #path(holder: object, key: string, written: string | undefined): string | undefined {
    return written === undefined ? undefined : pathAt(this.#places, holder, key, written);
  }
}

function hostPort(text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed === undefined) throw new RangeError('an address that was not checked');
  return parsed;
}

function limits(written: NonNullable<Source<'policies'>['limits']>): LimitsConfig {
  const { sessionAge, ...counts } = written;
  return { ...counts, ...(sessionAge === undefined ? {} : { sessionAge: amount(parseDuration(sessionAge)) }) };
}

/**
 * SHA-256 (hex) of the canonical JSON of what is in force. Where things stand is left out, so that moving a line or a file does not
 * look like a change; so are credentials, of which the configuration holds references only.
 */
function digestOf(config: Omit<Config, 'digest'>): string {
  const { files: _files, ...rest } = config;
  return createHash('sha256').update(canonical(rest)).digest('hex');
}

/** JSON with sorted keys, without origins. (A claim or a header may be called origin; what it holds is never a section.) */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([key, member]) => member !== undefined && !(key === 'origin' && typeof member === 'object' && !Array.isArray(member)));
  return `{${entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}
