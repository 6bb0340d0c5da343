import type { EvidenceConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import { cosignatureTime } from '../tlog/cosignature.ts';
import { parseCheckpointText } from '../tlog/checkpoint.ts';
import { BadNote, parseNote } from '../tlog/note.ts';
import { WitnessLink, type WitnessStatus } from './link.ts';
import { Round } from './round.ts';
import type { CheckpointSource } from './source.ts';

/** Between two submissions to a witness, while the log grows. */
const INTERVAL_MS = 10_000;
/** A checkpoint that does not grow is submitted again so often: a cosignature says that it was still the newest then. */
const REFRESH_S = 60;
/** Between two that are kept on disk. */
const SHOW_MS = 55_000;
/** Without a witnessed checkpoint for so long, people are told; and again after as long. */
const LATE_S = 300;
/** The last round, when the gateway stops. */
const FAREWELL_MS = 3_000;
/** Rounds that a late answer may still belong to. */
const MOST_ROUNDS = 4;

/** How far the log is witnessed. */
export interface WitnessedStatus {
  /** Witnesses that are configured, and how many of them make a checkpoint witnessed. */
  readonly of: number;
  readonly quorum: number;
  /** The newest checkpoint that enough of them cosigned. */
  readonly witnessed?: { readonly size: number; /** Who cosigned it. */ readonly by: readonly string[]; /** Seconds since it had enough cosignatures. */ readonly age: number };
  /** It is too old, or there never was one. */
  readonly late: boolean;
  readonly witnesses: readonly WitnessStatus[];
}

export interface CollectorParts {
  readonly config: Pick<EvidenceConfig, 'witnesses' | 'quorum'>;
  readonly source: CheckpointSource;
  readonly log: Logger;
  readonly intervalMs?: number;
  /** Milliseconds since the epoch, and milliseconds that never go back. */
  readonly now?: () => number;
  readonly elapsed?: () => number;
}

/**
 * Collects cosignatures of the log's checkpoints. Nothing waits for it: a witness that is slow, gone or wrong is told of, and the gateway goes
 * on. Each witness is asked on its own, one request at a time.
 */
export class WitnessCollector {
  readonly #parts: CollectorParts;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  #links: readonly WitnessLink[] = [];
  #quorum = 0;
  #rounds: Round[] = [];
  #witnessed: { readonly size: number; readonly by: readonly string[]; readonly since: number; readonly at: number } | undefined;
  #shownAt = Number.NEGATIVE_INFINITY;
  #shown: string | undefined;
  #began: number;
  #toldLate: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #asking = new Set<Promise<void>>();
  /** The folder is no longer ours: an answer that comes now is too late. */
  #ended = false;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#elapsed = parts.elapsed ?? ((): number => performance.now());
    this.#began = this.#elapsed();
    this.replace(parts.config);
  }

  /** Takes the newest checkpoint of the log `origin` that was witnessed in an earlier run. Cosignatures that do not verify, or are of others, are left out. */
  recall(note: string, origin: string): void {
    try {
      const parsed = parseNote(note);
      const said = parseCheckpointText(parsed.text);
      if (said.origin !== origin) throw new BadNote('it is of another log');
      const checkpoint = { note, size: said.size };
      const round = new Round(checkpoint);
      for (const link of this.#links) {
        const own = parsed.signatures.find(({ name, keyId }) => name === link.verifier.name && keyId === link.verifier.keyId);
        const time = own && cosignatureTime(own);
        if (own === undefined || time === undefined || !link.verifier.verify(Buffer.from(parsed.text, 'utf8'), own.signature)) continue;
        link.recall({ size: checkpoint.size, time });
        round.take(link.config.name, own);
      }
      this.#judge(round, false);
    } catch (error) {
      if (!(error instanceof BadNote)) throw error;
      this.#parts.log.warn({ reason: error.message }, 'the last witnessed checkpoint cannot be read; witnesses are asked anew');
    }
  }

  /** Puts other witnesses in force. What one that stays has cosigned is not forgotten. */
  replace({ witnesses, quorum }: Pick<EvidenceConfig, 'witnesses' | 'quorum'>): void {
    const { source, log } = this.#parts;
    const before = this.#links;
    this.#links = witnesses.map((config) => {
      const old = before.find((link) => link.config.name === config.name && link.config.key === config.key);
      if (old && old.config.url === config.url && old.config.ca === config.ca) return old;
      const link = new WitnessLink({ config, source, log, now: this.#now, elapsed: this.#elapsed });
      if (old?.cosigned) link.recall(old.cosigned);
      return link;
    });
    const same = quorum === this.#quorum && this.#links.length === before.length && this.#links.every((link, index) => link.config.key === before[index]?.config.key);
    if (!same) {
      // Others, or more of them, have to say it now.
      this.#rounds = [];
      this.#witnessed = undefined;
      this.#began = this.#elapsed();
      this.#toldLate = undefined;
    }
    this.#quorum = quorum;
  }

  /** Begins: at once, then every ten seconds. */
  start(): void {
    const { intervalMs = INTERVAL_MS } = this.#parts;
    this.#round();
    this.#timer = setInterval(() => this.#round(), intervalMs);
    this.#timer.unref();
  }

  get status(): WitnessedStatus {
    const witnessed = this.#witnessed;
    return {
      of: this.#links.length,
      quorum: this.#quorum,
      ...(witnessed && { witnessed: { size: witnessed.size, by: witnessed.by, age: this.#age(witnessed) } }),
      late: this.#late,
      witnesses: this.#links.map(({ status }) => status),
    };
  }

  /** One last round with what was signed last, bounded in time; then nothing more is asked. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#links.length === 0) return;
    const last = (async (): Promise<void> => {
      await Promise.all(this.#asking);
      this.#round(true);
      await Promise.all(this.#asking);
      this.#show(true);
    })();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([last, new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL_MS)))]);
    clearTimeout(timer);
    this.#show(true);
    this.#ended = true;
  }

  #round(hurry = false): void {
    this.#watch();
    const checkpoint = this.#parts.source.latest();
    if (checkpoint === undefined || this.#links.length === 0) return;
    let round = this.#rounds.at(-1);
    if (round?.checkpoint.note !== checkpoint.note) {
      round = new Round({ note: checkpoint.note, size: checkpoint.size });
      this.#rounds = [...this.#rounds.slice(1 - MOST_ROUNDS), round];
    }
    for (const link of this.#links) if (link.ready && this.#due(link, round)) this.#ask(link, round, hurry);
  }

  #due(link: WitnessLink, round: Round): boolean {
    if (!round.witnesses.includes(link.config.name)) return true;
    return Math.abs(this.#now() / 1000 - (link.cosigned?.time ?? 0)) >= REFRESH_S;
  }

  #ask(link: WitnessLink, round: Round, hurry: boolean): void {
    const asking = link.ask(round.checkpoint, hurry).then((cosignature) => {
      this.#asking.delete(asking);
      // Meanwhile a reload may have taken it out.
      if (cosignature === undefined || this.#ended || !this.#links.includes(link)) return;
      round.take(link.config.name, cosignature);
      this.#judge(round, true);
    });
    this.#asking.add(asking);
  }

  #judge(round: Round, show: boolean): void {
    const since = round.since(this.#quorum);
    const { size } = round.checkpoint;
    if (since === undefined || (this.#witnessed !== undefined && size < this.#witnessed.size)) return;
    this.#witnessed = { size, by: round.witnesses, since, at: this.#elapsed() };
    if (!show) return;
    this.#shown = round.note();
    this.#show(false);
    if (this.#toldLate === undefined || this.#late) return;
    this.#toldLate = undefined;
    this.#parts.log.info({ size, by: round.witnesses }, 'the log is witnessed again');
  }

  /** Shows what was witnessed last, at most once a minute: the history keeps each. */
  #show(now: boolean): void {
    if (this.#shown === undefined || (!now && this.#elapsed() - this.#shownAt < SHOW_MS)) return;
    this.#parts.source.keep(this.#shown);
    this.#shownAt = this.#elapsed();
    this.#shown = undefined;
  }

  /** Seconds: by the wall clock since the cosignature, and at least what passed since it came, whatever was done to the clock. */
  #age({ since, at }: { readonly since: number; readonly at: number }): number {
    return Math.floor(Math.max(this.#now() / 1000 - since, (this.#elapsed() - at) / 1000));
  }

  get #late(): boolean {
    if (this.#links.length === 0) return false;
    return this.#witnessed === undefined ? (this.#elapsed() - this.#began) / 1000 > LATE_S : this.#age(this.#witnessed) > LATE_S;
  }

  #watch(): void {
    if (!this.#late || (this.#toldLate !== undefined && this.#elapsed() - this.#toldLate < LATE_S * 1000)) return;
    this.#toldLate = this.#elapsed();
    const witnessed = this.#witnessed;
    this.#parts.log.error(
      { age: witnessed && this.#age(witnessed), size: witnessed?.size, witnesses: Object.fromEntries(this.#links.map(({ status }) => [status.name, status.state])) },
      `the log was not witnessed for more than ${LATE_S / 60} minutes: what was recorded since can be cut or rewritten without a trace elsewhere`,
    );
  }
}
