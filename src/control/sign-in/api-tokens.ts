import { hash, randomBytes } from 'node:crypto';
import type { ApiTokenRow, ApiTokens } from '../../identity/signed-in.ts';
import { ROLES, type Role } from '../api/schema/me.ts';
import type { TokenActor } from './actor.ts';

const PREFIX = 'wgt_';
const TOKEN = /^wgt_[A-Za-z0-9_-]{43}$/;
/** How often the last use is written. */
const USED_MS = 60_000;

/** A token with its secret, which is shown once and kept nowhere. */
export interface MadeToken {
  readonly row: ApiTokenRow;
  readonly secret: string;
}

/** 256 random bits need no slow hash: nobody guesses them, and each request would pay for it. */
const hashOf = (secret: string): Buffer => hash('sha256', `wicketgate/api-token/v1\0${secret}`, 'buffer');

/** A machine never has the role approver, whatever a row says. */
const rolesIn = (roles: readonly string[]): Role[] => ROLES.filter((role) => role !== 'approver' && roles.includes(role));

export interface TokenWish {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly actions: readonly string[] | undefined;
  readonly createdBy: string;
  readonly now: number;
  readonly expiresAt: number;
}

export const newTokenId = (): string => randomBytes(8).toString('hex');

export const makeToken = (store: ApiTokens, id: string, { name, roles, actions, createdBy, now, expiresAt }: TokenWish): MadeToken => {
  const secret = `${PREFIX}${randomBytes(32).toString('base64url')}`;
  const row = { id, hash: hashOf(secret), name, roles, actions, createdBy, createdAt: now, expiresAt };
  store.add(row);
  return { row: { ...row, usedAt: undefined, revokedAt: undefined }, secret };
};

/** Who a token is, if it is good now. */
export const tokenActor = (store: ApiTokens, secret: string, now: number): TokenActor | undefined => {
  if (!TOKEN.test(secret)) return undefined;
  const row = store.byHash(hashOf(secret));
  if (!row || row.revokedAt !== undefined || now >= row.expiresAt) return undefined;
  if (row.usedAt === undefined || now - row.usedAt >= USED_MS) store.used(row.id, now);
  return { kind: 'token', id: row.id, name: row.name, roles: rolesIn(row.roles), actions: row.actions, expiresAt: row.expiresAt };
};
