import type { FrameParser } from '../../wire/framing.ts';
import type { Admission, Wait } from './admission.ts';
import { Frontend } from './codes.ts';
import { copyIn } from './copy-in.ts';
import { copyEnded, passSync } from './copy-syncs.ts';
import { decodeFrontend } from './decode.ts';
import { ExtendedQueries } from './extended.ts';
import { Frame, type Run } from './frames.ts';
import { MOST_BEHIND } from './holding.ts';
import type { Link } from './link.ts';
import { SimpleQueries } from './simple.ts';

/** What keeping a message takes besides its bytes: small ones cost more memory than they have bytes. */
const KEPT_BYTES = 256;
const costOf = ({ bytes }: Frame | Run): number => bytes.length + KEPT_BYTES;
/** Most answers that a target owes at one time: small messages are sent faster than it reads them, and what is noted of each takes more memory than its bytes. */
const MOST_OWED = 20_000;
/** So many messages that are done are dropped from the front at once. */
const COMPACTED = 1024;

/**
 * Client to target, one message at a time and in order. A message that can run something is understood, judged, admitted,
 * and only then sent; one that can commit waits for its durable intent. Whatever is not listed ends the session.
 */
export class Forward {
  readonly #link: Link;
  readonly #admission: Admission;
  readonly #simple: SimpleQueries;
  readonly #extended: ExtendedQueries;
  readonly #frames: FrameParser;
  readonly #terminated: () => void;
  #busy = false;
  #paused = false;
  /** What the client sent behind a command that is held, from `#next` on, and what keeping it costs. It may outlast that command: the next one may be held as well. */
  #later: (Frame | Run)[] = [];
  #next = 0;
  #behind = 0;
  /** Bytes of a message that has begun behind it. */
  #begun = 0;

  /** @param terminated the client said Terminate */
  constructor(admission: Admission, frames: FrameParser, terminated: () => void) {
    this.#link = admission.link;
    this.#admission = admission;
    this.#simple = new SimpleQueries(admission);
    this.#extended = new ExtendedQueries(admission);
    this.#frames = frames;
    this.#terminated = terminated;
    this.#link.holding.listen = () => this.#listen();
  }

  push(chunk: Buffer): void {
    this.#frames.push(chunk);
    if (!this.#busy) this.#pump();
    else if (this.#link.holding.active) this.#take(chunk.length);
    // While a message waits, one chunk more is kept; the rest stays with the client.
    else this.#pause();
  }

  /** A command is held, which can take long: the client is read on, so that it is known when it leaves. */
  #listen(): void {
    this.#begun = 0;
    this.#take(0);
    this.#resume();
  }

  #take(bytes: number): void {
    this.#begun += bytes;
    // Whole, so that what guards COPY data can look at them when their turn comes.
    this.#frames.stream(Frontend.CopyData, false);
    for (let event = this.#frames.next(); event; event = this.#frames.next()) {
      this.#later.push(event);
      this.#behind += costOf(event);
      this.#begun = Math.max(0, this.#begun - event.bytes.length);
      if (event.type === Frontend.Terminate) this.#terminated();
    }
    if (this.#behind + this.#begun > MOST_BEHIND) this.#link.holding.overflow();
  }

  /** The oldest of what was sent behind. Moving all others up for each one would take seconds for many. */
  #kept(): Frame | Run | undefined {
    const event = this.#later[this.#next];
    if (!event) return undefined;
    this.#behind -= costOf(event);
    this.#next += 1;
    if (this.#next === this.#later.length || this.#next === COMPACTED) {
      this.#later = this.#later.slice(this.#next);
      this.#next = 0;
    }
    return event;
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#link.client.socket.resume();
  }

  #pump(): void {
    while (!this.#busy && !this.#link.over) {
      // Until the target has asked for data it is not known whether it will be looked at: what comes before comes whole.
      const { copyIn: asked } = this.#link;
      this.#frames.stream(Frontend.CopyData, asked !== undefined && asked.guard === undefined);
      const event = this.#kept() ?? this.#frames.next();
      if (!event) break;
      const wait = this.#message(event);
      if (wait) this.#await(wait);
    }
    if (!this.#busy && !this.#link.over && !this.#link.target.flush()) this.#await(new Promise((resolve) => this.#link.target.drained(resolve)));
  }

  #await(wait: Promise<void>): void {
    this.#busy = true;
    this.#link.target.flush();
    wait
      .then(() => {
        if (this.#link.over) return;
        this.#busy = false;
        this.#resume();
        this.#pump();
      })
      .catch((error: unknown) => this.#link.fail(error));
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#link.client.socket.pause();
  }

  #message(event: Frame | Run): Wait {
    const { type } = event;
    if (type === Frontend.CopyData || type === Frontend.CopyDone || type === Frontend.CopyFail) return copyIn(this.#admission, event);
    if (!(event instanceof Frame)) return this.#admission.violation('a message came in pieces that may not');
    if (type === Frontend.Terminate) {
      decodeFrontend(event);
      this.#terminated();
      return undefined;
    }
    // PostgreSQL ignores these two while it reads COPY data, because clients send them without knowing that it is COPY.
    if (this.#link.copyIn || this.#link.collecting) {
      if (type !== Frontend.Sync && type !== Frontend.Flush) return this.#admission.violation('a message came in the middle of COPY data');
      if (type === Frontend.Sync && !this.#link.collecting) passSync(this.#link, event);
      return undefined;
    }
    if (this.#link.copySyncs) return copyEnded(this.#admission).then(() => (this.#link.over ? undefined : this.#message(event)));
    if ((this.#admission.series.discarding || this.#link.owed.skipping) && type !== Frontend.Sync) return undefined;
    if (this.#link.owed.length >= MOST_OWED) return this.#admission.flushed().then(() => (this.#link.over ? undefined : this.#message(event)));
    const { room } = this.#link.gated;
    // Nothing is asked of evidence that is behind, Sync included: it ends what came before it.
    if (room) return room.then(() => (this.#link.over ? undefined : this.#message(event)));
    switch (type) {
      case Frontend.Query:
        return this.#simple.query(event);
      case Frontend.FunctionCall:
        return this.#simple.functionCall();
      case Frontend.Sync:
        return this.#extended.sync(event);
      default:
        return this.#extended.message(event);
    }
  }
}
