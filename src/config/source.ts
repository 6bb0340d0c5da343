import { isHttp } from './protocols.ts';
import { roleNames, type ChannelSource, type LoginSource } from './resolve-people.ts';
import type { AnchorConfig, CertificateProviderConfig, ChannelConfig, Config, ConnectionConfig, IdentityProviderConfig, KeySource, LoginConfig, PolicyConfig, RuleConfig } from './resolved.ts';
import type { ConfigurationSource } from './schema.ts';
import { formatSecretRef } from './secret-ref.ts';
import { credentialWritten, httpWritten, requestMatchWritten } from './source-http.ts';
import { formatDuration, formatHostPort, formatSize } from './units.ts';

/**
 * The resolved configuration as it could have been written, with every default in its place. Loading it again gives a configuration
 * with the same digest: what `check --json` prints is all that is in force.
 */
export function asSource(config: Config): ConfigurationSource {
  const { gateway, control } = config;
  return {
    version: 1,
    gateway: {
      data: gateway.data,
      keys: gateway.keys,
      ...(gateway.keyCommand === undefined ? {} : { keyCommand: [...gateway.keyCommand] }),
      names: [...gateway.names],
      tls: gateway.tls === 'auto' ? 'auto' : { ...gateway.tls },
      limits: {
        message: formatSize(gateway.limits.message),
        statement: formatSize(gateway.limits.statement),
        connections: gateway.limits.connections,
        preAuth: { seconds: gateway.limits.preAuth.seconds, bytes: formatSize(gateway.limits.preAuth.bytes) },
      },
      reload: gateway.reload,
    },
    control: {
      listen: control.listen === undefined ? 'off' : formatHostPort(control.listen),
      ...(control.url === undefined ? {} : { url: control.url }),
      login: control.login.map(login),
      roles: Object.fromEntries(roleNames.flatMap((name) => (control.roles[name].length === 0 ? [] : [[name, { groups: [...control.roles[name]] }]]))),
      channels: control.channels.map(channel),
    },
    approvals: { forbid: [...config.approvals.forbid], ...(config.approvals.breakGlass.length === 0 ? {} : { breakGlass: { groups: [...config.approvals.breakGlass] } }) },
    identityProviders: [...config.identityProviders.map(provider), ...(config.certificateProviders ?? []).map(certificateProvider)],
    identities: config.identities.map(({ origin: _origin, groups, requester, author, claims, ...rest }) => ({
      ...rest,
      claims: { ...claims },
      ...(requester === undefined ? {} : { requester: `claims.${requester}` }),
      ...(author === undefined ? {} : { author: `claims.${author}` }),
      ...(groups.length === 0 ? {} : { groups: [...groups] }),
    })),
    connections: config.connections.map(connection),
    policies: config.policies.map(policy),
    ...(config.retention.length === 0
      ? {}
      : {
          retention: config.retention.map(({ connections, recordings, evidence }) => ({
            connections: [...connections],
            ...(recordings === undefined ? {} : { recordings: formatDuration(recordings) }),
            ...(evidence === undefined ? {} : { evidence: formatDuration(evidence) }),
          })),
        }),
    evidence: {
      witnesses: config.evidence.witnesses.map(({ origin: _origin, ...witness }) => witness),
      ...(config.evidence.quorum === 0 ? {} : { quorum: config.evidence.quorum }),
      anchors: config.evidence.anchors.map(anchor),
    },
  };
}

function anchor(resolved: AnchorConfig): NonNullable<NonNullable<ConfigurationSource['evidence']>['anchors']>[number] {
  const { origin: _origin, every, ...rest } = resolved;
  const about = { every: formatDuration(every) };
  switch (rest.type) {
    case 'file':
    case 'rfc3161':
      return { ...rest, ...about };
    case 'webhook':
      return { ...rest, ...about, secret: formatSecretRef(rest.secret) };
    case 's3': {
      const { sessionToken, ...s3 } = rest;
      return { ...s3, ...about, accessKey: formatSecretRef(s3.accessKey), secretKey: formatSecretRef(s3.secretKey), ...(sessionToken === undefined ? {} : { sessionToken: formatSecretRef(sessionToken) }), retain: formatDuration(s3.retain) };
    }
  }
}

function login({ origin: _origin, keys, clientSecret, scopes, accounts, maxTokenAge, sessionAge, idle, ...rest }: LoginConfig): LoginSource {
  return {
    ...rest,
    ...(clientSecret === undefined ? {} : { clientSecret: formatSecretRef(clientSecret) }),
    scopes: [...scopes],
    accounts: Object.fromEntries(Object.entries(accounts).map(([provider, claim]) => [provider, `claims.${claim}`])),
    ...keysWritten(keys),
    maxTokenAge: formatDuration(maxTokenAge),
    sessionAge: formatDuration(sessionAge),
    idle: formatDuration(idle),
  };
}

function channel({ origin: _origin, ...rest }: ChannelConfig): ChannelSource {
  if (rest.type === 'webhook') return { ...rest, secret: formatSecretRef(rest.secret) };
  return { ...rest, token: formatSecretRef(rest.token), signingSecret: formatSecretRef(rest.signingSecret) };
}

const keysWritten = (keys: KeySource): { readonly jwks?: string; readonly jwksFile?: string } => (keys.from === 'url' ? { jwks: keys.url } : keys.from === 'file' ? { jwksFile: keys.path } : {});

function provider({ origin: _origin, keys, algorithms, maxTokenAge, clockSkew, maxKeyAge, ...rest }: IdentityProviderConfig): ConfigurationSource['identityProviders'][number] {
  return {
    ...rest,
    ...keysWritten(keys),
    algorithms: [...algorithms],
    maxTokenAge: formatDuration(maxTokenAge),
    clockSkew: formatDuration(clockSkew),
    maxKeyAge: formatDuration(maxKeyAge),
  };
}

function certificateProvider({ name, ca, crl, trustDomain, maxLifetime }: CertificateProviderConfig): ConfigurationSource['identityProviders'][number] {
  return { name, certificates: { ca, ...(crl === undefined ? {} : { crl }), ...(trustDomain === undefined ? {} : { trustDomain }), maxLifetime: formatDuration(maxLifetime) } };
}

function connection(resolved: ConnectionConfig): ConfigurationSource['connections'][number] {
  const { name, protocol, plaintext, evidence } = resolved;
  const about = {
    name,
    protocol,
    listen: formatHostPort(resolved.listen),
    plaintext,
    evidence: { mode: evidence.mode, recordAnswers: evidence.recordAnswers === 0 ? 'off' : formatSize(evidence.recordAnswers) },
  };
  if (isHttp(resolved)) return { ...about, target: { ...resolved.target }, credential: credentialWritten(resolved.credential), http: httpWritten(resolved.http) };
  const { target, credential, functions } = resolved;
  const { password } = credential;
  return {
    ...about,
    target: { ...target },
    credential: { username: credential.username, ...(password === undefined ? {} : { password: formatSecretRef(password) }) },
    ...(functions.length === 0 ? {} : { functions: [...functions] }),
  };
}

function policy({ origin: _origin, name, groups, identities, connections, allow, rules, mask, limits }: PolicyConfig): ConfigurationSource['policies'][number] {
  const { sessionAge, ...counts } = limits;
  return {
    name,
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(identities.length === 0 ? {} : { identities: [...identities] }),
    connections: [...connections],
    allow: [...allow],
    rules: rules.map(rule),
    mask: mask.map(({ origin: _at, name: full, columns, fields, detect, otherwise, ...rest }) => ({
      name: full.slice(name.length + 1),
      ...(columns.length === 0 ? {} : { columns: [...columns] }),
      ...(fields.length === 0 ? {} : { fields: [...fields] }),
      ...(detect.length === 0 ? {} : { detect: [...detect] }),
      // Says nothing where no body is looked at.
      ...(fields.length + detect.length === 0 ? {} : { otherwise }),
      ...rest,
    })),
    limits: { ...counts, ...(sessionAge === undefined ? {} : { sessionAge: formatDuration(sessionAge) }) },
  };
}

function rule({ origin: _origin, match, approval, ...rest }: RuleConfig): NonNullable<ConfigurationSource['policies'][number]['rules']>[number] {
  const { rows, verbs, objects, columns, functions, classes, request } = match;
  const written = {
    ...(verbs === undefined ? {} : { verbs: [...verbs] }),
    ...(objects === undefined ? {} : { objects: [...objects] }),
    ...(columns === undefined ? {} : { columns: [...columns] }),
    ...(functions === undefined ? {} : { functions: [...functions] }),
    ...(classes === undefined ? {} : { classes: [...classes] }),
    ...(rows === undefined ? {} : { rows: `> ${rows}` }),
    ...(request === undefined ? {} : { request: requestMatchWritten(request) }),
  };
  return {
    ...rest,
    ...(Object.keys(written).length === 0 ? {} : { match: written }),
    ...(approval === undefined
      ? {}
      : {
          approval: {
            groups: [...approval.groups],
            count: approval.count,
            hold: formatDuration(approval.hold),
            expires: formatDuration(approval.expires),
            holdInTransaction: formatDuration(approval.holdInTransaction),
            ...(approval.coverData === undefined ? {} : { cover: 'data' as const, coverUpTo: formatSize(approval.coverData) }),
          },
        }),
  };
}
