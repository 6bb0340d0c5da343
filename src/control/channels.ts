import { join } from 'node:path';
import type { Approvals } from '../approvals/approvals.ts';
import type { AccountStore } from '../approvals/channels/accounts.ts';
import { Channels } from '../approvals/channels/channels.ts';
import type { ToldStore } from '../approvals/channels/ports.ts';
import { approvalClock } from '../approvals/clock.ts';
import type { Config } from '../config/resolved.ts';
import type { Access } from '../evidence/retention/steward.ts';
import type { OnceStore } from '../identity/once.ts';
import type { Logger } from '../model/logger.ts';
import { keyFile } from '../secrets/key-file.ts';
import type { Secrets } from '../secrets/secrets.ts';

export interface ChannelsServiceParts {
  readonly config: () => Config;
  readonly approvals: Approvals;
  readonly told: ToldStore;
  readonly accounts: AccountStore;
  readonly once: OnceStore;
  readonly secrets: Secrets;
  /** Records that somebody is about to read. */
  readonly access: (access: Access) => Promise<unknown>;
  readonly log: Logger;
}

/** Channels over this gateway's store, secrets and keys. They begin to tell at once. */
export const startChannels = ({ config, access, ...parts }: ChannelsServiceParts): Channels =>
  new Channels({
    ...parts,
    disclose: (channel, view) => access({ act: 'show', by: `channel ${channel}`, recording: view.session, filters: { approval: view.id }, count: 1 }),
    key: keyFile(join(config().gateway.keys, 'channels.key')),
    clock: approvalClock,
    config: () => config().control,
  });
