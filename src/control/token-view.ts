import type { ApiTokenRow } from '../identity/signed-in.ts';
import { ROLES } from './api/schema/me.ts';
import type { TokenView } from './api/schema/settings.ts';

const time = (at: number): string => new Date(at).toISOString();

/** A token without anything that it could be made of. */
export const tokenView = ({ id, name, roles, actions, createdBy, createdAt, expiresAt, usedAt, revokedAt }: ApiTokenRow): TokenView => ({
  id,
  name,
  roles: ROLES.filter((role) => roles.includes(role)),
  ...(actions ? { actions: [...actions] } : {}),
  createdBy,
  createdAt: time(createdAt),
  expiresAt: time(expiresAt),
  ...(usedAt === undefined ? {} : { lastUsedAt: time(usedAt) }),
  ...(revokedAt === undefined ? {} : { revokedAt: time(revokedAt) }),
});
