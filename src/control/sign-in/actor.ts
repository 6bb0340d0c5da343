import type { Person } from '../../model/person.ts';
import type { Role } from '../api/schema/me.ts';

/** Who asks the API for something. */
export type Actor = PersonActor | TokenActor;

/** A person who signed in. */
export interface PersonActor {
  readonly kind: 'person';
  /** `page`: the session of a browser. `terminal`: the ID token of `wicketgate login`. */
  readonly channel: 'page' | 'terminal';
  readonly person: Person;
  readonly roles: readonly Role[];
  /** Hash of the session, hex: for counting, never for finding it. */
  readonly session: string;
  readonly csrf: string;
  /** Milliseconds since the epoch. */
  readonly idleUntil: number;
  readonly expiresAt: number;
}

/** An API token: a machine. It never answers an approval. */
export interface TokenActor {
  readonly kind: 'token';
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** Undefined: all that its roles may. */
  readonly actions: readonly string[] | undefined;
  readonly expiresAt: number;
}

/** Through what somebody asks, for records. */
export const channelOf = (actor: Actor): 'page' | 'terminal' | 'token' => (actor.kind === 'token' ? 'token' : actor.channel);

/** For people, in records and jobs: never more than names of the configuration and ids of ours. */
export const actorWords = (actor: Actor): string => (actor.kind === 'person' ? `a person of ${actor.person.provider}` : `API token ${actor.id}`);

/** The name that pages show. */
export const actorName = (actor: Actor): string => (actor.kind === 'person' ? actor.person.name : `token ${actor.name}`);
