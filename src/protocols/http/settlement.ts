import type { Refusal } from '../../model/decision.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { Passage } from '../../pipeline/gate.ts';
import { CREDENTIAL_MASK, warnOfEcho, type Echo } from './echo.ts';
import { Unwritable } from './failure.ts';
import type { ReadRequest } from './read-request.ts';
import type { HttpSession } from './session.ts';

/** How one request that was admitted ends, as far as it is known, and as it is written down: once. */
export class Settlement {
  readonly passage: Passage;
  /** What the target has answered: its status. */
  code: string | undefined;
  /** How many values of the answer were masked. */
  masked: (() => Readonly<Record<string, number>>) | undefined;
  /** Finds the credential in the answer. */
  echo: Echo | undefined;
  /** The target was asked for a part. */
  partAsked = false;
  readonly #session: HttpSession;
  readonly #request: ReadRequest;
  #settled = false;

  constructor(passage: Passage, { session, request }: { readonly session: HttpSession; readonly request: ReadRequest }) {
    this.passage = passage;
    this.#session = session;
    this.#request = request;
  }

  /** It changes nothing: what becomes of it when nobody waits makes no difference. */
  get reads(): boolean {
    return this.passage.command.timing === 'read';
  }

  /** Undefined: the intent is durable. Rejects with Unwritable. */
  durable(): Promise<void> | undefined {
    const { passage } = this;
    return passage.durable ? undefined : new Promise((resolve, reject) => passage.whenDurable((failure) => (failure ? reject(new Unwritable(failure)) : resolve())));
  }

  /** What can be said of it when it did not come to its end. @param reached something of it may have reached the target @param failed and not: was given up */
  unfinished(reached: boolean, failed: boolean): Outcome['status'] {
    if (!reached) return 'unused';
    if (this.code !== undefined || this.reads) return failed ? 'error' : 'aborted';
    return 'indeterminate';
  }

  /** Hands the outcome to the log, once. @param recorded what came of its body is written down to its end first */
  settle(status: Outcome['status'], recorded: () => void, then: (failure?: Refusal) => void): void {
    if (this.#settled) return;
    this.#settled = true;
    recorded();
    const { code } = this;
    const masked = { ...this.masked?.(), ...this.#echoed() };
    this.passage.end({ status, ...(code === undefined ? {} : { code }), ...(Object.keys(masked).length > 0 ? { masked } : {}) }, then);
  }

  /** How often the credential came back, and was not given. */
  #echoed(): Readonly<Record<string, number>> {
    const found = this.echo?.found ?? 0;
    if (found === 0) return {};
    warnOfEcho(this.#request.target.injector, this.#session.log, this.#session.connection.name);
    return { [CREDENTIAL_MASK]: found };
  }
}
