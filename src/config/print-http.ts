import { namesForConnect } from './http-proxy.ts';
import type { HttpConnectionConfig, HttpCredentialConfig, RequestMatchConfig } from './resolved.ts';
import { formatSecretRef } from './secret-ref.ts';
import { formatDuration, formatHostPort, formatSize } from './units.ts';

/** How a shared address tells connections apart, in words; empty: it need not. */
export function chosenBy(connection: HttpConnectionConfig): string {
  const { http } = connection;
  if (http.proxy) {
    const names = namesForConnect(connection).map(({ host, ports }) => `${host.includes(':') ? `[${host}]` : host}:${ports.join(' and ')}`);
    return `, as forward proxy for ${names.join(', ')}${http.hosts.length === 0 ? '' : `; and for the host ${http.hosts.join(' or ')}`}`;
  }
  const parts = [...(http.hosts.length === 0 ? [] : [`the host ${http.hosts.join(' or ')}`]), ...(http.prefix === '' ? [] : [`paths below ${http.prefix}`])];
  return parts.length === 0 ? '' : `, for ${parts.join(' and ')}`;
}

/** What stands under an HTTP connection, beside what all connections have. */
export function httpLines({ target, http }: HttpConnectionConfig): string[] {
  return [
    `sent        as ${http.host ?? (target.port === (target.tls === 'disable' ? 80 : 443) ? target.host : formatHostPort(target))}${http.prefix === '' ? '' : `, without ${http.prefix}`}${http.basePath === '' ? '' : `, below ${http.basePath}`}; an answer begins within ${formatDuration(http.answerWithin)}`,
    `read by     ${http.apis.join(', ')}; whole bodies up to ${formatSize(http.wholeBody)}`,
    `sessions    end after ${formatDuration(http.sessionIdle)} without a request`,
  ];
}

/** The credential in words: references, never values. */
export function credentialWords(credential: HttpCredentialConfig): string {
  const server = (of: { readonly ca?: string; readonly allowPrivate: boolean }): string => `${of.allowPrivate ? ', private addresses allowed' : ''}${of.ca === undefined ? '' : `, ca ${of.ca}`}`;
  switch (credential.type) {
    case 'none':
      return 'none';
    case 'bearer':
      return `bearer ${formatSecretRef(credential.token)}`;
    case 'header':
      return `header ${credential.name} ${formatSecretRef(credential.value)}`;
    case 'basic':
      return `basic ${credential.username}, password ${formatSecretRef(credential.password)}`;
    case 'oauth':
      return `oauth client ${credential.clientId} at ${credential.tokenUrl}, secret ${formatSecretRef(credential.clientSecret)} by ${credential.auth}${scopes(credential.scopes)}${credential.audience === undefined ? '' : `, audience ${credential.audience}`}${server(credential)}`;
    case 'google':
      return `google service account ${formatSecretRef(credential.key)}${credential.tokenUrl === undefined ? '' : ` at ${credential.tokenUrl}`}${scopes(credential.scopes)}${server(credential)}`;
    case 'azure': {
      const proof = credential.assertion === undefined ? `secret ${credential.clientSecret === undefined ? 'none' : formatSecretRef(credential.clientSecret)}` : `assertion ${formatSecretRef(credential.assertion)}`;
      return `azure client ${credential.clientId} of ${credential.tenant} at ${credential.authority}, ${proof}${scopes(credential.scopes)}${server(credential)}`;
    }
    case 'aws':
      return `aws ${[credential.accessKey, credential.secretKey, ...(credential.sessionToken === undefined ? [] : [credential.sessionToken])].map(formatSecretRef).join(', ')} for ${credential.service} in ${credential.region}`;
  }
}

const scopes = (list: readonly string[]): string => (list.length === 0 ? '' : `, scopes ${list.join(' ')}`);

/** What a rule says of a request, part by part. */
export function requestParts(match: RequestMatchConfig): string[] {
  const lists = (['methods', 'hosts', 'paths', 'graphql', 'grpc'] as const).flatMap((key) => (match[key] === undefined ? [] : [`${key} ${match[key].join(', ')}`]));
  const records = (['query', 'headers', 'fields'] as const).flatMap((key) => Object.entries(match[key] ?? {}).map(([name, patterns]) => `${key === 'query' ? 'parameter' : key === 'headers' ? 'header' : 'field'} ${name} ${patterns.join(', ')}`));
  return [...lists, ...records];
}
