import { isIP } from 'node:net';
import type { Checking } from './checks.ts';
import { checkHttpSharing } from './http-sharing.ts';
import { at } from './problems.ts';
import { quoted } from './references.ts';
import { defaults } from './resolve.ts';
import { formatHostPort, parseHostPort, type HostPort } from './units.ts';

/** 127.0.0.0/8, ::1 and localhost: what only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  return bare.toLowerCase() === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

interface Listening extends HostPort {
  readonly holder: object;
  readonly name: string;
}

/** Addresses are readable, do not overlap, and what shares one can be told apart. */
export function checkAddresses(checking: Checking): void {
  const { source, places, problems, warnings } = checking;
  const read = (holder: object, written: string, name: string): Listening | undefined => {
    const parsed = parseHostPort(written);
    if (parsed !== undefined) return { ...parsed, holder, name };
    const port = /^(?:\*|)?:?([0-9]{1,5})$/.exec(written)?.[1];
    if (Number(/:([0-9]{5})$/.exec(written)?.[1]) > 65535) problems.add(places.of(holder, 'listen'), 'a port is at most 65535');
    else problems.add(places.of(holder, 'listen'), 'expected host:port', port === undefined ? 'such as 127.0.0.1:6432 or [::1]:6432' : `write 127.0.0.1:${port}, or 0.0.0.0:${port} for every address`);
    return undefined;
  };

  const connections = source.connections.map((connection) => read(connection, connection.listen, connection.name)).filter((found) => found !== undefined);
  source.connections.forEach((connection) => {
    const listen = parseHostPort(connection.listen);
    if (connection.plaintext === true && listen !== undefined && !isLoopback(listen.host)) {
      problems.add(places.of(connection, 'plaintext'), `is accepted on loopback only, and this connection listens on ${formatHostPort(listen)}`, 'remove it, or listen on 127.0.0.1');
    }
  });
  checkTargets(checking);

  const written = source.control?.listen ?? defaults.control;
  const control = written === 'off' ? undefined : read(source.control ?? source, written, 'control');
  if (control !== undefined) {
    for (const one of connections) {
      if (overlap(one, control)) problems.add(places.of(one.holder, 'listen'), `${formatHostPort(one)} is taken by control.listen`, 'give one of them another port');
    }
  }

  if (control !== undefined && !isLoopback(control.host)) {
    warnings.add(places.of(source.control ?? source, 'listen'), 'can be reached from other machines, and answers without sign-in: health, readiness and metrics', 'keep it in a network that may see them');
  }
  const url = source.control?.url;
  if (source.control !== undefined && url !== undefined) {
    const parsed = URL.parse(url);
    if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '') {
      problems.add(places.of(source.control, 'url'), 'is not a web address', 'such as https://wicketgate.acme.example, without a user, a query or a fragment');
    }
  }

  for (const [index, one] of connections.entries()) {
    const other = connections.slice(0, index).find((before) => overlap(before, one) && before.host !== one.host);
    if (other !== undefined) {
      problems.add(places.of(one.holder, 'listen'), `${formatHostPort(one)} overlaps ${formatHostPort(other)} at ${at(places.of(other.holder, 'listen').place)}`, 'write the same address in both to share it, or use another port');
    }
  }
  checkSharing();

  /**
   * A client that meets several connections on one address names the one it wants: by SNI `name.anything`, or as the database, `name`
   * or `name/database`. So it is the names of connections that must tell them apart; the targets' databases never choose.
   */
  function checkSharing(): void {
    const shared = Map.groupBy(source.connections, ({ listen }) => listen.toLowerCase());
    for (const [listen, everything] of shared) {
      const first = everything[0];
      const foreign = everything.find(({ protocol }) => protocol !== first?.protocol);
      if (first !== undefined && foreign !== undefined) {
        problems.add(places.of(foreign, 'listen'), `${listen} speaks ${first.protocol} for ${quoted(first.name)} at ${at(places.of(first, 'name').place)}, and an address speaks one protocol`, 'give one of them another port');
      }
      checkHttpSharing(everything.filter(({ protocol }) => protocol === 'http'), listen, checking);
      const all = everything.filter(({ protocol }) => protocol === 'postgres');
      for (const [index, one] of all.entries()) {
        const spot = places.of(one, 'name');
        for (const other of all.slice(0, index)) {
          const a = one.name.toLowerCase();
          const b = other.name.toLowerCase();
          // Host names have no case, so SNI cannot tell Billing from billing, nor `a` from `a.b` in a.b.gw.internal.
          if (a !== b && (a.startsWith(`${b}.`) || b.startsWith(`${a}.`))) {
            problems.add(spot, `shares ${listen} with ${quoted(other.name)}, and a server name that begins with one also begins with the other`, 'rename one, or give it a port of its own');
          } else if (a === b && one.name !== other.name) {
            problems.add(spot, `shares ${listen} with ${quoted(other.name)}, which differs only in case`, 'rename one, or give it a port of its own');
          }
          if (one.target.database !== undefined && one.target.database === other.target.database && one.name !== one.target.database && other.name !== one.target.database) {
            warnings.add(spot, `shares ${listen} with ${quoted(other.name)}, and both lead to a database ${quoted(one.target.database)}: a client that asks for that name is refused`, `clients ask for ${one.name} or ${other.name}, or use ${one.name}.anything as the server name`);
          }
        }
        const elsewhere = all.find((other) => other !== one && other.target.database === one.name && one.target.database !== one.name);
        if (elsewhere !== undefined) {
          warnings.add(spot, `clients of ${listen} that ask for the database ${quoted(one.name)} get this connection, which leads to ${quoted(one.target.database ?? '')}, and not ${quoted(elsewhere.name)}, whose database has that name`, 'rename one of the connections');
        }
      }
    }
  }
}

function checkTargets({ source, places, problems, warnings }: Checking): void {
  for (const { protocol, target } of source.connections) {
    const socket = target.host.startsWith('/');
    if (protocol === 'postgres' && target.database === undefined) problems.add(places.of(target), 'database is missing', 'the database of the target');
    if (!socket && !isHostName(target.host)) problems.add(places.of(target, 'host'), 'is not a host name or an address', 'only the host, without scheme, user, port or path');
    if (protocol === 'postgres' && socket && target.tls !== undefined && target.tls !== 'disable') problems.add(places.of(target, 'tls'), 'PostgreSQL has no TLS on a Unix socket', 'remove it');
    if (target.ca !== undefined && target.tls !== undefined && target.tls !== 'verify-full') {
      problems.add(places.of(target, 'ca'), `is not looked at when tls is ${target.tls}`, 'write tls: verify-full, or remove ca');
    }
    if (socket || isLoopback(target.host)) continue;
    if (target.tls === 'disable') warnings.add(places.of(target, 'tls'), 'everything between the gateway and the target can be read and changed on the way', 'write verify-full');
    if (target.tls === 'require') warnings.add(places.of(target, 'tls'), 'the target is not verified: whoever is on the way can take its place and get the credential', 'write verify-full and give the ca');
  }
}

/** Letters, digits, dashes, dots, underscores, or an address. */
export const isHostName = (text: string): boolean =>
  isIP(text) !== 0 || (/^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/.test(text) && text.length <= 253 && !/^[0-9.]+$/.test(text));

/** Whether both cannot be listened on. The same address can be shared; the system refuses one port under two spellings. */
function overlap(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || isWildcard(a.host) || isWildcard(b.host) || (isLoopback(a.host) && isLoopback(b.host) && (a.host === 'localhost' || b.host === 'localhost'));
}
