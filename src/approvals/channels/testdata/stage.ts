import { randomBytes } from 'node:crypto';
import { SLACK_CHANNEL, startSlack, type SlackFixture, type SlackRequest } from '../../../../test/kit/slack.ts';
import { tempFolder } from '../../../../test/kit/temp.ts';
import { startWebhook, type WebhookReceiverFixture } from '../../../../test/kit/webhook.ts';
import type { ChannelConfig, LoginConfig } from '../../../config/resolved.ts';
import { createSecrets } from '../../../secrets/secrets.ts';
import { openState } from '../../../store/state.ts';
import type { Ask } from '../../approvals.ts';
import { approvalClock } from '../../clock.ts';
import { Scene, asking, held, person, type Asking } from '../../testdata/scene.ts';
import { Channels } from '../channels.ts';

const origin = { file: 'w.yaml', line: 1 };
export const HOOK_SECRET = `whsec_${Buffer.from('0123456789abcdefghijklmn').toString('base64')}`;
export const ADA = 'U0ADA0001';

/** Approvals with a Slack channel and a webhook, both spoken to over HTTP; everything but the wall clock of requests, and the speed of time, is real. */
export class Stage {
  readonly scene: Scene;
  readonly slack: SlackFixture;
  readonly hook: WebhookReceiverFixture;
  readonly env: Record<string, string>;
  /** Texts that left, as recorded; or what keeps that from being recorded. */
  readonly disclosed: string[] = [];
  unrecordable: Error | undefined;
  login: LoginConfig = {
    name: 'okta', issuer: 'https://okta.example', clientId: 'c', scopes: [], groupsClaim: 'groups', accounts: { github: 'gh' }, keys: { from: 'discovery' },
    maxTokenAge: 600_000, sessionAge: 3_600_000, idle: 600_000, allowPrivate: false, origin,
  };
  configured: ChannelConfig[];
  channels: Channels;
  readonly #folder = tempFolder('channels');
  readonly #key = randomBytes(32);
  #state: ReturnType<typeof openState>;

  /** How many times faster than real the clock of the channels goes. */
  readonly #speed: number;

  private constructor(slack: SlackFixture, hook: WebhookReceiverFixture, speed: number) {
    this.#speed = speed;
    this.slack = slack;
    this.hook = hook;
    this.env = { SLACK: slack.token, SIGNING: slack.signingSecret, HOOK: HOOK_SECRET };
    this.configured = [
      {
        name: 'oncall', type: 'slack', includeStatement: true, token: { from: 'env', name: 'SLACK' }, signingSecret: { from: 'env', name: 'SIGNING' }, channel: SLACK_CHANNEL, api: slack.api,
        people: { login: 'okta', userClaim: 'slack.id' }, origin,
      },
      { name: 'hook', type: 'webhook', includeStatement: false, url: hook.url, secret: { from: 'env', name: 'HOOK' }, origin },
    ];
    this.scene = new Scene(this.#folder.path);
    this.scene.clock.now = Date.now();
    this.#state = openState(this.#folder.path);
    this.channels = this.#begin();
  }

  static async start(speed = 1): Promise<Stage> {
    return new Stage(await startSlack(), await startWebhook(HOOK_SECRET), speed);
  }

  #begin(): Channels {
    const { scene } = this;
    return new Channels({
      approvals: scene.approvals, told: this.#state.told, accounts: this.#state.accounts, key: this.#key, once: this.#state.once,
      disclose: async (channel, { id }) => {
        if (this.unrecordable) throw this.unrecordable;
        this.disclosed.push(`${channel} ${id}`);
      },
      secrets: createSecrets(this.env),
      clock: { wall: scene.clock.port.wall, monotonic: () => approvalClock.monotonic() * this.#speed, after: (milliseconds, then) => approvalClock.after(milliseconds / this.#speed, then) },
      log: scene.lines.logger, ...(this.#speed === 1 ? { firstPause: 20 } : {}),
      config: () => ({ login: [this.login], channels: this.configured }),
    });
  }

  /** As a gateway that stops and starts over the same folder. */
  async restart(): Promise<void> {
    await this.channels.close();
    this.#state.close();
    this.scene.restart();
    this.#state = openState(this.#folder.path);
    this.channels = this.#begin();
  }

  /** A held command; the id of its request. */
  ask(what: Asking = {}): string {
    return held(this.scene.ask(what)).request;
  }

  /** The same, with changes that `Asking` has no word for. */
  askWith(change: (ask: Ask) => Ask): string {
    return held(this.scene.approvals.ask(change(asking()))).request;
  }

  /** Somebody logs in, with a Slack account or without. */
  proves(name: string, slack: string | undefined, more: Parameters<typeof person>[1] & { readonly iat?: number } = {}): void {
    const { iat = this.scene.clock.now / 1_000, ...about } = more;
    this.channels.proved(person(name, about), { iat, ...(slack === undefined ? {} : { slack: { id: slack } }) });
  }

  async handle({ headers, body }: SlackRequest, channel = 'oncall'): Promise<{ readonly status: number; readonly body: string }> {
    return this.channels.handleSlackInteraction(channel, headers, Buffer.from(body));
  }

  /** Everything that was said in the log. */
  said(): string {
    return JSON.stringify(this.scene.lines.all);
  }

  get folder(): string {
    return this.#folder.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channels.close();
    this.scene.close();
    this.#state.close();
    await this.slack[Symbol.asyncDispose]();
    await this.hook[Symbol.asyncDispose]();
    this.#folder.remove();
  }
}
