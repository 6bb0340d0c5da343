import { join } from 'node:path';
import type { AnchorConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { CheckpointSource } from '../witnesses/source.ts';
import { AnchorFault, type Anchor } from './anchor.ts';
import { FileAnchor } from './file.ts';
import { TimestampAnchor } from './rfc3161.ts';
import { S3Anchor } from './s3.ts';
import { WebhookAnchor } from './webhook.ts';

const LOOK_MS = 1_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;
/** Added to twice the interval: then people are told. */
const GRACE_MS = 300_000;
/** The last round, when the gateway stops. */
const FAREWELL_MS = 3_000;

/** How one anchor stands. Ages in seconds. */
export interface AnchorStatus {
  readonly name: string;
  readonly type: AnchorConfig['type'];
  /** What it kept last in this run. */
  readonly kept?: { readonly size: number; readonly age: number };
  readonly late: boolean;
  /** What is wrong since then. */
  readonly fault?: string;
  readonly failures: number;
}

export interface KeeperParts {
  readonly config: readonly AnchorConfig[];
  /** Name of the log, and its folder. */
  readonly name: string;
  readonly folder: string;
  readonly source: Pick<CheckpointSource, 'latest'>;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Milliseconds that never go back. */
  readonly elapsed?: () => number;
  readonly lookMs?: number;
}

/** Brings checkpoints to the configured anchors, each in its own time. Nothing waits for it: what is late is told. */
export class AnchorKeeper {
  readonly #parts: KeeperParts;
  #lines: readonly AnchorLine[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.replace(parts.config);
  }

  /** Puts other anchors in force. One that is as it was goes on. */
  replace(config: readonly AnchorConfig[]): void {
    const key = (one: AnchorConfig): string => JSON.stringify({ ...one, origin: undefined });
    const before = this.#lines;
    this.#lines = config.map((one) => before.find((line) => key(line.config) === key(one)) ?? new AnchorLine(one, this.#parts));
  }

  start(): void {
    const look = (): void => {
      for (const line of this.#lines) line.look();
    };
    look();
    this.#timer = setInterval(look, this.#parts.lookMs ?? LOOK_MS);
    this.#timer.unref();
  }

  get status(): readonly AnchorStatus[] {
    return this.#lines.map(({ status }) => status);
  }

  /** The last checkpoint to each, bounded in time. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([Promise.all(this.#lines.map((line) => line.finish())), new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL_MS)))]);
    clearTimeout(timer);
  }
}

/** One anchor with its clock. One checkpoint at a time: an anchor that hangs is not asked again before it has let go. */
class AnchorLine {
  readonly config: AnchorConfig;
  readonly #anchor: Anchor;
  readonly #parts: KeeperParts;
  readonly #elapsed: () => number;
  readonly #began: number;
  #kept: { readonly size: number; readonly at: number } | undefined;
  #fault: string | undefined;
  #failed = 0;
  #failures = 0;
  #due: number;
  #busy: Promise<void> | undefined;
  #told: number | undefined;

  constructor(config: AnchorConfig, parts: KeeperParts) {
    this.config = config;
    this.#parts = parts;
    this.#anchor = anchorOf(config, parts);
    this.#elapsed = parts.elapsed ?? ((): number => performance.now());
    this.#began = this.#elapsed();
    this.#due = this.#began;
  }

  get status(): AnchorStatus {
    const { name, type } = this.config;
    const now = this.#elapsed();
    return {
      name,
      type,
      ...(this.#kept && { kept: { size: this.#kept.size, age: Math.floor((now - this.#kept.at) / 1000) } }),
      late: this.#late(now),
      ...(this.#fault !== undefined && { fault: this.#fault }),
      failures: this.#failures,
    };
  }

  look(): void {
    const now = this.#elapsed();
    if (this.#late(now) && (this.#told === undefined || now - this.#told >= GRACE_MS)) {
      this.#told = now;
      this.#parts.log.error({ anchor: this.config.name, type: this.config.type, fault: this.#fault ?? (this.#busy ? 'it does not answer' : undefined) }, 'an anchor has kept no checkpoint for more than twice its interval');
    }
    if (now >= this.#due) void this.#keep();
  }

  async finish(): Promise<void> {
    await this.#busy;
    const last = this.#parts.source.latest();
    if (last !== undefined && last.size !== this.#kept?.size) await this.#keep();
  }

  #late(now: number): boolean {
    return now - (this.#kept?.at ?? this.#began) > 2 * this.config.every + GRACE_MS;
  }

  #keep(): Promise<void> {
    const checkpoint = this.#parts.source.latest();
    if (checkpoint === undefined) return Promise.resolve();
    this.#busy ??= this.#anchor
      .keep({ origin: this.#parts.name, note: checkpoint.note, size: checkpoint.size })
      .then(() => this.#good(checkpoint.size), (error: unknown) => this.#bad(error instanceof AnchorFault ? error.message : 'failed'))
      .finally(() => {
        this.#busy = undefined;
      });
    return this.#busy;
  }

  #good(size: number): void {
    const { name } = this.config;
    if (this.#fault !== undefined) this.#parts.log.info({ anchor: name, size }, 'the anchor keeps checkpoints again');
    else this.#parts.log.debug({ anchor: name, size }, 'anchored');
    this.#kept = { size, at: this.#elapsed() };
    this.#fault = undefined;
    this.#failed = 0;
    this.#told = undefined;
    this.#due = this.#elapsed() + this.config.every;
  }

  #bad(fault: string): void {
    if (fault !== this.#fault) this.#parts.log.warn({ anchor: this.config.name, type: this.config.type, fault }, 'an anchor did not keep a checkpoint; it is tried again');
    this.#fault = fault;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failed, LONGEST_PAUSE_MS, this.config.every);
    this.#failed += 1;
    this.#failures += 1;
    this.#due = this.#elapsed() + pause * (0.5 + Math.random() / 2);
  }
}

const anchorOf = (config: AnchorConfig, { secrets, folder }: KeeperParts): Anchor => {
  switch (config.type) {
    case 'file':
      return new FileAnchor(config.path);
    case 'webhook':
      return new WebhookAnchor({ ...config, secrets });
    case 'rfc3161':
      return new TimestampAnchor({ ...config, folder: join(folder, 'tlog', 'anchors', config.name) });
    case 's3':
      return new S3Anchor({ config, secrets });
  }
};
