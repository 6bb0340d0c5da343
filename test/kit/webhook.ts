import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a receiver does with the next messages. */
export type WebhookMode =
  | { readonly do: 'take' }
  | { readonly do: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Takes the connection and says nothing. */
  | { readonly do: 'hang' }
  | { readonly do: 'reset' };

export interface WebhookMessage {
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  /** Undefined when it is not JSON. */
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Readonly<Record<string, unknown>>; readonly attachments: readonly Record<string, unknown>[] };
  /** As the specification asks receivers to judge it. */
  readonly verified: boolean;
}

/** A receiver of webhooks that verifies signatures by itself and can fail on command. */
export interface WebhookReceiverFixture {
  readonly url: string;
  /** Messages that were answered 2xx. */
  readonly taken: WebhookMessage[];
  /** All that came, whatever was answered. */
  readonly seen: WebhookMessage[];
  set(mode: WebhookMode): void;
  /** Stops listening, as a receiver that is down; and listens again on the same port. */
  down(): Promise<void>;
  up(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Verifies a message by the text of Standard Webhooks, sharing no code with what signs: the signature is the base64 HMAC-SHA256 of
 * `id.timestamp.body`, one of several that stand behind spaces, and the time is within five minutes.
 */
const verifyWebhook = (secret: string, headers: IncomingHttpHeaders, raw: string): boolean => {
  const [id, timestamp, signatures] = [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature']].map(String) as [string, string, string];
  if (!(Math.abs(Date.now() / 1_000 - Number(timestamp)) < 300)) return false;
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${raw}`).digest('base64');
  return signatures.split(' ').some((signature) => {
    const [version, value = ''] = signature.split(',');
    return version === 'v1' && value.length === expected.length && timingSafeEqual(Buffer.from(value), Buffer.from(expected));
  });
};

export const startWebhook = async (secret: string): Promise<WebhookReceiverFixture> => {
  let mode: WebhookMode = { do: 'take' };
  const taken: WebhookMessage[] = [];
  const seen: WebhookMessage[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8');
      const message = { headers: request.headers, raw, body: JSON.parse(raw) as WebhookMessage['body'], verified: verifyWebhook(secret, request.headers, raw) };
      seen.push(message);
      switch (mode.do) {
        case 'take':
          taken.push(message);
          response.writeHead(204).end();
          break;
        case 'answer':
          if (mode.status >= 200 && mode.status < 300) taken.push(message);
          response.writeHead(mode.status, mode.headers).end(mode.body ?? '');
          break;
        case 'reset':
          request.socket.destroy();
          break;
        case 'hang':
          break;
      }
    });
  });
  const listen = (port: number): Promise<void> => new Promise((resolve) => { server.listen(port, '127.0.0.1', () => resolve()); });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    taken,
    seen,
    set: (wanted) => {
      mode = wanted;
    },
    down: close,
    up: () => listen(port),
    [Symbol.asyncDispose]: close,
  };
};
