import { createHash } from 'node:crypto';
import path from 'node:path';
import type { RuleSet } from '../apis/rule-set.ts';
import type { HttpConfig, HttpCredentialConfig, RequestMatchConfig } from './resolved.ts';
import type { ConfigurationSource } from './schema.ts';
import type { Places } from './shape.ts';
import { parseDuration, parseSize } from './units.ts';
import { amount, pathAt, secretRef, withoutSlash } from './written.ts';

export type ConnectionSource = ConfigurationSource['connections'][number];
export type CredentialSource = ConnectionSource['credential'];
export type HttpSource = NonNullable<ConnectionSource['http']>;
export type RequestMatchSource = NonNullable<NonNullable<NonNullable<ConfigurationSource['policies'][number]['rules']>[number]['match']>['request']>;

/** What is in force for HTTP connections where the configuration says nothing. */
export const httpDefaults = {
  apis: ['rest'],
  sessionIdle: '5m',
  wholeBody: '1MiB',
  answerWithin: '60s',
  googleScopes: ['https://www.googleapis.com/auth/cloud-platform'],
  azureAuthority: 'https://login.microsoftonline.com',
} as const;

/** Whether an entry of `apis` is a file, and not a name of a set that ships. */
export const isSetFile = (entry: string): boolean => entry.includes('/') || /\.ya?ml$/.test(entry);

/** An entry of `apis`: the name, or the absolute path. */
export const apiEntry = (places: Places, holder: readonly string[], index: number): string => {
  const entry = holder[index] ?? '';
  return isSetFile(entry) ? path.resolve(path.dirname(places.of(holder, index).place.file), entry) : entry;
};

/** The HTTP part of a connection with every default filled in. */
export function resolveHttp(written: HttpSource, places: Places, sets: readonly RuleSet[] | undefined): HttpConfig {
  const { apis } = written;
  const digests = (sets ?? []).flatMap(({ digest }) => digest ?? []);
  return {
    hosts: (written.hosts ?? []).map((host) => host.toLowerCase()),
    proxy: written.proxy ?? false,
    prefix: withoutSlash(written.prefix ?? ''),
    basePath: withoutSlash(written.basePath ?? ''),
    ...(written.host === undefined ? {} : { host: written.host.toLowerCase() }),
    apis: apis === undefined ? httpDefaults.apis : apis.map((_, index) => apiEntry(places, apis, index)),
    ...(digests.length === 0 ? {} : { setsDigest: createHash('sha256').update(digests.join(' ')).digest('hex') }),
    sessionIdle: amount(parseDuration(written.sessionIdle ?? httpDefaults.sessionIdle)),
    wholeBody: amount(parseSize(written.wholeBody ?? httpDefaults.wholeBody)),
    answerWithin: amount(parseDuration(written.answerWithin ?? httpDefaults.answerWithin)),
  };
}

/** Keys of a credential that refer to a secret. */
export const secretKeys = ['password', 'token', 'value', 'clientSecret', 'key', 'assertion', 'accessKey', 'secretKey', 'sessionToken'] as const;

/** What a type needs was checked before; texts that are not there cannot come here. */
export function resolveCredential(written: CredentialSource, places: Places): HttpCredentialConfig {
  const secret = (key: (typeof secretKeys)[number]): ReturnType<typeof secretRef> => secretRef(places, written, key, written[key] ?? '');
  const text = (key: 'name' | 'username' | 'clientId' | 'tenant' | 'region' | 'service'): string => written[key] ?? '';
  const server = { ...(written.ca === undefined ? {} : { ca: pathAt(places, written, 'ca', written.ca) }), allowPrivate: written.allowPrivate ?? false };
  switch (written.type ?? 'none') {
    case 'none':
      return { type: 'none' };
    case 'bearer':
      return { type: 'bearer', token: secret('token') };
    case 'header':
      return { type: 'header', name: text('name'), value: secret('value') };
    case 'basic':
      return { type: 'basic', username: text('username'), password: secret('password') };
    case 'oauth':
      return {
        type: 'oauth',
        tokenUrl: written.tokenUrl ?? '',
        clientId: text('clientId'),
        clientSecret: secret('clientSecret'),
        scopes: written.scopes ?? [],
        ...(written.audience === undefined ? {} : { audience: written.audience }),
        auth: written.auth ?? 'basic',
        ...server,
      };
    case 'google':
      return { type: 'google', key: secret('key'), scopes: written.scopes ?? httpDefaults.googleScopes, ...(written.tokenUrl === undefined ? {} : { tokenUrl: written.tokenUrl }), ...server };
    case 'azure':
      return {
        type: 'azure',
        tenant: text('tenant'),
        clientId: text('clientId'),
        ...(written.clientSecret === undefined ? {} : { clientSecret: secret('clientSecret') }),
        ...(written.assertion === undefined ? {} : { assertion: secret('assertion') }),
        scopes: written.scopes ?? [],
        authority: withoutSlash(written.authority ?? httpDefaults.azureAuthority),
        ...server,
      };
    case 'aws':
      return {
        type: 'aws',
        accessKey: secret('accessKey'),
        secretKey: secret('secretKey'),
        ...(written.sessionToken === undefined ? {} : { sessionToken: secret('sessionToken') }),
        region: text('region'),
        service: text('service'),
      };
  }
}

/** Names of headers and hosts have no case, so they are compared in lower case. */
export function resolveRequestMatch(written: RequestMatchSource): RequestMatchConfig {
  const { hosts, headers, ...rest } = written;
  return {
    ...rest,
    ...(hosts === undefined ? {} : { hosts: hosts.map((host) => host.toLowerCase()) }),
    ...(headers === undefined ? {} : { headers: Object.fromEntries(Object.entries(headers).map(([name, patterns]) => [name.toLowerCase(), patterns])) }),
  };
}
