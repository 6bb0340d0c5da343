import type { Checking } from './checks.ts';
import { isMetadata, metadataNames } from './metadata.ts';
import { quoted } from './references.ts';
import type { ConnectionSource } from './resolve-http.ts';

/** Ports of https and http, which nobody writes. */
const HTTPS = 443;
const HTTP = 80;

/** How clients of the forward proxy name a connection: a host, lower case, or `*.name`; and the ports that mean it. */
export interface ProxyName {
  readonly host: string;
  readonly ports: readonly number[];
}

/** Host names have no case, an address may stand in brackets, and a dot at the end changes nothing. */
const plain = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '');

/** The host as the configuration names it, at the target's port; another name of it also at the port that goes without saying. */
const proxyNames = (target: { readonly host: string; readonly port: number }, hosts: readonly string[], usual: number): readonly ProxyName[] => {
  const own = plain(target.host);
  return [{ host: own, ports: [target.port] }, ...hosts.map(plain).filter((host) => host !== own).map((host) => ({ host, ports: [...new Set([target.port, usual])] }))];
};

interface Proxied {
  readonly target: { readonly host: string; readonly port: number; readonly tls?: string };
  readonly http?: { readonly proxy?: boolean; readonly hosts?: readonly string[] };
}

/** By which names clients ask for it with CONNECT. */
export const namesForConnect = ({ target, http }: Proxied): readonly ProxyName[] => (http?.proxy === true ? proxyNames(target, http.hosts ?? [], HTTPS) : []);

/** By which names clients ask for it with requests in the absolute form: only what has no TLS at its target either. */
export const namesForPlain = ({ target, http }: Proxied): readonly ProxyName[] => (http?.proxy === true && target.tls === 'disable' ? proxyNames(target, http.hosts ?? [], HTTP) : []);

/** What the interception CA has to vouch for. */
export const interceptedHosts = (connections: readonly Proxied[]): string[] => [...new Set(connections.flatMap(namesForConnect).map(({ host }) => host))].toSorted();

/** What the forward proxy may be for. */
export function checkProxy({ http }: ConnectionSource, { places, problems }: Checking): void {
  if (http?.proxy !== true) return;
  if (http.prefix !== undefined && http.prefix !== '/') problems.add(places.of(http, 'prefix'), 'cannot stand beside proxy: clients of the forward proxy write the paths of the target', 'remove it, or make another connection for the clients that come by the prefix');
  const hosts = http.hosts ?? [];
  hosts.forEach((host, index) => {
    const spot = places.of(hosts, index);
    const below = host.startsWith('*.') ? plain(host.slice(1)) : undefined;
    if (isMetadata(host) || (below !== undefined && [...metadataNames].some((name) => name.endsWith(below)))) problems.add(spot, `${quoted(host)} is where a machine gets its own credentials, which nobody reaches through the forward proxy`, 'remove it');
    else if (below !== undefined && !below.slice(1).includes('.')) problems.add(spot, `${quoted(host)} is a whole top-level domain, and clients would trust the interception CA for all of it`, 'name the domain, such as *.storage.example');
  });
}
