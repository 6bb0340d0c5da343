import type { Logger } from '../../model/logger.ts';
import type { OnceStore } from '../../identity/once.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { Approvals, ApprovalView } from '../approvals.ts';
import type { ApprovalClock } from '../ports.ts';
import type { AccountStore } from './accounts.ts';

/** What channels need of the rest. control/channels.ts fills it. */
export interface ChannelPorts {
  readonly approvals: Pick<Approvals, 'get' | 'list' | 'answer' | 'onChange'>;
  readonly told: ToldStore;
  readonly accounts: AccountStore;
  /** 32 bytes, `channels.key` of the keys folder: what people's accounts are hashed and sealed with. */
  readonly key: Uint8Array;
  readonly once: OnceStore;
  /** Records that the text of a request is about to leave through a channel. What rejects is not sent. */
  readonly disclose: (channel: string, view: ApprovalView) => Promise<unknown>;
  readonly secrets: Secrets;
  readonly clock: ApprovalClock;
  readonly log: Logger;
}

/** What one channel was told of one request. Ids and digests only: what a request says is asked for when it is sent. */
export interface Told {
  readonly channel: string;
  readonly request: string;
  /** Counts the messages about the request; part of the id that a webhook gets. */
  readonly version: number;
  /** Digest of what that message is about; undefined: none was made yet. */
  readonly trying: string;
  /** Digest of what the channel was last told; undefined: nothing has arrived. */
  readonly told: string | undefined;
  /** What the receiver calls its message, to change it later. */
  readonly message: string | undefined;
}

/** Where it is kept, so that a restart forgets nothing and tells nothing twice. A power cut may undo the last changes. */
export interface ToldStore {
  get(channel: string, request: string): Told | undefined;
  put(told: Told): void;
  remove(channel: string, request: string): void;
  /** Ids of the requests of which something is kept, at most so many. */
  requests(channel: string, most: number): readonly string[];
  /** Forgets what was told to channels of other names. */
  keepOnly(channels: readonly string[]): void;
}

/** One message about a request, as it stands now. */
export interface Delivery {
  readonly view: ApprovalView;
  /** The same each time that the same message is tried. */
  readonly id: string;
  /** What an earlier message is called. */
  readonly message: string | undefined;
}

/** Somewhere that messages go. */
export interface Receiver {
  /** So many at once, then so many each second. */
  readonly burst: number;
  readonly perSecond: number;
  /** Resolves when it has arrived, with what the receiver calls it. Rejects with ChannelFault. */
  tell(delivery: Delivery): Promise<string | undefined>;
}

/** A message did not arrive. The text is for log and status: words of ours, hosts, codes. */
export class ChannelFault extends Error {
  override name = 'ChannelFault';
  /** Milliseconds that the receiver asks to be left alone. */
  readonly retryAfter: number | undefined;
  constructor(message: string, retryAfter?: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}
