import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Actor } from '../sign-in/actor.ts';
import type { Services } from '../services.ts';
import type { Role } from './schema/me.ts';

/** Who may do something. `signed-in`: whoever is known, even without a role. `anyone`: nobody need be known. */
export type Who = readonly Role[] | 'signed-in' | 'anyone';

export const ALL_ROLES = ['admin', 'approver', 'auditor', 'viewer'] as const satisfies readonly Role[];
/** Those who may read what was recorded: statements, answers, what people did. */
export const READERS = ['admin', 'auditor'] as const satisfies readonly Role[];

/** What one action is asked. Everything in it was checked against its schemas. */
export interface Doing<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Who asks. For `anyone`, somebody who may do nothing else. */
  readonly actor: Actor;
  readonly services: Services;
  /** Who asks, now: for answers that go on. Undefined when they are signed out. Is no use of the session. */
  readonly still: () => Actor | undefined;
  /** Ends the session that asks. */
  readonly signOut: () => void;
  /** Id of the request. */
  readonly request: string;
  /** For answers that are no JSON. */
  readonly raw: { readonly request: FastifyRequest; readonly reply: FastifyReply };
}

/** One thing that can be done through the API. */
export interface Action<P extends TSchema, Q extends TSchema, B extends TSchema, R extends TSchema> {
  /** `noun.verb`: names it in records, token scopes and the client. */
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Below `/api/v1`, with `{name}` for parameters. */
  readonly path: string;
  /** What it does, for the reference. */
  readonly says: string;
  readonly who: Who;
  /** Only a person, never an API token. */
  readonly person?: true;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly response: R;
  /** What it takes of what one caller may ask, in requests. Default 1; more for what reads or works much. */
  readonly cost?: number;
  /** Default 200. */
  readonly status?: 200 | 201 | 202;
  /** The answer is no JSON: the handler writes it, and gives `undefined`. */
  readonly media?: string;
  readonly handle: (doing: Doing<Static<P>, Static<Q>, Static<B>>) => Promise<Static<R>> | Static<R>;
}

/** An action whose types were checked where it is written. */
export type AnyAction = Omit<Action<TSchema, TSchema, TSchema, TSchema>, 'handle'> & { readonly handle: (doing: Doing<never, never, never>) => unknown };

export const defineAction = <P extends TSchema, Q extends TSchema, B extends TSchema, R extends TSchema>(action: Action<P, Q, B, R>): AnyAction => action;

/** The one place that says whether somebody may do something. */
export const mayDo = ({ id, who, person }: Pick<AnyAction, 'id' | 'who' | 'person'>, actor: Actor | undefined): 'yes' | 'unauthenticated' | 'forbidden' => {
  if (who === 'anyone') return 'yes';
  if (!actor) return 'unauthenticated';
  if (actor.kind === 'token' && (person === true || (actor.actions !== undefined && !actor.actions.includes(id)))) return 'forbidden';
  if (who === 'signed-in') return 'yes';
  return who.some((role) => actor.roles.includes(role)) ? 'yes' : 'forbidden';
};
