import { join } from 'node:path';
import type { EvidenceConfig } from '../config/resolved.ts';
import type { Logger } from '../model/logger.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { AnchorKeeper, type AnchorStatus } from './anchors/keeper.ts';
import { replaceFile } from './disk.ts';
import { nodeDisk } from './node-disk.ts';
import type { TreeFollower } from './tree/follower.ts';
import { shownCheckpoints } from './tree/published.ts';
import { WitnessCollector, type WitnessedStatus } from './witnesses/collector.ts';
import type { CheckpointSource } from './witnesses/source.ts';

export interface ElsewhereParts {
  readonly config: EvidenceConfig;
  /** Name of the log. */
  readonly name: string;
  /** Its folder. */
  readonly folder: string;
  readonly tree: Pick<TreeFollower, 'latest' | 'consistency' | 'keep' | 'vkey' | 'size' | 'age'>;
  /** What anchors sign in with. */
  readonly secrets: Secrets;
  readonly log: Logger;
}

/** How the log stands, for people and programs. */
export interface EvidenceStatus {
  /** Name of the log: origin of its checkpoints. */
  readonly log: string;
  /** Public key of its checkpoints: what a witness is configured with. */
  readonly key: string;
  /** Durable records. */
  readonly records: number;
  /** The checkpoint that was signed last, and seconds since this run signed one. */
  readonly signed?: { readonly size: number; readonly age?: number };
  readonly witnessed: WitnessedStatus;
  readonly anchors: readonly AnchorStatus[];
}

/** All who keep checkpoints outside this machine's own folders. Nothing of the gateway ever waits for them but its stop, for seconds. */
export class Elsewhere {
  readonly #parts: ElsewhereParts;
  readonly #witnesses: WitnessCollector;
  readonly #anchors: AnchorKeeper;

  constructor(parts: ElsewhereParts) {
    const { config, tree, name, folder, secrets, log } = parts;
    this.#parts = parts;
    const source: CheckpointSource = {
      latest: () => tree.latest(),
      consistency: (old, size) => tree.consistency(old, size),
      keep: (note) => tree.keep(note),
      get vkey() {
        return tree.vkey;
      },
      keepConflict: (witness, size, note) => keepConflict(folder, witness, size, note),
    };
    this.#witnesses = new WitnessCollector({ config, source, log });
    this.#anchors = new AnchorKeeper({ config: config.anchors, name, folder, source: tree, secrets, log });
    const { witnessed } = shownCheckpoints(nodeDisk, folder);
    if (witnessed !== undefined) this.#witnesses.recall(witnessed, name);
  }

  start(): void {
    this.#witnesses.start();
    this.#anchors.start();
  }

  /** Puts another configuration in force. */
  replace(config: EvidenceConfig): void {
    this.#witnesses.replace(config);
    this.#anchors.replace(config.anchors);
  }

  get status(): EvidenceStatus {
    const { name, tree } = this.#parts;
    const signed = tree.latest();
    return {
      log: name,
      key: tree.vkey,
      records: tree.size,
      ...(signed && { signed: { size: signed.size, ...(tree.age === undefined ? {} : { age: tree.age }) } }),
      witnessed: this.#witnesses.status,
      anchors: this.#anchors.status,
    };
  }

  /** What is late, in words; empty when nothing is. */
  get late(): readonly string[] {
    const { late, witnessed } = this.#witnesses.status;
    return [
      ...(late ? [witnessed === undefined ? 'no checkpoint was witnessed' : `the last witnessed checkpoint is ${witnessed.age} s old`] : []),
      ...this.#anchors.status.filter((anchor) => anchor.late).map(({ name, fault }) => `the anchor ${name} keeps no checkpoints${fault === undefined ? '' : `: ${fault}`}`),
    ];
  }

  /** One last time, with the log's last checkpoint. Bounded in time. */
  async finish(): Promise<void> {
    await Promise.all([this.#witnesses.finish(), this.#anchors.finish()]);
  }
}

/** Proofs that are kept: more of the same say nothing new. */
const MOST_CONFLICTS = 64;

/** What does not fit, or cannot be written, is still told in the log and shown by the witness. */
const keepConflict = (folder: string, witness: string, size: number, note: string): void => {
  const conflicts = join(folder, 'tlog', 'conflicts');
  try {
    nodeDisk.makeFolder(conflicts);
    const name = `${witness}-${size}.note`;
    if (nodeDisk.exists(join(conflicts, name)) || nodeDisk.list(conflicts).length >= MOST_CONFLICTS) return;
    replaceFile(nodeDisk, conflicts, name, Buffer.from(note, 'utf8'), true);
  } catch {
    // As said above.
  }
};
