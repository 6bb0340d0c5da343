import { isUtf8 } from 'node:buffer';
import type { TransformConfig } from '../../config/resolved.ts';
import { redacted } from '../constants.ts';
import type { HashKey } from '../hash-key.ts';
import { partial } from '../transforms.ts';

/** What a JSON value is. */
export const kind = { string: 0, number: 1, boolean: 2, nothing: 3, object: 4, array: 5 } as const;
export type Kind = (typeof kind)[keyof typeof kind];

/** What stands for a masked value. */
export interface Treatment {
  /** JSON text for each kind of value. Undefined for a string: made from the value, by `text`. `null` is left as it is. */
  readonly constants: readonly (Uint8Array | undefined)[];
  /** What stands for a text, given in UTF-8. Null: nothing (an empty field, JSON's `null`). */
  text(value: Uint8Array): Uint8Array | null;
  /** `text` gives the same for every value. */
  readonly constant: boolean;
}

/** JSON text of a string. What is no UTF-8 in it becomes U+FFFD. */
export function quote(value: Uint8Array): Uint8Array {
  const { length } = value;
  const made = Buffer.allocUnsafe(length + 2);
  made[0] = made[length + 1] = 0x22;
  for (let at = 0; at < length; at++) {
    const byte = value[at]!;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return Buffer.from(JSON.stringify(Buffer.from(value.buffer, value.byteOffset, length).toString()));
    made[at + 1] = byte;
  }
  return made;
}

const nothing = Buffer.from('null');
/** Of kinds that are no text, as `redact` leaves them: valid, of the same type, and telling nothing. */
const plain = { number: Buffer.from('0'), boolean: Buffer.from('false'), object: Buffer.from('{}'), array: Buffer.from('[]') };

/**
 * How a transform treats values of bodies. As in columns, `partial`, `hash` and `fixed` work on text; numbers, booleans, objects and
 * arrays get the constant of their type. A masked object or array goes as a whole: its names and its length may tell as much as its values.
 */
export function treatmentOf(transform: TransformConfig, key: HashKey): Treatment {
  if (transform === 'null') return { constants: new Array<Uint8Array>(6).fill(nothing), text: () => null, constant: true };
  const made = (string: Uint8Array | undefined): Treatment['constants'] => [string, plain.number, plain.boolean, nothing, plain.object, plain.array];
  const always = (value: Uint8Array): Treatment => ({ constants: made(quote(value)), text: () => value, constant: true });
  if (transform === 'redact') return always(Buffer.from(redacted));
  if (transform === 'hash') return { constants: made(undefined), text: (value) => Buffer.from(key.pseudonym(value)), constant: false };
  if ('fixed' in transform) return always(Buffer.from(transform.fixed));
  const keep = transform.partial;
  return { constants: made(undefined), text: (value) => partial(counted(value), keep), constant: false };
}

/** Characters are counted by UTF-8; other bytes count as one each, so that none of them shows for not being counted. */
const counted = (value: Uint8Array): Uint8Array => (isUtf8(value) ? value : Buffer.from(Buffer.from(value).toString('latin1')));

const marker = (type: string): Uint8Array => Buffer.from(`"<value:${type}>"`);

/** For records: a typed marker, so that the reader sees that something was there. */
export const markers: Treatment = {
  constants: [marker('text'), marker('number'), marker('boolean'), nothing, marker('object'), marker('array')],
  text: () => Buffer.from('<value:text>'),
  constant: true,
};
