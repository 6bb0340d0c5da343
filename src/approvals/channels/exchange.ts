import { exchange, FetchFailed, isLoopbackUrl, type Answered } from '../../identity/fetch.ts';
import { ChannelFault } from './ports.ts';

/** Most bytes of an answer that are read: nothing of a channel's answer is long. */
const MOST_BYTES = 256 * 1024;
const LONGEST_WAIT = 3_600_000;

/**
 * Posts to a channel. Receivers inside one's own network are ordinary, link-local and metadata addresses are nobody's; no redirect is
 * followed. Rejects with ChannelFault unless the answer is 2xx.
 */
export const post = async (url: string, ca: string | undefined, headers: Readonly<Record<string, string>>, body: string): Promise<Answered> => {
  let answered: Answered;
  try {
    answered = await exchange(url, { allowPrivate: true, allowLoopback: isLoopbackUrl(url), ...(ca === undefined ? {} : { ca }) }, MOST_BYTES, { method: 'POST', headers, body });
  } catch (error) {
    if (error instanceof FetchFailed) throw new ChannelFault(error.message);
    // A CA file that is not there, or a header that cannot be sent: never with what it holds.
    throw new ChannelFault((error as NodeJS.ErrnoException).code ?? 'could not be sent');
  }
  const { status } = answered;
  if (status >= 200 && status < 300) return answered;
  throw new ChannelFault(status >= 300 && status < 400 ? `answered ${status}: redirects are not followed` : `answered ${status}`, retryAfterIn(answered.headers['retry-after'], Date.now()));
};

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110 section 10.2.3), at most an hour. */
export const retryAfterIn = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined;
  const wait = /^[0-9]{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), LONGEST_WAIT) : undefined;
};
