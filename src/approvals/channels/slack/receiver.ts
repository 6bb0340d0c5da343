import { aboutOf, isOpen } from '../about.ts';
import { ChannelFault, type Delivery, type Receiver } from '../ports.ts';
import { SlackRefused, type SlackCall, type SlackConfig } from './api.ts';
import { messageOf } from './blocks.ts';

/** Somebody has deleted the message, or it cannot be changed any more. */
const GONE: ReadonlySet<string> = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed', 'is_inactive']);

/** One message for each request, which changes with it. Slack takes about one a second in a channel. */
export class SlackReceiver implements Receiver {
  readonly burst = 3;
  readonly perSecond = 1;
  readonly #config: SlackConfig;
  readonly #call: SlackCall;

  constructor(config: SlackConfig, call: SlackCall) {
    this.#config = config;
    this.#call = call;
  }

  async tell({ view, message }: Delivery): Promise<string | undefined> {
    const { channel, includeStatement, people } = this.#config;
    const content = messageOf(aboutOf(view, includeStatement), view.state === 'pending' && people !== undefined ? { request: view.id, digest: view.digest } : undefined);
    const said = { channel, ...content, link_names: false, parse: 'none' };
    const ts = message === undefined ? undefined : timeOf(message, channel);
    if (ts !== undefined) {
      try {
        await this.#call('chat.update', { ...said, ts });
        return message;
      } catch (error) {
        if (!(error instanceof SlackRefused && GONE.has(error.code))) throw error;
        if (!isOpen(view)) return message;
      }
    }
    const { ts: posted } = await this.#call('chat.postMessage', { ...said, unfurl_links: false, unfurl_media: false });
    if (typeof posted !== 'string' || !/^[0-9]{1,12}\.[0-9]{1,9}$/.test(posted)) throw new ChannelFault('chat.postMessage: the answer names no message');
    return `${channel}/${posted}`;
  }
}

/** The message's own name in Slack; undefined when it stands in another channel. */
const timeOf = (message: string, channel: string): string | undefined => (message.startsWith(`${channel}/`) ? message.slice(channel.length + 1) : undefined);
