import type { Effect, ObjectRef, Timing } from '../../model/command.ts';

const ORDER: readonly Timing[] = ['read', 'transactional', 'commits', 'immediate'];

/** The stronger of two timings. */
export function later(a: Timing, b: Timing): Timing {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}

/** One effect while it is being found: columns come in one by one. */
export interface Growing {
  readonly effect: Effect;
  readonly columns: Set<string>;
  /** Every column that it uses is added: where there is none, it uses none. */
  told: boolean;
}

/** Columns that are not known and get an effect of their own. */
const MOST_MISSING = 100;

/** Everything one statement can do, each thing once. */
export class Effects {
  readonly #all = new Map<string, Growing>();
  timing: Timing = 'read';
  #missing = 0;

  /** @param told all its columns will be added: none means that it uses none, and not that they are not known */
  add(effect: Omit<Effect, 'columns'>, timing: Timing, told = false): Growing {
    this.timing = later(this.timing, timing);
    const { object } = effect;
    const key = JSON.stringify([effect.class, effect.verb, object?.kind, object?.schema, object?.name, effect.function, effect.why, effect.alone]);
    let found = this.#all.get(key);
    if (!found) this.#all.set(key, (found = { effect, columns: new Set(), told }));
    else if (!told) found.told = false;
    return found;
  }

  unknown(verb: string, why: string, object?: ObjectRef): void {
    this.add({ class: 'unknown', verb, why, ...(object ? { object } : {}) }, 'immediate');
  }

  /** A column that nothing known has. Beyond some the name no longer matters: one long text must not make work without bound. */
  missingColumn(why: string, name: string): void {
    this.unknown('select', why, { kind: 'column', name: ++this.#missing > MOST_MISSING ? '*' : name });
  }

  /** Takes over another's effects. */
  take(other: Effects): void {
    this.timing = later(this.timing, other.timing);
    for (const each of other.#all.values()) this.#put(each, each.effect, 'read');
  }

  /** Takes over what a statement would read, all else left out: for what is stored to run later. */
  takeReads(other: Effects): void {
    for (const each of other.#all.values()) {
      if (each.effect.object !== undefined && each.effect.verb === 'select') this.#put(each, each.effect, 'read');
    }
  }

  /** Takes over what code that is stored will do: as it is, but nothing of it happens before the definition commits. */
  takeDeferred(other: Effects): void {
    for (const each of other.#all.values()) this.#put(each, each.effect, 'transactional');
  }

  /**
   * Takes over what can be seen in code that is unknown as a whole: what it names, so that denies hold. That parts of it are not
   * understood asks for no more than the whole does.
   */
  takeSeen(other: Effects): void {
    for (const each of other.#all.values()) {
      const { effect } = each;
      if (effect.class !== 'unknown') this.#put(each, effect, 'transactional');
      else if (effect.object?.kind === 'function') this.#put(each, { ...effect, verb: 'create' }, 'transactional');
    }
  }

  /**
   * Takes over what a statement would do as something only planned (EXPLAIN). Functions stay what they are: the planner
   * runs those that call themselves immutable.
   */
  takePlanned(other: Effects): void {
    for (const each of other.#all.values()) {
      const { effect } = each;
      const stays = effect.class === 'unknown' || effect.class === 'admin' || effect.object?.kind === 'function';
      if (stays) this.#put(each, effect, effect.class === 'admin' ? 'read' : 'immediate');
      else this.#put(each, { ...effect, class: 'read', verb: effect.verb === 'select' ? 'select' : 'explain' }, 'read');
    }
  }

  /** @param as what becomes of the other's effect here */
  #put({ columns, told }: Growing, as: Effect, timing: Timing): void {
    const mine = this.add(as, timing, told && as.verb === 'select');
    for (const column of columns) mine.columns.add(column);
  }

  get empty(): boolean {
    return this.#all.size === 0;
  }

  list(): readonly Effect[] {
    return [...this.#all.values()].map(({ effect, columns, told }) =>
      columns.size === 0 && !told ? effect : { ...effect, columns: columns.has('*') ? ['*'] : [...columns] },
    );
  }
}
