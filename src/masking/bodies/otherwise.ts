import { Held } from './held.ts';
import type { BodyMasks } from './masks.ts';
import type { BodyMasker } from './masker.ts';
import type { BodyForm } from './media-types.ts';
import { BodyNotMasked } from './not-masked.ts';

/** What a masker of one form is to this file. */
export interface FormMasking {
  readonly unsent: number;
  push(chunk: Uint8Array): Uint8Array | undefined;
  end(): Uint8Array | undefined;
}

/** What stands for a whole body: valid for its type, and saying no more than that something was taken away. */
function redactedBody(form: BodyForm): Uint8Array {
  switch (form.kind) {
    case 'json':
      return Buffer.from(form.sequence === 'records' ? '\u001enull\n' : form.sequence === 'lines' ? 'null\n' : 'null');
    case 'csv':
      return Buffer.from('***\r\n');
    case 'events':
      return Buffer.from(': ***\n\n');
    case 'text':
      return Buffer.from(form.markup === 'xml' ? '<redacted/>' : '***');
    default:
      return new Uint8Array(0);
  }
}

/** A body that goes as a whole: its constant once, and nothing of what comes. */
export class Redaction implements BodyMasker {
  readonly masked: Readonly<Record<string, number>>;
  readonly #constant: Uint8Array;
  #given = false;

  constructor(form: BodyForm, names: readonly string[]) {
    this.#constant = redactedBody(form);
    this.masked = Object.fromEntries(names.map((name) => [name, 1]));
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#given || chunk.length === 0) return undefined;
    this.#given = true;
    return this.#constant.length === 0 ? undefined : this.#constant;
  }

  end(): undefined {
    return undefined;
  }
}

/** Does what the masks say where their masker gives up: refuses (throws), redacts what has not begun to go out, or passes what has not gone out. */
export class Otherwise implements BodyMasker {
  readonly #inner: FormMasking;
  readonly #masks: BodyMasks;
  readonly #form: BodyForm;
  readonly #counts: () => Readonly<Record<string, number>>;
  /** Went in and did not come out; kept for `pass` only. */
  readonly #raw = new Held();
  #given = false;
  /** Given up: what follows goes this way, or not at all. */
  #instead: 'pass' | Redaction | BodyNotMasked | undefined;

  constructor(inner: FormMasking, masks: BodyMasks, form: BodyForm, counts: () => Readonly<Record<string, number>>) {
    this.#inner = inner;
    this.#masks = masks;
    this.#form = form;
    this.#counts = counts;
  }

  get masked(): Readonly<Record<string, number>> {
    return this.#instead instanceof Redaction ? this.#instead.masked : this.#counts();
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#instead instanceof BodyNotMasked) throw this.#instead;
    if (this.#instead !== undefined) return this.#instead === 'pass' ? chunk : this.#instead.push(chunk);
    const going = this.#inner.unsent === -1;
    try {
      const out = this.#inner.push(chunk);
      if (this.#masks.otherwise === 'pass') this.#keep(chunk, Math.max(this.#inner.unsent, 0));
      if (out !== undefined) this.#given = true;
      return out;
    } catch (error) {
      return this.#giveUp(error, going, chunk);
    }
  }

  end(): Uint8Array | undefined {
    if (this.#instead instanceof BodyNotMasked) throw this.#instead;
    if (this.#instead !== undefined) return undefined;
    const going = this.#inner.unsent === -1;
    try {
      return this.#inner.end();
    } catch (error) {
      return this.#giveUp(error, going, new Uint8Array(0));
    }
  }

  /** The last `unsent` bytes of what went in, which ends with this chunk. */
  #keep(chunk: Uint8Array, unsent: number): void {
    const ofChunk = Math.min(unsent, chunk.length);
    this.#raw.drop(this.#raw.length + ofChunk - unsent);
    this.#raw.append(chunk.subarray(chunk.length - ofChunk));
  }

  /** `going`: a value that is masked has begun in what was given, so that what follows may be its rest. `chunk`: what it gave up in. */
  #giveUp(error: unknown, going: boolean, chunk: Uint8Array): Uint8Array | undefined {
    const { otherwise } = this.#masks;
    if (!(error instanceof BodyNotMasked)) throw error;
    if (otherwise === 'refuse' || going || (otherwise === 'redact' && this.#given)) throw (this.#instead = error);
    if (otherwise === 'redact') {
      this.#instead = new Redaction(this.#form, [...this.#masks.fields, ...this.#masks.detect].map(({ name }) => name));
      return this.#instead.push(new Uint8Array(1));
    }
    this.#instead = 'pass';
    const rest = Buffer.concat([this.#raw.bytes, chunk]);
    this.#raw.drop(this.#raw.length);
    return rest.length === 0 ? undefined : rest;
  }
}
