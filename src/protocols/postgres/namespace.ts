import type { MaskSet } from '../../masking/plan.ts';
import { starred } from '../../masking/recorded.ts';
import { NAME_BYTES, TWIN } from '../../sql/postgres/encodings.ts';
import type { Understood } from '../../sql/understand.ts';

/** A prepared statement, by Parse or by SQL PREPARE: they share one name space. */
export interface Prepared {
  /** What the client sent: for SQL the whole PREPARE statement. */
  readonly text: Buffer;
  readonly by: 'parse' | 'sql';
  /** For SQL the statement inside. Replaced when it is understood again. */
  understood: Understood;
  /** The catalog and name context it was understood under; when they have moved on it is understood again. */
  under: string;
  readonly parameterTypes: readonly number[];
  /** Of `text`. Where the masks in force are others than those that it was made under, it is made again. */
  recorded: RecordedForm;
}

/** What is written down of a text. Its bytes are kept as well, because each execution needs them. */
export interface RecordedForm {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly masks: MaskSet | undefined;
}

export const recordedForm = (text: string, masks: MaskSet): RecordedForm => ({ text, bytes: Buffer.from(text, 'utf8'), masks });

/** Of what SQL prepared, until it is bound: what of it is a literal is known when it is understood by itself. */
export const NOT_RECORDED: RecordedForm = { text: '', bytes: new Uint8Array(), masks: undefined };

/** A portal, by Bind or by DECLARE CURSOR: they share one name space, too. */
export interface Cursor {
  readonly understood: Understood;
  /** The text that opened it. */
  readonly text: Buffer;
}

/** What is written down of an Execute of a cursor that SQL declared, as SQL would say it: DECLARE has a record of its own. */
export const recordedFetch = (cursor: string): string => starred(`FETCH FROM "${cursor.replaceAll('"', '""')}"`);

/** Names that the gateway uses for its own statements and portals. A client may not. */
export const RESERVED = 'wicketgate:';

/** Why a client may not name a statement or a portal so. */
export const unusableName = (name: string): { readonly code: 'protocol' | 'limit'; readonly why: string } | undefined => {
  if (name.startsWith(RESERVED)) return { code: 'protocol', why: `names that start with ${RESERVED} are the gateway's own` };
  // The server looks longer names up by their first bytes only, so two of them could be one there.
  if (3 * name.length > NAME_BYTES && Buffer.byteLength(name) > NAME_BYTES) return { code: 'limit', why: `names of statements and portals have at most ${NAME_BYTES} bytes` };
  // And a database that is not in UTF-8 may have one code for two characters.
  return name.includes(TWIN) ? { code: 'protocol', why: 'names of statements and portals may not have U+FFE4 in them' } : undefined;
};

/**
 * The named statements of one session, as the target knows them. Changes made in a series count at once for the messages
 * behind them, and last only if the target confirms: when an error skips the rest of the series, they are dropped.
 */
export class Names<Value> {
  readonly #weigh: (value: Value) => number;
  /** Sum of what the named values weigh. Of the unnamed there is one at most, and each new one takes the place of the last. */
  weight = 0;
  /** Both are made with the first name: many sessions never give one. */
  #confirmed: Map<string, Value> | undefined;
  #pending: Map<string, Value | undefined> | undefined;
  /** The unnamed one stands by itself: it comes and goes with every command, and a map would grow and shrink as often. */
  #unnamed: Value | undefined;
  #proposed: { readonly value: Value | undefined } | undefined;

  /** @param weigh what keeping a value costs, in bytes */
  constructor(weigh: (value: Value) => number = () => 0) {
    this.#weigh = weigh;
  }

  get(name: string): Value | undefined {
    if (name === '') return this.#proposed ? this.#proposed.value : this.#unnamed;
    return this.#pending !== undefined && this.#pending.size > 0 && this.#pending.has(name) ? this.#pending.get(name) : this.#confirmed?.get(name);
  }

  get size(): number {
    return (this.#confirmed?.size ?? 0) + (this.#pending?.size ?? 0) + (this.#unnamed === undefined ? 0 : 1) + (this.#proposed ? 1 : 0);
  }

  /** Defines (or with undefined removes) a name, until `confirm` or `forget`. */
  propose(name: string, value: Value | undefined): void {
    if (name === '') this.#proposed = { value };
    else (this.#pending ??= new Map()).set(name, value);
  }

  /** The target has done it. */
  confirm(name: string, value: Value | undefined): void {
    if (name === '') {
      this.#unnamed = value;
      if (this.#proposed?.value === value) this.#proposed = undefined;
      return;
    }
    const before = this.#confirmed?.get(name);
    if (before !== undefined) this.weight -= this.#weigh(before);
    if (value !== undefined) this.weight += this.#weigh(value);
    if (value === undefined) this.#confirmed?.delete(name);
    else (this.#confirmed ??= new Map()).set(name, value);
    if (this.#pending?.get(name) === value) this.#pending?.delete(name);
  }

  /** The series is over: what was not confirmed did not happen. */
  forget(): void {
    this.#proposed = undefined;
    if (this.#pending !== undefined && this.#pending.size > 0) this.#pending.clear();
  }

  /** The confirmed ones. */
  *values(): Iterable<Value> {
    if (this.#unnamed !== undefined) yield this.#unnamed;
    if (this.#confirmed !== undefined) yield* this.#confirmed.values();
  }

  /** Removes the confirmed ones that match and returns them. */
  removeWhere(matches: (value: Value, name: string) => boolean): readonly Value[] {
    const confirmed = this.#confirmed;
    if (this.#unnamed === undefined && (confirmed === undefined || confirmed.size === 0)) return [];
    const removed: Value[] = [];
    if (this.#unnamed !== undefined && matches(this.#unnamed, '')) {
      removed.push(this.#unnamed);
      this.#unnamed = undefined;
    }
    for (const [name, value] of confirmed ?? []) {
      if (!matches(value, name)) continue;
      confirmed?.delete(name);
      this.weight -= this.#weigh(value);
      removed.push(value);
    }
    return removed;
  }

  clear(): void {
    this.weight = 0;
    this.#unnamed = this.#proposed = undefined;
    this.#confirmed = this.#pending = undefined;
  }
}
