import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far a request may be from now, either way (docs.slack.dev, "Verifying requests from Slack"). */
const SKEW_SECONDS = 300;

/** As node gives headers: names in small letters. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export type Signed = { readonly ok: true; readonly signature: string; readonly seconds: number } | { readonly ok: false; readonly why: 'headers' | 'time' | 'signature' };

/** Whether Slack signed these bytes just now: `v0=` and the HMAC-SHA256 of `v0:timestamp:body` under the app's signing secret. */
export const checkSignature = (headers: Headers, body: Buffer, secret: Buffer, now: number): Signed => {
  const { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature } = headers;
  if (typeof timestamp !== 'string' || typeof signature !== 'string' || !/^[0-9]{1,12}$/.test(timestamp) || !/^v0=[0-9a-f]{64}$/.test(signature)) return { ok: false, why: 'headers' };
  const seconds = Number(timestamp);
  if (Math.abs(now / 1_000 - seconds) > SKEW_SECONDS) return { ok: false, why: 'time' };
  const right = createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest();
  return timingSafeEqual(right, Buffer.from(signature.slice(3), 'hex')) ? { ok: true, signature, seconds } : { ok: false, why: 'signature' };
};

/** Until when a request of that time could be sent again, milliseconds since the epoch. */
export const replayableUntil = (seconds: number): number => (seconds + 2 * SKEW_SECONDS) * 1_000;
