import { randomBytes } from 'node:crypto';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new session id: 26 characters of Crockford base32, 130 random bits. */
export const newSessionId = (): string => {
  let id = '';
  for (const byte of randomBytes(26)) id += CROCKFORD[byte & 31];
  return id;
};
