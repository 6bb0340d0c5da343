import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { RefusalCode } from '../../model/decision.ts';
import { readTarget } from '../../apis/path.ts';
import { chooseConnection } from './choose.ts';
import { proxyToken, shownToken, type Shown } from './credentials.ts';
import type { RequestHead } from './head.ts';
import { chooseProxied, type ProxyTarget } from './proxy-choose.ts';
import { readAuthority } from './proxy-connect.ts';
import { proxiedToken, type TokenProviders } from './proxy-token.ts';
import type { Wording } from './refuse.ts';

/** What a client asked the forward proxy for, and with which token. */
export interface Tunnel extends ProxyTarget {
  readonly token: string;
}

export interface Door {
  /** The connections of the address. */
  readonly offered: readonly HttpConnectionConfig[];
  /** The request came through a tunnel of the forward proxy. */
  readonly tunnel: Tunnel | undefined;
  readonly providers: TokenProviders;
}

/** Which connection a request means, by whichever way it came, and the token that it is of. */
export type Asking =
  | { readonly kind: 'asking'; readonly connection: HttpConnectionConfig; readonly token: string }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string; readonly wording?: Wording };

export const PROXY_NEEDS = 'the forward proxy needs a token: Proxy-Authorization: Bearer, or Basic with the token as the password';

const refused = (code: RefusalCode, message: string, wording: Wording = {}): Asking => ({ kind: 'refused', code, message, wording });

/** Port of an authority in which none is written. */
const placeOf = (head: RequestHead, usual: number): ProxyTarget => readAuthority(head.authority) ?? { host: head.host, port: usual };

/** Reads where a request goes and whose it is. */
export const readAsking = (head: RequestHead, door: Door): Asking => {
  const { offered, tunnel, providers } = door;
  if (tunnel) return inTunnel(head, tunnel, offered, providers);
  // The absolute form is what a client writes to a proxy; a server takes it as well (RFC 9112 section 3.2.2).
  const plain = head.absolute === 'http' ? chooseProxied(offered, placeOf(head, 80), 'plain') : undefined;
  if (plain) return absolute(head, plain, providers);
  // By a reading that only serves to find the connection; what is sent and judged is read by its own rules.
  const named = readTarget(head.target, () => true);
  if ('refused' in named) return refused('protocol', named.refused);
  const choice = chooseConnection(offered, head.host, named.path);
  if ('refused' in choice) return refused('unknown_connection', choice.refused, { status: choice.status });
  return asking(choice.connection, shownToken(head), { token: 'missing' });
};

const inTunnel = (head: RequestHead, tunnel: Tunnel, offered: readonly HttpConnectionConfig[], providers: TokenProviders): Asking => {
  const { host, port } = placeOf(head, 443);
  if (host !== tunnel.host || port !== tunnel.port || head.absolute === 'http') return refused('protocol', 'the request is for another host than the tunnel', { status: 421 });
  // Asked for each request: what is configured may have changed since CONNECT.
  const connection = chooseProxied(offered, tunnel, 'connect');
  if (!connection) return refused('unknown_connection', 'no connection is for the host and port of the tunnel any more', { status: 403 });
  return asking(connection, proxiedToken(head, tunnel.token, providers), {});
};

const absolute = (head: RequestHead, connection: HttpConnectionConfig, providers: TokenProviders): Asking => {
  const shown = proxyToken(head.values.get('proxy-authorization')?.[0]);
  return asking(connection, shown.kind === 'token' ? proxiedToken(head, shown.token, providers) : shown, { status: 407, token: 'missing' });
};

const asking = (connection: HttpConnectionConfig, shown: Shown, missing: Wording): Asking => {
  if (shown.kind === 'refused') return refused('protocol', shown.why);
  if (shown.kind === 'none') return refused('unauthenticated', missing.status === 407 ? PROXY_NEEDS : 'a token is needed: Authorization: Bearer, or Basic with the token as the password', missing);
  return { kind: 'asking', connection, token: shown.token };
};
