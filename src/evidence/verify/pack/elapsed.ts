import type { Leaf } from './leaf.ts';

/** Milliseconds that passed by one clock or the other, from record to record: setting a clock back takes nothing away. */
export class Elapsed {
  passed = 0;
  #before: { readonly wall: number; readonly mono: number } | undefined;

  take({ time, mono, record }: Leaf): void {
    const wall = Date.parse(time);
    // The monotonic clock begins anew with each run.
    const begins = record.kind === 'instance' && record['event'] === 'start';
    if (this.#before) this.passed += Math.max(0, wall - this.#before.wall || 0, begins ? 0 : (mono - this.#before.mono) / 1000);
    this.#before = { wall, mono };
  }
}
