import type { Peer, Principal } from './principal.ts';

/** One Principal on one Connection. */
export interface Session {
  /** 26 characters of Crockford base32, unguessable; the first 12 go into the target's own log. */
  readonly id: string;
  readonly principal: Principal;
  /** Name of the connection (`connections[].name`). */
  readonly connection: string;
  readonly protocol: string;
  readonly peer: Peer;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
}
