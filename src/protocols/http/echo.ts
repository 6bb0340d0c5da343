import type { Logger } from '../../model/logger.ts';
import type { Injector } from '../../secrets/upstream/injector.ts';
import type { Fields } from './head.ts';
import { writtenForms } from './written-forms.ts';

/*
 * Some targets show a request in their answer (debug pages, `/headers`), and with it the credential that the gateway has put on. Every occurrence of it
 * becomes stars, as many as it has bytes, so that lengths stay true. What is compressed is looked through in `packed-echo.ts`. It is found as it was sent, and as
 * usual writers of JSON, addresses and HTML escape it (`written-forms.ts`); in any other form (base64, another case) it is not.
 */

/** Of a value with fewer bytes every second answer could hold an occurrence by chance. */
const SHORTEST = 8;
/** Says when a request was signed, and is no secret. */
const NOT_SECRET: ReadonlySet<string> = new Set(['x-amz-date']);
const STAR = 0x2a;
/** What it is called among masks in an outcome. */
export const CREDENTIAL_MASK = 'gateway/credential';

/** What may not come back of the header fields that carry the credential: none of them stands within another. */
export const credentialValues = (added: Fields): readonly Buffer[] => {
  const secrets = added.filter(([name]) => !NOT_SECRET.has(name.toLowerCase())).flatMap(([name, value]) => (name.toLowerCase() === 'cookie' ? [value.trim(), ...inPair(value)] : secretsOf(value.trim())));
  const texts = secrets.filter(longEnough);
  return texts.filter((text, index) => !texts.some((other, at) => at !== index && text.includes(other) && (text !== other || at < index))).map((text) => Buffer.from(text, 'latin1'));
};

/** The value as a whole, and what is secret in it. One character is one byte, as in all header fields. */
const secretsOf = (value: string): string[] => {
  const [, scheme = '', rest = ''] = /^([\w-]+) +(\S.*)$/s.exec(value) ?? [];
  // The signature is good for this request, which the client may send anyhow.
  if (scheme === 'AWS4-HMAC-SHA256') return [/\bCredential=(\w+)\//.exec(rest)?.[1] ?? ''];
  const decoded = scheme.toLowerCase() === 'basic' ? Buffer.from(rest, 'base64').toString('latin1') : '';
  // RFC 9110 section 11.4: behind `Bearer` and `Basic` stands no parameter.
  const parameter = /^(?:bearer|basic)$/i.test(scheme) ? [] : inPair(rest);
  return [value, rest, decoded.slice(decoded.indexOf(':') + 1), ...parameter];
};

/** The value of the one pair in `session=abc` or `token="abc"`, as a target shows it that has read it. Of several pairs nobody knows which are secret. */
const inPair = (text: string): string[] => {
  const [, value] = /^\s*[\w.-]+="?([^"=;,]*=*)"?\s*$/.exec(text) ?? [];
  return value === undefined ? [] : [value];
};

const longEnough = (value: string): boolean => value.length >= SHORTEST;

/** Values that are looked for, in all forms in which they are known, made ready. */
export class EchoValues {
  readonly bytes: readonly Buffer[];
  readonly texts: readonly string[];
  readonly longest: number;

  /** @param values from `credentialValues` */
  constructor(values: readonly Buffer[]) {
    this.texts = [...new Set(values.flatMap((value) => writtenForms(value.toString('latin1'))))];
    this.bytes = this.texts.map((text) => Buffer.from(text, 'latin1'));
    this.longest = Math.max(0, ...this.texts.map((text) => text.length));
  }
}

/** Puts stars where the credential comes back, in one answer: its header fields, and its body over all borders of chunks. */
export class Echo {
  readonly #wanted: EchoValues;
  /** Whose finds count these too. */
  readonly #all: Echo | undefined;
  /** The end of what came, as it came: it may be the beginning of a value. */
  #held: Buffer | undefined;
  /** So many bytes of it were given already. */
  #given = 0;
  #found = 0;

  constructor(wanted: EchoValues, all?: Echo) {
    this.#wanted = wanted;
    this.#all = all;
  }

  /** Looks at something else in the same answer. What it finds is counted here as well. */
  beside(): Echo {
    return new Echo(this.#wanted, this);
  }

  /** Occurrences so far. */
  get found(): number {
    return this.#found;
  }

  fields(fields: Fields): Fields {
    return fields.map((field): Fields[number] => {
      const clean = this.#field(field[1]);
      return clean === field[1] ? field : [field[0], clean];
    });
  }

  /** What may be given now. Fewer bytes than came: the rest may be the beginning of a value. */
  push(chunk: Buffer): Buffer {
    const data = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    const { clean, from } = this.#clean(data);
    const held = this.#tail(data, from);
    const given = this.#given;
    // A copy: the memory of a chunk is used again for the next.
    this.#held = held < data.length ? Buffer.from(data.subarray(held)) : undefined;
    this.#given = Math.max(0, given - held);
    return clean.subarray(Math.min(given, held), held);
  }

  /** The end of what came is so much like a value that it is not given. */
  get holds(): boolean {
    return this.#held !== undefined && this.#held.length >= SHORTEST;
  }

  /** Something short is held back which may be given, should nothing follow it soon: it has fewer bytes than any value. */
  get waiting(): boolean {
    return this.#held !== undefined && this.#held.length < SHORTEST && this.#given < this.#held.length;
  }

  /** What is `waiting`: whoever talks in turns would wait for it for ever. If it was the beginning of a value, the rest of that is found all the same. */
  release(): Buffer {
    const held = this.#held;
    if (!held || !this.waiting) return Buffer.alloc(0);
    const given = this.#given;
    this.#given = held.length;
    return held.subarray(given);
  }

  /** What is held at the end was not a value. */
  end(): Buffer {
    const rest = this.#held?.subarray(this.#given) ?? Buffer.alloc(0);
    this.#held = undefined;
    this.#given = 0;
    return rest;
  }

  #count(found: number): void {
    this.#found += found;
    if (this.#all) this.#all.#count(found);
  }

  #field(value: string): string {
    let clean = value;
    for (const text of this.#wanted.texts) {
      if (!clean.includes(text)) continue;
      const parts = clean.split(text);
      this.#count(parts.length - 1);
      clean = parts.join('*'.repeat(text.length));
    }
    return clean;
  }

  /** @returns from: behind the last occurrence */
  #clean(data: Buffer): { readonly clean: Buffer; readonly from: number } {
    const { bytes } = this.#wanted;
    const next = bytes.map((value) => data.indexOf(value));
    let clean = data;
    let from = 0;
    for (;;) {
      const which = next.reduce((first, at, index) => (at >= 0 && (first < 0 || at < (next[first] as number)) ? index : first), -1);
      if (which < 0) return { clean, from };
      const start = next[which] as number;
      if (clean === data) clean = Buffer.from(data);
      from = start + (bytes[which] as Buffer).length;
      clean.fill(STAR, start, from);
      this.#count(1);
      for (const [index, at] of next.entries()) if (at >= 0 && at < from) next[index] = data.indexOf(bytes[index] as Buffer, from);
    }
  }

  /** Where the first beginning of a value stands which the end of the data cuts off. */
  #tail(data: Buffer, from: number): number {
    let first = data.length;
    const earliest = Math.max(from, data.length - this.#wanted.longest + 1);
    for (const value of this.#wanted.bytes) {
      for (let at = Math.max(earliest, data.length - value.length + 1); at < first; at += 1) {
        let same = 0;
        while (at + same < data.length && data[at + same] === value[same]) same += 1;
        if (at + same === data.length) first = at;
      }
    }
    return first;
  }
}

const WARN_MS = 60_000;
const warned = new WeakMap<Injector, number>();

/** Tells the operator, at most once a minute for each connection: that answer should not be for clients. */
export const warnOfEcho = (injector: Injector, log: Logger, connection: string): void => {
  const now = performance.now();
  const last = warned.get(injector);
  if (last !== undefined && now - last < WARN_MS) return;
  warned.set(injector, now);
  log.warn({ connection }, "the target sent the gateway's own credential back: it was replaced by stars");
};
