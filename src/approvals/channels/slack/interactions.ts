import type { Logger } from '../../../model/logger.ts';
import type { OnceStore } from '../../../identity/once.ts';
import type { Secrets } from '../../../secrets/secrets.ts';
import { AnswerRefused, type Approvals, type ApprovalView } from '../../approvals.ts';
import type { ApprovalClock } from '../../ports.ts';
import { aboutOf } from '../about.ts';
import type { ChannelAccounts, Found } from '../accounts.ts';
import type { SlackCall, SlackConfig } from './api.ts';
import { REASON, reasonView, wordsView, type Asked } from './blocks.ts';
import { interactionIn, metadataOf, type Interaction, type SlackUser } from './payload.ts';
import { checkSignature, replayableUntil, type Headers } from './signature.ts';

/** What to answer over HTTP. `body` is JSON, or empty. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface InteractionParts {
  readonly config: SlackConfig;
  readonly call: SlackCall;
  readonly approvals: Pick<Approvals, 'get' | 'answer'>;
  readonly accounts: Pick<ChannelAccounts, 'find'>;
  readonly once: OnceStore;
  readonly secrets: Secrets;
  readonly clock: Pick<ApprovalClock, 'wall' | 'after'>;
  readonly log: Logger;
}

/** A payload holds the whole message or window, percent-encoded. */
const MOST_BYTES = 256 * 1024;
/** Slack waits three seconds. */
const PATIENCE = 2_500;
/** How long it is believed which workspace the token belongs to. */
const TEAM_KEPT = 600_000;

type Pressed = Extract<Interaction, { kind: 'pressed' }>;
type Submitted = Extract<Interaction, { kind: 'submitted' }>;

/** What people do with the buttons of a Slack channel: verified, mapped to a person who has logged in, and handed to approvals, which judge it. */
export class SlackInteractions {
  readonly #parts: InteractionParts;
  #team: { readonly id: string; readonly until: number } | undefined;

  constructor(parts: InteractionParts) {
    this.#parts = parts;
  }

  /** @param body as it came, byte for byte: the signature is over it */
  async handle(headers: Headers, body: Buffer): Promise<HttpAnswer> {
    const { config, clock, log } = this.#parts;
    if (body.length > MOST_BYTES) return answer(413);
    const refused = await this.#unsigned(headers, body);
    if (refused !== undefined) return refused;
    const interaction = interactionIn(body);
    if (interaction === undefined) return answer(400);
    if (interaction.kind === 'nothing') return answer(200);
    const late: HttpAnswer = interaction.kind === 'pressed' ? answer(504) : errors('This takes longer than usual. The message in the channel shows what came of it.');
    const doing = (interaction.kind === 'pressed' ? this.#pressed(interaction) : this.#submitted(interaction)).catch((error: unknown) => {
      log.warn({ channel: config.name, error: (error as Error).message }, 'what somebody did in Slack could not be followed');
      return interaction.kind === 'pressed' ? answer(503) : errors('This did not work. Answer on the page, or try again.');
    });
    let stop = (): void => {};
    const over = new Promise<HttpAnswer>((resolve) => (stop = clock.after(PATIENCE, () => resolve(late))));
    return Promise.race([doing, over]).finally(() => stop());
  }

  /** Why it is not taken; undefined when Slack signed it, just now, and it comes for the first time. */
  async #unsigned(headers: Headers, body: Buffer): Promise<HttpAnswer | undefined> {
    const { config, secrets, once, clock, log } = this.#parts;
    let signed;
    try {
      signed = (await secrets.lease(config.signingSecret)).use((secret) => checkSignature(headers, body, secret, clock.wall()));
    } catch (error) {
      log.error({ channel: config.name, error: (error as Error).message }, 'the signing secret of a Slack channel cannot be had: nobody can answer there');
      return answer(503);
    }
    if (!signed.ok) {
      log.warn({ channel: config.name, why: signed.why }, 'a request that says it comes from Slack was refused');
      return answer(401);
    }
    try {
      if (await once.use(`slack:${config.name}:${signed.signature}`, replayableUntil(signed.seconds))) return undefined;
    } catch (error) {
      log.error({ channel: config.name, error: (error as Error).message }, 'it cannot be said whether a request of Slack came before: it is refused');
      return answer(503);
    }
    log.warn({ channel: config.name, why: 'replay' }, 'a request that says it comes from Slack was refused');
    return answer(409);
  }

  async #pressed({ user, verdict, asked, channel, trigger }: Pressed): Promise<HttpAnswer> {
    const { config, call } = this.#parts;
    const judged = channel === config.channel ? await this.#judged(user, asked) : { words: 'Nobody is asked in this channel any more. Answer on the page.', url: undefined };
    const view = 'words' in judged ? wordsView(judged.words, judged.url) : reasonView(aboutOf(judged.view, config.includeStatement), verdict, metadataOf(verdict, asked));
    await call('views.open', { trigger_id: trigger, view });
    return answer(200);
  }

  async #submitted({ user, verdict, asked, reason }: Submitted): Promise<HttpAnswer> {
    const { config, approvals } = this.#parts;
    const judged = await this.#judged(user, asked);
    if ('words' in judged) return errors(judged.words);
    try {
      await approvals.answer({ request: asked.request, person: judged.person, verdict, reason: reason.trim(), channel: config.name, digest: asked.digest });
    } catch (error) {
      if (error instanceof AnswerRefused) return errors(error.message);
      throw error;
    }
    return { status: 200, body: JSON.stringify({ response_action: 'clear' }) };
  }

  /** The request and the person, or in words why this user cannot answer it here. */
  async #judged(user: SlackUser, { request, digest }: Asked): Promise<{ readonly view: ApprovalView; readonly person: Extract<Found, { kind: 'person' }>['person'] } | { readonly words: string; readonly url: string | undefined }> {
    const { config, approvals, accounts } = this.#parts;
    const view = approvals.get(request);
    const no = (words: string): { readonly words: string; readonly url: string | undefined } => ({ words, url: view?.url });
    if (view === undefined) return no('There is no such request any more.');
    if (view.digest !== digest) return no('This is not the command that you were shown. Look at it on the page.');
    if (view.state !== 'pending' && view.state !== 'approved') return no(`This request is over: ${view.state}.`);
    if (config.people === undefined) return no('Nobody can answer in Slack here. Answer on the page.');
    // Ids of users mean something within their workspace only; a channel may be shared with another.
    if (user.team !== (await this.#ownTeam())) return no('Your Slack account belongs to another workspace. Answer on the page.');
    const found = accounts.find(config.people, user.id);
    return found.kind === 'person' ? { view, person: found.person } : no(UNMAPPED[found.kind](config.people.login));
  }

  async #ownTeam(): Promise<string> {
    const { call, clock } = this.#parts;
    if (this.#team !== undefined && clock.wall() < this.#team.until) return this.#team.id;
    const { team_id: id } = await call('auth.test', {});
    if (typeof id !== 'string' || id === '') throw new Error('auth.test: the answer names no workspace');
    this.#team = { id, until: clock.wall() + TEAM_KEPT };
    return id;
  }
}

const UNMAPPED: Readonly<Record<Exclude<Found['kind'], 'person'>, (login: string) => string>> = {
  unknown: (login) => `Nobody who has logged in with ${login} has your Slack account. Log in on the page, then try again; or answer there.`,
  old: (login) => `Your last login with ${login} is too long ago. Log in again on the page, then try again; or answer there.`,
  several: (login) => `Two people who have logged in with ${login} have your Slack account, so it cannot be told who you are. Answer on the page.`,
};

const answer = (status: number): HttpAnswer => ({ status, body: '' });
/** Stands below the field of the window, which stays open. */
const errors = (words: string): HttpAnswer => ({ status: 200, body: JSON.stringify({ response_action: 'errors', errors: { [REASON]: words } }) });
