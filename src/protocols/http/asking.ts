import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { RefusalCode } from '../../model/decision.ts';
import type { CertificateCredential, Credential } from '../../model/principal.ts';
import { chooseConnection } from './choose.ts';
import { proxyToken } from './credentials.ts';
import type { RequestHead } from './head.ts';
import { chooseProxied, type ProxyTarget } from './proxy-choose.ts';
import { readAuthority } from './proxy-connect.ts';
import { proxiedToken, type TokenProviders } from './proxy-token.ts';
import type { Wording } from './refuse.ts';

/** What a client asked the forward proxy for, and as whom. */
export interface Tunnel extends ProxyTarget {
  readonly credential: Credential;
}

export interface Door {
  /** The connections of the address. */
  readonly offered: readonly HttpConnectionConfig[];
  /** The client has opened TLS to the gateway itself. */
  readonly tls: boolean;
  /** The request came through a tunnel of the forward proxy. */
  readonly tunnel: Tunnel | undefined;
  readonly providers: TokenProviders;
  /** What the client showed when it opened TLS to the gateway. */
  readonly certificate: CertificateCredential | undefined;
}

/** Which connection a request means, by whichever way it came; and what the forward proxy was shown for it. */
export type Asking =
  | { readonly kind: 'asking'; readonly connection: HttpConnectionConfig; readonly by: 'direct' }
  | { readonly kind: 'asking'; readonly connection: HttpConnectionConfig; readonly by: 'plain proxy' | 'tunnel'; readonly credential: Credential }
  /** `connection`: where it is known whose tunnel it came through. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string; readonly wording?: Wording; readonly connection?: HttpConnectionConfig };

export const PROXY_NEEDS = 'the forward proxy needs a token: Proxy-Authorization: Bearer, or Basic with the token as the password';

const refused = (code: RefusalCode, message: string, wording: Wording = {}): Asking => ({ kind: 'refused', code, message, wording });

/** @param usual the port of an authority in which none is written */
const placeOf = (head: RequestHead, usual: number): ProxyTarget => readAuthority(head.authority) ?? { host: head.host, port: usual };

/** Reads where a request goes, and whose it is where the forward proxy was told. @param path the normalised one */
export const readAsking = (head: RequestHead, path: string, door: Door): Asking => {
  const { offered, tls, tunnel, providers, certificate } = door;
  if (tunnel) return inTunnel(head, tunnel, offered, providers);
  // The absolute form is what a client writes to a proxy; a server takes it as well (RFC 9112 section 3.2.2).
  const plain = head.absolute === 'http' ? chooseProxied(offered, placeOf(head, 80), 'plain') : undefined;
  if (plain) return absolute(head, plain, providers, certificate);
  // Who shows the proxy something means the proxy. Of whom it is not known, the address itself may be meant.
  if (head.absolute === 'http' && head.values.has('proxy-authorization')) return refused('unknown_connection', 'no connection of the forward proxy is for this host and port without TLS', { status: 403 });
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
  const { credential } = tunnel;
  const shown = proxiedToken(head, credential.kind === 'bearer' ? credential.token : undefined, providers);
  return shown.kind === 'refused' ? { ...refused('protocol', shown.why), connection } : { kind: 'asking', connection, credential, by: 'tunnel' };
};

const absolute = (head: RequestHead, connection: HttpConnectionConfig, providers: TokenProviders, certificate: CertificateCredential | undefined): Asking => {
  const shown = proxyToken(head.values.get('proxy-authorization')?.[0]);
  if (shown.kind === 'refused') return refused('protocol', shown.why);
  const credential = shown.kind === 'token' ? ({ kind: 'bearer', token: shown.token } as const) : certificate;
  if (credential === undefined) return refused('unauthenticated', PROXY_NEEDS, { status: 407 });
  const checked = proxiedToken(head, credential.kind === 'bearer' ? credential.token : undefined, providers);
  return checked.kind === 'refused' ? refused('protocol', checked.why) : { kind: 'asking', connection, credential, by: 'plain proxy' };
};
