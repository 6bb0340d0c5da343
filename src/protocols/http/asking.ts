import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { RefusalCode } from '../../model/decision.ts';
import { chooseConnection } from './choose.ts';
import { proxyToken } from './credentials.ts';
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
  /** The client has opened TLS to the gateway itself. */
  readonly tls: boolean;
  /** The request came through a tunnel of the forward proxy. */
  readonly tunnel: Tunnel | undefined;
  readonly providers: TokenProviders;
}

/** Which connection a request means, by whichever way it came; and the token that the forward proxy was shown for it. */
export type Asking =
  | { readonly kind: 'asking'; readonly connection: HttpConnectionConfig; readonly by: 'direct' }
  | { readonly kind: 'asking'; readonly connection: HttpConnectionConfig; readonly by: 'plain proxy' | 'tunnel'; readonly token: string }
  /** `connection`: where it is known whose tunnel it came through. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string; readonly wording?: Wording; readonly connection?: HttpConnectionConfig };

export const PROXY_NEEDS = 'the forward proxy needs a token: Proxy-Authorization: Bearer, or Basic with the token as the password';

const refused = (code: RefusalCode, message: string, wording: Wording = {}): Asking => ({ kind: 'refused', code, message, wording });

/** @param usual the port of an authority in which none is written */
const placeOf = (head: RequestHead, usual: number): ProxyTarget => readAuthority(head.authority) ?? { host: head.host, port: usual };

/** Reads where a request goes, and whose it is where the forward proxy was told. @param path the normalised one */
export const readAsking = (head: RequestHead, path: string, door: Door): Asking => {
  const { offered, tls, tunnel, providers } = door;
  if (tunnel) return inTunnel(head, tunnel, offered, providers);
  // The absolute form is what a client writes to a proxy; a server takes it as well (RFC 9112 section 3.2.2).
  const plain = head.absolute === 'http' ? chooseProxied(offered, placeOf(head, 80), 'plain') : undefined;
  if (plain) return absolute(head, plain, providers);
  if (head.absolute === 'http' && tls) return refused('protocol', 'the request target is not of the host that TLS was opened for', { status: 421 });
  const choice = chooseConnection(offered, head.host, path);
  return 'refused' in choice ? refused('unknown_connection', choice.refused, { status: choice.status }) : { kind: 'asking', connection: choice.connection, by: 'direct' };
};

const inTunnel = (head: RequestHead, tunnel: Tunnel, offered: readonly HttpConnectionConfig[], providers: TokenProviders): Asking => {
  // Asked for each request: what is configured may have changed since CONNECT.
  const connection = chooseProxied(offered, tunnel, 'connect');
  if (!connection) return refused('unknown_connection', 'no connection is for the host and port of the tunnel any more', { status: 403 });
  const { host, port } = placeOf(head, 443);
  if (host !== tunnel.host || port !== tunnel.port || head.absolute === 'http') return { ...refused('protocol', 'the request is for another host than the tunnel', { status: 421 }), connection };
  const shown = proxiedToken(head, tunnel.token, providers);
  return shown.kind === 'refused' ? { ...refused('protocol', shown.why), connection } : { kind: 'asking', connection, token: tunnel.token, by: 'tunnel' };
};

const absolute = (head: RequestHead, connection: HttpConnectionConfig, providers: TokenProviders): Asking => {
  const shown = proxyToken(head.values.get('proxy-authorization')?.[0]);
  if (shown.kind === 'none') return refused('unauthenticated', PROXY_NEEDS, { status: 407 });
  const checked = shown.kind === 'token' ? proxiedToken(head, shown.token, providers) : shown;
  return checked.kind === 'refused' ? refused('protocol', checked.why) : { kind: 'asking', connection, token: shown.kind === 'token' ? shown.token : '', by: 'plain proxy' };
};
