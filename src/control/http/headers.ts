import type { FastifyReply } from 'fastify';
import type { Site } from '../sign-in/site.ts';

/** Nothing from elsewhere, nothing inline, no frame around it; the script may not make markup of text. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** On every answer, errors too. */
export const secureHeaders = (reply: FastifyReply, site: Site | undefined): void => {
  reply.headers({
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
    'cache-control': 'no-store',
  });
  if (site?.secure) reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
};
