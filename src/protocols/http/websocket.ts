import { hash } from 'node:crypto';
import type { HeadRefused } from './head.ts';

/** The handshake of WebSocket (RFC 6455 section 4.2.1), as far as a request in HTTP/1.1 asks for it. */
export interface Upgrade {
  /** `Sec-WebSocket-Key`, which the target has to answer for. */
  readonly key: string;
  /** Subprotocols that the client offers: the target may choose one of them. */
  readonly protocols: readonly string[];
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What a client offers here is not passed on: `permessage-deflate` would hide from the gateway what the target says, its own credential as well. */
export const EXTENSIONS = 'sec-websocket-extensions';

const refuse = (refused: string): HeadRefused => ({ status: 400, refused });

const listed = (values: readonly string[] | undefined): string[] => (values ?? []).flatMap((value) => value.split(',')).map((item) => item.trim()).filter((item) => item !== '');

/** Reads the handshake of a request that says `Upgrade: websocket`. */
export const readUpgrade = (method: string, version: string, values: ReadonlyMap<string, readonly string[]>): Upgrade | HeadRefused => {
  if (method !== 'GET' || version !== '1.1') return refuse('a WebSocket is opened by GET in HTTP/1.1');
  if (listed(values.get('upgrade')).length !== 1) return refuse('Upgrade offers several protocols');
  if (!listed(values.get('connection')).some((name) => name.toLowerCase() === 'upgrade')) return refuse('Connection does not name Upgrade');
  if ((values.get('content-length') ?? values.get('transfer-encoding')) !== undefined) return refuse('a request for a WebSocket has no body');
  const versions = values.get('sec-websocket-version') ?? [];
  if (versions.length !== 1 || versions[0] !== '13') return refuse('Sec-WebSocket-Version is not 13');
  const keys = values.get('sec-websocket-key') ?? [];
  const [key = ''] = keys;
  if (keys.length !== 1 || !/^[A-Za-z0-9+/]{22}==$/.test(key)) return refuse('Sec-WebSocket-Key is not 16 bytes in base64');
  return { key, protocols: listed(values.get('sec-websocket-protocol')) };
};

/** What a target has to answer to a key. */
export const acceptFor = (key: string): string => hash('sha1', `${key}${GUID}`, 'base64');

/** Why a 101 does not open the WebSocket that was asked for; undefined: it does. `fields` by lower-case name. */
export const badSwitch = ({ key, protocols }: Upgrade, fields: (name: string) => readonly string[]): string | undefined => {
  const upgrade = fields('upgrade');
  if (upgrade.length !== 1 || upgrade[0]?.toLowerCase() !== 'websocket') return 'the target changed to another protocol than was asked for';
  const accept = fields('sec-websocket-accept');
  if (accept.length !== 1 || accept[0] !== acceptFor(key)) return 'the target did not answer for the key of the WebSocket';
  const chosen = fields('sec-websocket-protocol');
  if (chosen.length > 1 || (chosen[0] !== undefined && !protocols.includes(chosen[0]))) return 'the target chose a subprotocol that was not offered';
  if (fields(EXTENSIONS).length > 0) return 'the target chose an extension of WebSocket, and none was offered';
  return undefined;
};
