import type { ChannelConfig } from '../../../config/resolved.ts';
import type { Secrets } from '../../../secrets/secrets.ts';
import { post, retryAfterIn } from '../exchange.ts';
import { ChannelFault } from '../ports.ts';

export type SlackConfig = Extract<ChannelConfig, { type: 'slack' }>;

/** What Slack's Web API says when it does not do what it was asked. */
export class SlackRefused extends ChannelFault {
  override name = 'SlackRefused';
  /** Slack's word, such as `channel_not_found`. */
  readonly code: string;
  constructor(method: string, code: string, retryAfter?: number) {
    super(`${method}: ${code}`, retryAfter);
    this.code = code;
  }
}

type Method = 'chat.postMessage' | 'chat.update' | 'views.open' | 'auth.test';

/** A method of Slack's Web API. Rejects with ChannelFault. */
export type SlackCall = (method: Method, body: Readonly<Record<string, unknown>>) => Promise<Readonly<Record<string, unknown>>>;

export const slackCall =
  ({ api, ca, token }: SlackConfig, secrets: Secrets): SlackCall =>
  async (method, body) => {
    const headers = { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${await tokenOf(token, secrets)}` };
    const { headers: answered, body: bytes } = await post(`${api}/${method}`, ca, headers, JSON.stringify(body));
    let answer: unknown;
    try {
      answer = JSON.parse(bytes.toString('utf8'));
    } catch {
      answer = undefined;
    }
    if (typeof answer !== 'object' || answer === null) throw new ChannelFault(`${method}: the answer is not Slack's`);
    const { ok, error } = answer as { ok?: unknown; error?: unknown };
    if (ok === true) return answer as Readonly<Record<string, unknown>>;
    throw new SlackRefused(method, typeof error === 'string' && /^[a-z0-9_]{1,64}$/.test(error) ? error : 'refused without a reason', retryAfterIn(answered['retry-after'], Date.now()));
  };

const tokenOf = async (ref: SlackConfig['token'], secrets: Secrets): Promise<string> => {
  try {
    return (await secrets.lease(ref)).use((value) => {
      const token = value.toString('latin1');
      if (!/^[\x21-\x7e]{1,4096}$/.test(token)) throw new ChannelFault('the token is not one of Slack');
      return token;
    });
  } catch (error) {
    throw error instanceof ChannelFault ? error : new ChannelFault((error as Error).message);
  }
};
