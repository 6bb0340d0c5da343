import type { Refusal } from '../../model/decision.ts';
import type { HeldCommand, Left } from '../../pipeline/held.ts';
import { noticeResponse, SqlState } from './errors.ts';
import type { Link } from './link.ts';

/** How often the client is told again what it waits for: also what keeps the connection alive on its way through networks. */
const NOTICE_MS = 30_000;
/** Most memory for what a client sends behind commands that are held: the bytes, and something for each message. */
export const MOST_BEHIND = 1024 * 1024;

/** The command of this session that waits for people, if there is one. The client is told, is listened to, may cancel, may leave. */
export class Holding {
  readonly #link: Link;
  #held: HeldCommand | undefined;
  #end: (why: Refusal) => void = () => {};
  /** Reads on while a command waits: set by what reads the client's messages. */
  listen: () => void = () => {};

  constructor(link: Link) {
    this.#link = link;
  }

  get active(): boolean {
    return this.#held !== undefined;
  }

  /** Resolves when the command may be tried again, or will not run. */
  async wait(held: HeldCommand): Promise<'again' | Refusal> {
    const { client, gated } = this.#link;
    const { socket } = client;
    this.#held = held;
    const tell = (): void => {
      if (this.#link.over) return;
      client.add(noticeResponse({ severity: 'NOTICE', sqlState: SqlState.successful_completion, message: `wicketgate: ${held.notice}`, detail: `wicketgate session ${gated.session.id}` }));
      client.flush();
    };
    tell();
    const again = setInterval(tell, NOTICE_MS);
    socket.setKeepAlive(true, NOTICE_MS);
    this.listen();
    try {
      return await Promise.race([held.over, new Promise<Refusal>((resolve) => (this.#end = resolve))]);
    } finally {
      clearInterval(again);
      this.#held = undefined;
    }
  }

  /** The client asks for it to be cancelled. False when nothing waits. */
  cancel(): boolean {
    const held = this.#held;
    if (!held) return false;
    held.leave('cancelled');
    this.#end(this.#link.gated.refuse('cancelled', 'canceling statement due to user request', held.command));
    return true;
  }

  /** The client sent too much behind it. */
  overflow(): void {
    const held = this.#held;
    if (!held) return;
    held.leave('cancelled');
    this.#end(this.#link.gated.refuse('limit', `more than ${MOST_BEHIND} bytes were sent behind a command that waits for approval`, held.command));
  }

  /** The session ends. */
  leave(why: Left): void {
    this.#held?.leave(why);
  }
}
