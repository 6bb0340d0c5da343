import { randomUUID } from 'node:crypto';
import type { SecretRef } from '../../config/resolved.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { signWebhook } from '../../secrets/webhook-signature.ts';
import { NoAnswer, send } from '../send.ts';
import { ANSWER_MS, AnchorFault, type Anchor, type AnchoredCheckpoint } from './anchor.ts';

export interface WebhookParts {
  readonly url: string;
  readonly ca?: string;
  readonly secret: SecretRef;
  readonly secrets: Secrets;
  readonly now?: () => number;
}

/** Posts checkpoints, signed as in Standard Webhooks (headers `webhook-id`, `webhook-timestamp`, `webhook-signature`). Any 2xx means that it is kept. */
export class WebhookAnchor implements Anchor {
  readonly #parts: WebhookParts;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
  }

  async keep({ origin, size, note }: AnchoredCheckpoint): Promise<void> {
    const { url, ca, secret, secrets, now = Date.now } = this.#parts;
    const at = now();
    const body = Buffer.from(JSON.stringify({ type: 'wicketgate.checkpoint', timestamp: new Date(at).toISOString(), data: { log: origin, size, note } }), 'utf8');
    const id = `msg_${randomUUID()}`;
    const seconds = Math.floor(at / 1000);
    try {
      const signature = (await secrets.lease(secret)).use((key) => signWebhook(key, id, seconds, body));
      const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature };
      const { status } = await send({ url, method: 'POST', headers, body, timeoutMs: ANSWER_MS, mostBytes: 64 * 1024, ...(ca === undefined ? {} : { ca }) });
      if (status < 200 || status > 299) throw new AnchorFault(`it answered ${status}`);
    } catch (error) {
      if (error instanceof AnchorFault) throw error;
      throw new AnchorFault(error instanceof NoAnswer ? error.message : (error as Error).message);
    }
  }
}
