const MINUTES = 60;
/** Most keys at once. A key is an identity, a connection and a table: names of the configuration and of the catalog. */
const MOST_KEYS = 50_000;

interface Window {
  readonly slots: Float64Array;
  minute: number;
}

/**
 * Rows that were changed under a threshold within the last hour, by key: so that what would need approval as a whole is not done in slices
 * below it. Memory is bounded; without room for another key, its budget counts as used up.
 */
export class RowBudget {
  readonly #windows = new Map<string, Window>();
  readonly #clock: () => number;
  readonly #mostKeys: number;

  /** The clock gives milliseconds from any fixed point; the default never goes back. */
  constructor(clock: () => number = () => performance.now(), mostKeys: number = MOST_KEYS) {
    this.#clock = clock;
    this.#mostKeys = mostKeys;
  }

  /** Rows of the last hour. */
  recent(key: string): number {
    const window = this.#windows.get(key);
    if (window) return this.#sum(window);
    if (this.#windows.size >= this.#mostKeys) this.#forgetIdle();
    return this.#windows.size >= this.#mostKeys ? Number.MAX_SAFE_INTEGER : 0;
  }

  /** Counts rows before they are changed. What it returns says, once, how many it were in the end. */
  reserve(key: string, rows: number): (changed: number) => void {
    let window = this.#windows.get(key);
    if (!window) this.#windows.set(key, (window = { slots: new Float64Array(MINUTES), minute: this.#minute() }));
    this.#add(window, rows);
    let open = true;
    return (changed) => {
      if (open) this.#add(window, changed - rows);
      open = false;
    };
  }

  #add(window: Window, rows: number): void {
    this.#advance(window);
    const slot = window.minute % MINUTES;
    window.slots[slot] = (window.slots[slot] ?? 0) + rows;
  }

  #sum(window: Window): number {
    this.#advance(window);
    // A correction may stand in a later minute than what it corrects.
    return Math.max(0, window.slots.reduce((sum, rows) => sum + rows, 0));
  }

  #advance(window: Window): void {
    const now = this.#minute();
    const passed = Math.min(MINUTES, Math.max(0, now - window.minute));
    for (let i = 1; i <= passed; i += 1) window.slots[(window.minute + i) % MINUTES] = 0;
    window.minute = Math.max(window.minute, now);
  }

  #minute(): number {
    return Math.floor(this.#clock() / 60_000);
  }

  #forgetIdle(): void {
    for (const [key, window] of this.#windows) if (this.#sum(window) === 0) this.#windows.delete(key);
  }
}
