import type { Approvals } from '../approvals/approvals.ts';
import type { Channels } from '../approvals/channels/channels.ts';
import type { Config } from '../config/resolved.ts';
import type { EvidenceStatus } from '../evidence/elsewhere.ts';
import type { AppendLog } from '../evidence/append-log.ts';
import type { Steward } from '../evidence/retention/steward.ts';
import type { Revocations } from '../identity/revocations.ts';
import type { SignedIn } from '../identity/signed-in.ts';
import type { Logger } from '../model/logger.ts';
import type { RunningGate } from '../pipeline/open.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { Deeds } from './deeds.ts';
import type { Explainer } from './explain.ts';
import type { Readiness } from './http/health.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { LiveEvents } from './live.ts';
import type { Reader } from './reading/reader.ts';
import type { SignedInPeople } from './sign-in/person-sessions.ts';

/** What actions work with. Main gives the parts of the running gateway; `startControl` adds those of the control plane. */
export interface GatewayParts {
  readonly config: () => Config;
  readonly policies: () => PolicySet;
  readonly evidence: Pick<AppendLog, 'append' | 'unavailable' | 'stats' | 'name'>;
  /** Where its folder is, and those of logs that were set aside. */
  readonly folders: { readonly data: string; readonly log: string; readonly keys: string };
  readonly kek: Uint8Array | undefined;
  readonly logger: Logger;
  /** How far the log is signed and witnessed; undefined for a log without checkpoints. */
  readonly checkpoints: () => EvidenceStatus | undefined;
  /** The last signed checkpoint. */
  readonly head: () => { readonly size: number; readonly root: Buffer } | undefined;
  readonly late: () => readonly string[];
  readonly readiness: () => Readiness;
  readonly steward: Steward;
  readonly revocations: Revocations;
  readonly gate: Pick<RunningGate, 'live' | 'endSession'>;
  /** Undefined where the configuration asks nobody. */
  readonly approvals: Approvals | undefined;
  readonly channels: Pick<Channels, 'handleSlackInteraction' | 'status'>;
  readonly signedIn: SignedIn;
  readonly explain: Explainer;
  readonly build: string;
}

export interface Services extends GatewayParts {
  readonly deeds: Deeds;
  readonly reader: Reader;
  readonly jobs: Jobs;
  readonly live: LiveEvents;
  readonly people: SignedInPeople;
  /** The API's own description. */
  readonly openapi: () => string;
  readonly startedAt: number;
  readonly now: () => number;
}
