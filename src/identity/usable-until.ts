import { parseToken } from './token.ts';

/** When an ID token stops being accepted, in milliseconds since the epoch. Call only with a token that was verified. */
export const usableUntil = (idToken: string, maxTokenAge: number): number => {
  const parsed = parseToken(idToken);
  const { exp, iat } = typeof parsed === 'string' ? { exp: 0, iat: 0 } : parsed.claims;
  return Math.min(Number(exp) * 1_000, Number(iat) * 1_000 + maxTokenAge);
};
