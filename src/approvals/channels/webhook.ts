import type { ChannelConfig } from '../../config/resolved.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { signWebhook } from '../../secrets/webhook-signature.ts';
import type { ApprovalView } from '../approvals.ts';
import { aboutOf } from './about.ts';
import { cardOf } from './card.ts';
import { post } from './exchange.ts';
import { ChannelFault, type Delivery, type Receiver } from './ports.ts';

type WebhookConfig = Extract<ChannelConfig, { type: 'webhook' }>;

/**
 * Posts JSON, signed as Standard Webhooks has it: `webhook-id` (the same for each try of a message), `webhook-timestamp`,
 * `webhook-signature`. Any 2xx means that it has arrived; what stands in the answer is of no interest.
 */
export class WebhookReceiver implements Receiver {
  readonly burst = 20;
  readonly perSecond = 10;
  readonly #config: WebhookConfig;
  readonly #secrets: Secrets;
  readonly #now: () => number;

  constructor(config: WebhookConfig, secrets: Secrets, now: () => number) {
    this.#config = config;
    this.#secrets = secrets;
    this.#now = now;
  }

  async tell({ view, id }: Delivery): Promise<undefined> {
    const { url, ca, secret, includeStatement } = this.#config;
    const at = this.#now();
    const body = JSON.stringify(webhookBody(view, includeStatement, at));
    const seconds = Math.floor(at / 1_000);
    let signature: string;
    try {
      signature = (await this.#secrets.lease(secret)).use((key) => signWebhook(key, id, seconds, Buffer.from(body, 'utf8')));
    } catch (error) {
      throw new ChannelFault((error as Error).message);
    }
    await post(url, ca, { 'content-type': 'application/json; charset=utf-8', 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature }, body);
  }
}

/** `type` as Standard Webhooks recommends it; `attachments` is what Microsoft Teams reads, and other receivers leave aside. */
export const webhookBody = (view: ApprovalView, includeStatement: boolean, at: number): Readonly<Record<string, unknown>> => {
  const about = aboutOf(view, includeStatement);
  return {
    type: `wicketgate.approval.${view.state}`,
    timestamp: new Date(at).toISOString(),
    data: {
      request: view.id,
      state: view.state,
      identity: view.identity,
      owner: view.owner,
      ...(view.requester === undefined ? {} : { requester: view.requester }),
      connection: view.connection,
      protocol: view.protocol,
      verb: view.verb,
      effects: view.effects,
      ...(view.rows === undefined ? {} : { rows: view.rows }),
      ...(view.maxRows === undefined ? {} : { maxRows: view.maxRows }),
      ...(view.estimatedRows === undefined ? {} : { estimatedRows: view.estimatedRows }),
      ...(view.liftsRowLimit === undefined ? {} : { liftsRowLimit: view.liftsRowLimit }),
      ...(view.data === undefined ? {} : { data: includeStatement ? view.data : { bytes: view.data.bytes, ...(view.data.rows === undefined ? {} : { rows: view.data.rows }) } }),
      inTransaction: view.inTransaction,
      reason: view.reason,
      rules: view.steps.map(({ rule, groups, count, approvedBy }) => ({ rule, groups, count, approved: approvedBy.length })),
      answers: view.answers.map(({ by, provider, verdict, reason, at: answered, channel }) => ({ by, provider, verdict, reason, at: new Date(answered).toISOString(), channel })),
      asked: new Date(view.askedAt).toISOString(),
      expires: new Date(view.expiresAt).toISOString(),
      digest: view.digest,
      ...(view.url === undefined ? {} : { url: view.url }),
      ...(about.statement === undefined ? {} : { statement: about.statement }),
      ...(about.values === undefined ? {} : { values: about.values }),
    },
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: cardOf(about) }],
  };
};
