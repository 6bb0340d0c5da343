import type { Site } from './site.ts';

/** Longest header that is looked at, and most cookies in it. */
const MOST_HEADER = 8192;

/** Name of the session's cookie: with __Host- no other host, path or plain-text page can have set it. */
export const sessionCookie = ({ secure }: Site): string => (secure ? '__Host-wicketgate' : 'wicketgate');
export const attemptCookie = ({ secure }: Site): string => (secure ? '__Host-wicketgate-login' : 'wicketgate-login');

/** The value of a cookie; undefined when it is not there or there twice, since then nobody knows which is ours. */
export const cookieIn = (header: string | undefined, name: string): string | undefined => {
  if (header === undefined || header.length > MOST_HEADER) return undefined;
  const found = header.split(';').flatMap((pair) => {
    const [key = '', ...value] = pair.trim().split('=');
    return key === name ? [value.join('=')] : [];
  });
  return found.length === 1 ? found[0] : undefined;
};

/** A Set-Cookie header. Lax: a link from elsewhere to a page here arrives signed in, a form or a frame does not. */
export const setCookie = (site: Site, name: string, value: string, maxAge: number): string => `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${site.secure ? '; Secure' : ''}`;
