import { isIP } from 'node:net';
import { loadSets, shippedSets } from '../apis/api.ts';
import { readTarget } from '../apis/path.ts';
import type { RuleSet } from '../apis/rule-set.ts';
import { SetRefused } from '../apis/set-file.ts';
import { isHostName, isLoopback } from './addresses.ts';
import type { Checking } from './checks.ts';
import { mayCarryCredential } from './credential-header.ts';
import { checkProxy } from './http-proxy.ts';
import { isMetadata } from './metadata.ts';
import { quoted } from './references.ts';
import { apiEntry, httpDefaults, isSetFile, type ConnectionSource, type CredentialSource, type HttpSource } from './resolve-http.ts';
import { didYouMean } from './suggest.ts';
import { formatDuration, formatSize, parseDuration, parseHostPort, parseSize } from './units.ts';
import { isPrivate } from './web-address.ts';

type CredentialType = NonNullable<CredentialSource['type']>;
type CredentialKey = keyof CredentialSource;

/** What each type of credential must have and may have, besides type. */
const keysOf: Readonly<Record<CredentialType, { readonly must: readonly CredentialKey[]; readonly may: readonly CredentialKey[] }>> = {
  none: { must: [], may: [] },
  bearer: { must: ['token'], may: [] },
  header: { must: ['name', 'value'], may: [] },
  basic: { must: ['username', 'password'], may: [] },
  oauth: { must: ['tokenUrl', 'clientId', 'clientSecret'], may: ['scopes', 'audience', 'auth', 'ca', 'allowPrivate'] },
  google: { must: ['key'], may: ['scopes', 'tokenUrl', 'ca', 'allowPrivate'] },
  azure: { must: ['tenant', 'clientId', 'scopes'], may: ['clientSecret', 'assertion', 'authority', 'ca', 'allowPrivate'] },
  aws: { must: ['accessKey', 'secretKey', 'region', 'service'], may: ['sessionToken'] },
};

const mostBody = 64 * 1024 ** 2;
const bounds = { sessionIdle: { least: 1_000, most: 86_400_000 }, answerWithin: { least: 1_000, most: 3_600_000 } } as const;

/** For each connection of protocol http the rule sets that read its requests; undefined where one of them could not be loaded. */
export type ApiSets = ReadonlyMap<ConnectionSource, readonly RuleSet[] | undefined>;

/** The keys of each protocol stand at connections of that protocol, and those of HTTP say something that can be done. */
export async function checkHttp(checking: Checking): Promise<ApiSets> {
  const { source, places, problems } = checking;
  const sets = new Map<ConnectionSource, readonly RuleSet[] | undefined>();
  for (const connection of source.connections) {
    if (connection.protocol === 'http') {
      checkTarget(connection, checking);
      checkCredential(connection, checking);
      if (connection.http !== undefined) checkKeys(connection.http, checking);
      checkProxy(connection, checking);
      sets.set(connection, await checkApis(connection, checking));
      continue;
    }
    if (places.has(connection, 'http')) problems.add(places.of(connection, 'http'), `is of the protocol http, and this connection is of ${connection.protocol}`, 'remove it');
    if (connection.credential.username === undefined && !places.has(connection.credential, 'username')) problems.add(places.of(connection.credential), 'username is missing', 'User at the target.');
    for (const key of Object.keys(connection.credential)) {
      if (key !== 'username' && key !== 'password') problems.add(places.of(connection.credential, key), `is of the protocol http, and this connection is of ${connection.protocol}`, 'remove it');
    }
  }
  return sets;
}

function checkTarget({ target, functions }: ConnectionSource, { places, problems }: Checking): void {
  if (target.database !== undefined) problems.add(places.of(target, 'database'), 'is of the protocol postgres, and this connection is of http', 'remove it');
  if (functions !== undefined) problems.add(places.of(functions), 'are of the protocol postgres, and this connection is of http', 'remove it');
  if (target.host.startsWith('/')) problems.add(places.of(target, 'host'), 'is a Unix socket, which is not available for http', 'a host name or an address');
  else if (isMetadata(target.host)) problems.add(places.of(target, 'host'), 'is an address at which a machine gets its own credentials, or none of anybody', 'the host of the API');
}

function checkCredential({ credential }: ConnectionSource, checking: Checking): void {
  const { places, problems } = checking;
  const { type } = credential;
  if (type === undefined) {
    if (!places.has(credential, 'type')) problems.add(places.of(credential), 'type is missing', `one of ${Object.keys(keysOf).join(', ')}`);
    return;
  }
  const { must, may } = keysOf[type];
  for (const key of must) if (!places.has(credential, key)) problems.add(places.of(credential), `${key} is missing, which ${type} needs`);
  for (const key of Object.keys(credential) as CredentialKey[]) {
    if (key !== 'type' && !must.includes(key) && !may.includes(key)) problems.add(places.of(credential, key), `is not a key of ${type}`, 'remove it');
  }
  if (type === 'header' && credential.name !== undefined && !mayCarryCredential(credential.name)) problems.add(places.of(credential, 'name'), 'is a header that says how the request is sent', 'the header that the target takes the credential from');
  if (type === 'basic' && credential.username?.includes(':') === true) problems.add(places.of(credential, 'username'), 'has a colon, which ends the user name in Basic authentication');
  if (type === 'azure') checkAzure(credential, checking);
  for (const key of ['tokenUrl', 'authority'] as const) {
    const written = credential[key];
    if (written !== undefined && (must.includes(key) || may.includes(key))) checkTokenAddress(credential, key, written, checking);
  }
}

function checkAzure(credential: CredentialSource, { places, problems }: Checking): void {
  const proofs = (['clientSecret', 'assertion'] as const).filter((key) => places.has(credential, key));
  if (proofs.length === 0) problems.add(places.of(credential), 'neither clientSecret nor assertion is given', 'one of them');
  if (proofs.length === 2) problems.add(places.of(credential, 'assertion'), 'stands beside clientSecret', 'one of them');
  if ((credential.scopes?.length ?? 1) !== 1) problems.add(places.of(credential, 'scopes'), 'are more than one, and a token of Entra is for one resource', 'such as [https://management.azure.com/.default]');
}

/** Where a secret is sent to. */
function checkTokenAddress(credential: CredentialSource, key: 'tokenUrl' | 'authority', written: string, { places, problems }: Checking): void {
  const spot = places.of(credential, key);
  const url = URL.parse(written);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '' || (key === 'authority' && url.search !== '') || !isHostName(url.hostname.replace(/^\[|\]$/g, ''))) {
    problems.add(spot, 'is not a web address', 'without a user and a fragment');
    return;
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isMetadata(host)) problems.add(spot, 'is a link-local or metadata address, where no token is got', 'the address of the authorization server');
  else if (url.protocol === 'http:' && !isLoopback(host)) problems.add(spot, 'http is accepted for loopback addresses only: whoever is on the way could read the secret', 'write https://');
  else if (credential.allowPrivate !== true && isPrivate(host)) problems.add(spot, 'is a private or loopback address', 'add allowPrivate: true, if that is meant');
}

function checkKeys(http: HttpSource, { places, problems }: Checking): void {
  const { hosts = [] } = http;
  hosts.forEach((host, index) => {
    const bare = host.startsWith('*.') ? host.slice(2) : host;
    if (!isHostName(bare) || (host.startsWith('*.') && isIP(bare) !== 0)) problems.add(places.of(hosts, index), `${quoted(host)} is not a host name`, 'such as api.gw.internal, or *.gw.internal; without a port');
    const first = hosts.findIndex((other) => other.toLowerCase() === host.toLowerCase());
    if (first < index) problems.add(places.of(hosts, index), `${quoted(host)} is given twice`, 'remove it');
  });
  for (const key of ['prefix', 'basePath'] as const) {
    const path = http[key];
    if (path === undefined || path === '/') continue;
    const read = readTarget(path);
    if ('refused' in read) problems.add(places.of(http, key), `could never be the beginning of a path: ${read.refused}`);
    else if (read.path !== path) problems.add(places.of(http, key), 'is not written as paths are compared', `write ${read.path}`);
  }
  if (http.host !== undefined && !isHostName(http.host.replace(/^\[|\]$/g, '')) && (parseHostPort(http.host) === undefined || !isHostName(parseHostPort(http.host)?.host.replace(/^\[|\]$/g, '') ?? ''))) problems.add(places.of(http, 'host'), 'is not a host, or host:port');
  const whole = http.wholeBody === undefined ? undefined : parseSize(http.wholeBody);
  if (whole !== undefined && whole > mostBody) problems.add(places.of(http, 'wholeBody'), `is more than ${formatSize(mostBody)}`);
  if (whole === 0) problems.add(places.of(http, 'wholeBody'), 'is zero, so every request whose body must be read would be refused');
  for (const key of ['sessionIdle', 'answerWithin'] as const) {
    const value = http[key] === undefined ? undefined : parseDuration(http[key]);
    if (value !== undefined && value < bounds[key].least) problems.add(places.of(http, key), `is shorter than ${formatDuration(bounds[key].least)}`);
    if (value !== undefined && value > bounds[key].most) problems.add(places.of(http, key), `is longer than ${formatDuration(bounds[key].most)}`);
  }
}

async function checkApis({ http }: ConnectionSource, { places, problems, warnings, checkSecrets }: Checking): Promise<readonly RuleSet[] | undefined> {
  const apis: readonly string[] = http?.apis ?? httpDefaults.apis;
  const loaded: RuleSet[] = [];
  for (const [index, entry] of apis.entries()) {
    const spot = http?.apis === undefined ? undefined : places.of(http.apis, index);
    const first = apis.indexOf(entry);
    if (spot !== undefined && first < index) problems.add(spot, `${quoted(entry)} is given twice`, 'remove it');
    if (spot !== undefined && (entry === 'rest' || entry === 'graphql') && index < apis.length - 1) problems.add(spot, `${entry} knows every request, so what comes after it is never asked`, 'put it last');
    if (spot !== undefined && entry === 'rest' && index > 0) warnings.add(spot, 'reads by method alone what the sets before it do not know, so that nothing is unknown', 'leave it out where what is not known should be refused');
    if (!shippedSets.includes(entry) && !isSetFile(entry)) {
      if (spot !== undefined) problems.add(spot, `there is no rule set ${quoted(entry)}`, didYouMean(entry, shippedSets) ?? `those that ship: ${shippedSets.join(', ')}; or the path of a YAML file`);
      continue;
    }
    try {
      loaded.push(...(await loadSets([http?.apis === undefined ? entry : apiEntry(places, http.apis, index)])));
    } catch (error) {
      if (!(error instanceof SetRefused)) throw error;
      // A file of the machine that will run the gateway need not be here.
      if (spot !== undefined && (checkSecrets || !error.absent)) problems.add(spot, error.message);
    }
  }
  return loaded.length === apis.length ? loaded : undefined;
}
