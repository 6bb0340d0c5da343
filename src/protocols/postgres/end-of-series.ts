import type { Permit } from '../../pipeline/permits.ts';
import type { Admission, Wait } from './admission.ts';
import type { Frame } from './frames.ts';
import type { Owed } from './link.ts';
import { sendOwn } from './lookup.ts';
import { Series } from './series.ts';
import type { Expected } from './state.ts';

/** The Sync that ends a series: what the series changed is committed by it. */
export class EndOfSeries {
  readonly #admission: Admission;
  /** What the target owes for a Sync: the same for each. */
  readonly #owed: Expected<Owed>;

  constructor(admission: Admission) {
    this.#admission = admission;
    const { link } = admission;
    const done = (): void => {
      link.prepared.forget();
      link.portals.forget();
    };
    this.#owed = { kind: 'sync', own: false, context: { done } };
  }

  send(frame: Frame): Wait {
    const { link } = this.#admission;
    const { gated } = link;
    const { wrote, last, control, guarded, discarding } = this.#admission.series;
    if (guarded?.guard?.verdict === 'passed' && link.ownBlock && !discarding && !link.owed.skipping) {
      const { guard, passage } = guarded;
      return this.#admission.withPermit(passage, true, (permit) => {
        guard.closing = true;
        sendOwn(link, permit, [{ sql: guard.keep }], { showsError: true });
        this.#pass(gated.housekeeping('sync'), frame);
      });
    }
    // A Sync outside a block commits what the series did. After COMMIT in it, whether there is a block is not known yet.
    if (wrote && last && (control || !link.inBlock)) return this.#admission.withPermit(last, true, (permit) => this.#pass(permit, frame));
    this.#pass(gated.housekeeping('sync'), frame);
    return undefined;
  }

  #pass(permit: Permit, frame: Frame): void {
    const { link } = this.#admission;
    link.owe(this.#owed);
    link.pass(permit, frame);
    this.#admission.series = new Series();
  }
}
