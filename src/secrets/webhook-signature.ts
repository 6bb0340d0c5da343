import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * The signature of a message as Standard Webhooks has it: `v1,<base64 HMAC-SHA256 over id.timestamp.body>`. A secret that begins with
 * `whsec_` is base64 behind that, as the specification gives secrets.
 *
 * @param seconds since the epoch, as sent in `webhook-timestamp`
 */
export const signWebhook = (secret: Buffer, id: string, seconds: number, body: Buffer): string => {
  const text = secret.toString('latin1');
  const key = text.startsWith(PREFIX) ? Buffer.from(text.slice(PREFIX.length), 'base64') : secret;
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`;
};
