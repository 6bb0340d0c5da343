import { WireError } from '../../wire/errors.ts';
import { Reader } from '../../wire/reader.ts';
import { StartupCode } from './codes.ts';

/** PostgreSQL's bound on a startup packet (`MAX_STARTUP_PACKET_LENGTH`), its length included. */
const STARTUP_LIMIT = 10_000;
/** Newest minor version of protocol 3 that we speak. */
export const NEWEST_MINOR = 2;
/** Bounds of a cancel key in protocol 3.2. */
const KEY_LIMIT = 256;

/** The first message on a connection, which has no type byte. */
export type StartupPacket =
  | { readonly kind: 'SSLRequest' }
  | { readonly kind: 'GSSENCRequest' }
  | { readonly kind: 'CancelRequest'; readonly processId: number; readonly key: Buffer }
  | {
      readonly kind: 'StartupMessage';
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
      /** Names of `_pq_.` protocol options, of which we know none. */
      readonly protocolOptions: readonly string[];
    }
  | { readonly kind: 'unsupported'; readonly major: number; readonly minor: number };

/** The declared length of a startup packet from its first four bytes. Throws WireError when it is out of bounds. */
export const startupLength = (head: Buffer): number => {
  const length = head.readUInt32BE(0);
  if (length < 8) throw new WireError('malformed', 'startup packet is too short');
  if (length > STARTUP_LIMIT) throw new WireError('too_large', 'startup packet is above the limit');
  return length;
};

/** Decodes a whole startup packet, length included. Throws WireError on anything that is not exactly as specified. */
export const decodeStartup = (packet: Buffer): StartupPacket => {
  const reader = new Reader(packet);
  const length = reader.int32();
  if (length !== packet.length) throw new WireError('malformed', 'startup packet of another length than it declares');
  const code = reader.int32();
  switch (code) {
    case StartupCode.sslRequest:
      reader.end();
      return { kind: 'SSLRequest' };
    case StartupCode.gssencRequest:
      reader.end();
      return { kind: 'GSSENCRequest' };
    case StartupCode.cancelRequest: {
      const processId = reader.int32();
      const key = reader.rest();
      if (key.length < 4 || key.length > KEY_LIMIT) throw new WireError('malformed', 'cancel key of impossible length');
      return { kind: 'CancelRequest', processId, key };
    }
    default:
      break;
  }
  const major = code >>> 16;
  const minor = code & 0xffff;
  if (major !== StartupCode.protocol3) return { kind: 'unsupported', major, minor };
  const parameters = new Map<string, string>();
  const protocolOptions: string[] = [];
  for (let name = reader.cstring(); name !== ''; name = reader.cstring()) {
    const value = reader.cstring();
    if (name.startsWith('_pq_.')) protocolOptions.push(name);
    else if (parameters.has(name) && parameters.get(name) !== value) throw new WireError('malformed', 'a startup parameter is given twice with different values');
    else parameters.set(name, value);
  }
  reader.end();
  return { kind: 'StartupMessage', minor, parameters, protocolOptions };
};

/** A connection that a listener offers. */
export interface Offered {
  readonly name: string;
  readonly target: { readonly database: string };
}

export interface ConnectionRequest<Connection extends Offered> {
  /** Connections that share the listener; at least one. */
  readonly offered: readonly Connection[];
  /** Names of connections on other listeners: naming one of them here is a contradiction, not a miss. */
  readonly elsewhere?: readonly string[];
  /** Server name of TLS. */
  readonly sni?: string | undefined;
  /** `wicketgate.connection` in the startup parameter `options`. */
  readonly option?: string | undefined;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
}

export type ConnectionChoice<Connection> = { readonly connection: Connection } | { readonly refused: 'contradictory' | 'unknown' | 'none'; readonly message: string };

/**
 * Which connection a client means. It may be said in three ways: the first label of the TLS server name, the option
 * `wicketgate.connection`, and the database name (`connection` or `connection/database`). Every way that is used must agree
 * with the others, and with the port. A client that says nothing gets the only connection of the listener, if there is only one.
 *
 * The database names the target's database, or the connection, or nothing: libpq puts the user name there when it is not set.
 * The database of the target is the one of the configuration; a client cannot choose another.
 */
export const chooseConnection = <Connection extends Offered>(request: ConnectionRequest<Connection>): ConnectionChoice<Connection> => {
  const { offered, elsewhere = [], option, user, database = '' } = request;
  const chosen = new Set<Connection>();

  const label = request.sni?.split('.', 1)[0]?.toLowerCase();
  if (label !== undefined && label !== '') {
    const named = offered.filter((c) => c.name.toLowerCase() === label);
    if (named.length > 1) return unknown('the server name fits more than one connection');
    for (const connection of named) chosen.add(connection);
    if (named.length === 0 && elsewhere.some((name) => name.toLowerCase() === label)) return contradictory('the server name and the port name different connections');
  }
  if (option !== undefined) {
    const connection = offered.find((c) => c.name === option);
    if (connection === undefined) {
      return elsewhere.includes(option) ? contradictory('the option wicketgate.connection and the port name different connections') : unknown('the option wicketgate.connection names no connection of this listener');
    }
    chosen.add(connection);
  }
  const slash = database.indexOf('/');
  const alias = slash < 0 ? database : database.slice(0, slash);
  const aliased = offered.find((c) => c.name === alias);
  if (slash >= 0 && aliased === undefined) {
    return elsewhere.includes(alias) ? contradictory('the database and the port name different connections') : unknown('the part of the database before / names no connection of this listener');
  }
  // A database that is called like a connection means the connection, unless another way has already said which one and its
  // database is called so.
  const only = chosen.size === 1 ? [...chosen][0] : offered.length === 1 ? offered[0] : undefined;
  const isDatabaseOfChosen = slash < 0 && only !== undefined && only.target.database === alias;
  if (aliased !== undefined && !isDatabaseOfChosen) chosen.add(aliased);

  if (chosen.size > 1) return contradictory('server name, options and database name different connections');
  const connection = [...chosen][0] ?? (offered.length === 1 ? offered[0] : undefined);
  if (connection === undefined) {
    const said = alias === '' || alias === user ? 'no connection is named' : 'the database names no connection of this listener';
    return { refused: 'none', message: `${said}: name it as database, by the server name, or with options=-c wicketgate.connection=NAME` };
  }
  if (slash >= 0 && database.slice(slash + 1) !== connection.target.database) return contradictory('the connection leads to another database than the one that is named');
  const unsaid = database === '' || database === user;
  if (slash < 0 && !unsaid && database !== connection.name && database !== connection.target.database) {
    return elsewhere.includes(database) ? contradictory('the database and the port name different connections') : unknown('the database names neither the connection nor its database');
  }
  return { connection };
};

const contradictory = (message: string) => ({ refused: 'contradictory', message }) as const;
const unknown = (message: string) => ({ refused: 'unknown', message }) as const;
