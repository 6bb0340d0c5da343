import { formatSecretRef } from './secret-ref.ts';
import type { CredentialSource, HttpSource, RequestMatchSource } from './resolve-http.ts';
import type { HttpConfig, HttpCredentialConfig, RequestMatchConfig } from './resolved.ts';
import { formatDuration, formatSize } from './units.ts';

/** The keys of the HTTP protocol as they could have been written. */
export function httpWritten({ hosts, proxy, prefix, basePath, host, apis, sessionIdle, wholeBody, answerWithin }: HttpConfig): HttpSource {
  return {
    ...(hosts.length === 0 ? {} : { hosts: [...hosts] }),
    ...(proxy ? { proxy } : {}),
    ...(prefix === '' ? {} : { prefix }),
    ...(basePath === '' ? {} : { basePath }),
    ...(host === undefined ? {} : { host }),
    apis: [...apis],
    sessionIdle: formatDuration(sessionIdle),
    wholeBody: formatSize(wholeBody),
    answerWithin: formatDuration(answerWithin),
  };
}

/** A credential as it could have been written: references, never values. */
export function credentialWritten(credential: HttpCredentialConfig): CredentialSource {
  switch (credential.type) {
    case 'none':
      return { type: 'none' };
    case 'bearer':
      return { type: 'bearer', token: formatSecretRef(credential.token) };
    case 'header':
      return { ...credential, value: formatSecretRef(credential.value) };
    case 'basic':
      return { ...credential, password: formatSecretRef(credential.password) };
    case 'oauth': {
      const { scopes, clientSecret, ...rest } = credential;
      return { ...rest, clientSecret: formatSecretRef(clientSecret), ...listed(scopes) };
    }
    case 'google': {
      const { scopes, key, ...rest } = credential;
      return { ...rest, key: formatSecretRef(key), ...listed(scopes) };
    }
    case 'azure': {
      const { scopes, clientSecret, assertion, ...rest } = credential;
      return {
        ...rest,
        ...(clientSecret === undefined ? {} : { clientSecret: formatSecretRef(clientSecret) }),
        ...(assertion === undefined ? {} : { assertion: formatSecretRef(assertion) }),
        ...listed(scopes),
      };
    }
    case 'aws': {
      const { accessKey, secretKey, sessionToken, ...rest } = credential;
      return { ...rest, accessKey: formatSecretRef(accessKey), secretKey: formatSecretRef(secretKey), ...(sessionToken === undefined ? {} : { sessionToken: formatSecretRef(sessionToken) }) };
    }
  }
}

const listed = (scopes: readonly string[]): { readonly scopes?: string[] } => (scopes.length === 0 ? {} : { scopes: [...scopes] });

/** What a rule says of a request, as it could have been written. */
export function requestMatchWritten(match: RequestMatchConfig): RequestMatchSource {
  const { methods, hosts, paths, query, headers, fields, graphql, grpc } = match;
  const list = <K extends string>(key: K, values: readonly string[] | undefined): Partial<Record<K, string[]>> => (values === undefined ? {} : ({ [key]: [...values] } as Record<K, string[]>));
  const record = <K extends string>(key: K, values: Readonly<Record<string, readonly string[]>> | undefined): Partial<Record<K, Record<string, string[]>>> =>
    values === undefined ? {} : ({ [key]: Object.fromEntries(Object.entries(values).map(([name, patterns]) => [name, [...patterns]])) } as Record<K, Record<string, string[]>>);
  return { ...list('methods', methods), ...list('hosts', hosts), ...list('paths', paths), ...record('query', query), ...record('headers', headers), ...record('fields', fields), ...list('graphql', graphql), ...list('grpc', grpc) };
}
