import type { Checking } from './checks.ts';
import { namesForConnect } from './http-proxy.ts';
import { at } from './problems.ts';
import { quoted } from './references.ts';
import type { ConnectionSource } from './resolve-http.ts';
import { formatHostPort } from './units.ts';

/** Connections of HTTP at one address are told apart by host, then by the beginning of the path. */
export function checkHttpSharing(everything: readonly ConnectionSource[], listen: string, checking: Checking): void {
  const { places, problems } = checking;
  checkProxySharing(everything, listen, checking);
  // One that only the forward proxy leads to is not looked for among the others.
  const shared = everything.filter(({ http }) => http?.proxy !== true || http.hosts !== undefined);
  const hostsOf = ({ http }: ConnectionSource): readonly string[] => (http?.hosts === undefined ? ['any'] : http.hosts.map((host) => host.toLowerCase()));
  const prefixOf = ({ http }: ConnectionSource): string => (http?.prefix ?? '').replace(/\/$/, '');
  for (const [index, one] of shared.entries()) {
    const other = shared.slice(0, index).find((before) => prefixOf(before) === prefixOf(one) && hostsOf(before).some((host) => hostsOf(one).includes(host)));
    if (other === undefined) continue;
    const same = hostsOf(one).find((host) => hostsOf(other).includes(host)) ?? 'any';
    problems.add(
      places.of(one, 'listen'),
      `shares ${listen} with ${quoted(other.name)} at ${at(places.of(other, 'name').place)}, and ${same === 'any' ? 'both are for any host' : `both are for the host ${quoted(same)}`} and ${prefixOf(one) === '' ? 'any path' : `paths below ${quoted(prefixOf(one))}`}`,
      'give one of them another http.hosts or http.prefix, or a port of its own',
    );
  }
}

/** Clients of the forward proxy say a host and a port, so these have to be enough. */
function checkProxySharing(everything: readonly ConnectionSource[], listen: string, { places, problems }: Checking): void {
  const namesOf = (connection: ConnectionSource): readonly string[] => namesForConnect(connection).flatMap(({ host, ports }) => ports.map((port) => formatHostPort({ host, port })));
  for (const [index, one] of everything.entries()) {
    for (const other of everything.slice(0, index)) {
      const same = namesOf(one).find((name) => namesOf(other).includes(name));
      if (same !== undefined) problems.add(places.of(one, 'http'), `shares the forward proxy at ${listen} with ${quoted(other.name)} at ${at(places.of(other, 'name').place)}, and clients ask for both as ${same}`, 'give one of them a forward proxy at another port');
    }
  }
}
