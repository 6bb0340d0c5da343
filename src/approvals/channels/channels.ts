import { createHash } from 'node:crypto';
import type { ChannelConfig, LoginConfig } from '../../config/resolved.ts';
import type { Person } from '../../model/person.ts';
import type { ApprovalState, ApprovalView } from '../approvals.ts';
import { ChannelAccounts } from './accounts.ts';
import { ChannelLine, type ChannelStatus } from './line.ts';
import type { ChannelPorts } from './ports.ts';
import { slackCall } from './slack/api.ts';
import { SlackInteractions, type HttpAnswer } from './slack/interactions.ts';
import { SlackReceiver } from './slack/receiver.ts';
import type { Headers } from './slack/signature.ts';
import { WebhookReceiver } from './webhook.ts';

export interface ChannelsParts extends ChannelPorts {
  /** In force now. */
  readonly config: () => { readonly login: readonly LoginConfig[]; readonly channels: readonly ChannelConfig[] };
  readonly firstPause?: number;
}

/** Ids that are taken from the store at the start. */
const MOST_KEPT = 20_000;
const PAGE = 200;

interface Running {
  readonly key: string;
  readonly line: ChannelLine;
  readonly interactions: SlackInteractions | undefined;
}

/** Tells the configured channels about requests for approval. Nothing waits for it, and no channel decides anything. */
export class Channels {
  readonly #parts: ChannelsParts;
  readonly #accounts: ChannelAccounts;
  readonly #unlisten: () => void;
  #running = new Map<string, Running>();
  #closed = false;

  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.#accounts = new ChannelAccounts({ store: parts.accounts, key: parts.key, config: parts.config, now: parts.clock.wall, log: parts.log });
    this.#unlisten = parts.approvals.onChange(({ id }) => {
      for (const { line } of this.#running.values()) line.changed(id);
    });
    this.replace();
  }

  /** Another configuration is in force. A channel that is as it was goes on. */
  replace(): void {
    const { channels } = this.#parts.config();
    const before = this.#running;
    this.#running = new Map(channels.map((config) => {
      const key = JSON.stringify({ ...config, origin: undefined });
      const known = before.get(config.name);
      return [config.name, known?.key === key ? known : this.#begin(config, key)] as const;
    }));
    const now = [...this.#running.values()];
    const closing = [...before.values()].filter((one) => !now.includes(one)).map(({ line }) => line.close());
    void this.#recall(now.filter((one) => ![...before.values()].includes(one)).map(({ line }) => line), closing);
  }

  get status(): readonly ChannelStatus[] {
    return [...this.#running.values()].map(({ line }) => line.status);
  }

  /** What does not arrive, in words; empty when all does. */
  get late(): readonly string[] {
    return this.status.flatMap(({ name, fault, waiting }) => (fault === undefined ? [] : [`${name} takes no messages for ${fault.since} s (${fault.why}), ${waiting} ${waiting === 1 ? 'request waits' : 'requests wait'}`]));
  }

  /** Somebody has proved themselves to a login: from here on their account in a channel is theirs. */
  proved(person: Person, claims: Readonly<Record<string, unknown>>): void {
    this.#accounts.proved(person, claims);
  }

  /**
   * What Slack posts when somebody presses a button: headers and body as they came. 404 when there is no such channel.
   *
   * @param channel `control.channels[].name`
   */
  async handleSlackInteraction(channel: string, headers: Headers, body: Buffer): Promise<HttpAnswer> {
    const interactions = this.#closed ? undefined : this.#running.get(channel)?.interactions;
    return interactions === undefined ? { status: 404, body: '' } : interactions.handle(headers, body);
  }

  /** Sends no more; waits for what is being sent, for as long as a receiver may take. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unlisten();
    await Promise.all([...this.#running.values()].map(({ line }) => line.close()));
  }

  #begin(config: ChannelConfig, key: string): Running {
    const { approvals, told, clock, log, secrets, once, disclose, firstPause } = this.#parts;
    const about = { name: config.name, toldAs: toldAs(config), type: config.type, approvals, told, clock, log, ...(config.includeStatement ? { disclose: (view: ApprovalView) => disclose(config.name, view) } : {}), ...(firstPause === undefined ? {} : { firstPause }) };
    if (config.type === 'webhook') return { key, line: new ChannelLine({ ...about, receiver: new WebhookReceiver(config, secrets, clock.wall) }), interactions: undefined };
    const call = slackCall(config, secrets);
    return {
      key,
      line: new ChannelLine({ ...about, receiver: new SlackReceiver(config, call) }),
      interactions: new SlackInteractions({ config, call, approvals, accounts: this.#accounts, once, secrets, clock, log }),
    };
  }

  /** What these channels were told before, and what is open now: a restart, or a new channel, misses nothing. */
  async #recall(lines: readonly ChannelLine[], closing: readonly Promise<void>[]): Promise<void> {
    const { told, approvals, log } = this.#parts;
    // What the line before is just sending is not sent twice.
    await Promise.all(closing);
    if (this.#closed) return;
    try {
      told.keepOnly([...this.#running.values()].map(({ line }) => line.toldAs));
      for (const line of lines) for (const request of told.requests(line.toldAs, MOST_KEPT)) line.changed(request);
      for (const state of ['pending', 'approved'] satisfies ApprovalState[]) {
        for (let before: string | undefined; lines.length > 0; ) {
          await new Promise((resolve) => setImmediate(resolve));
          if (this.#closed) return;
          const page = approvals.list({ state, limit: PAGE, ...(before === undefined ? {} : { before }) });
          for (const { id } of page) for (const line of lines) line.changed(id);
          before = page.at(-1)?.id;
          if (page.length < PAGE) break;
        }
      }
    } catch (error) {
      log.error({ error: (error as Error).message }, 'channels: what is open cannot be read; it is told when it changes');
    }
  }
}

/** A name, and a digest of where it leads. */
const toldAs = (config: ChannelConfig): string => {
  const where = config.type === 'slack' ? [config.type, config.api, config.channel] : [config.type, config.url];
  return `${config.name}/${createHash('sha256').update(JSON.stringify(where)).digest('hex').slice(0, 16)}`;
};
