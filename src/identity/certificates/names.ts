import { BadDer, childrenOf, oidOf, TAG, type Der } from '../../wire/der.ts';

/** Names of one kind in a certificate. Addresses as bytes, the others as they are written. */
export interface Names {
  readonly dns: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
  readonly addresses: readonly Buffer[];
  readonly directories: readonly DistinguishedName[];
}

/** Relative names, first as encoded; each a set of attributes. */
export type DistinguishedName = readonly (readonly Attribute[])[];

export interface Attribute {
  readonly oid: string;
  /** Undefined: a text that is not read here, or no text. */
  readonly text?: string;
  readonly bytes: Buffer;
}

/** GeneralName (RFC 5280 section 4.2.1.6). */
export const GENERAL = { email: 0x81, dns: 0x82, directory: 0xa4, uri: 0x86, address: 0x87 } as const;
export const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

/** Attributes that have a name (RFC 4519), as `subject.NAME` of the claims. */
export const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'cn'], ['2.5.4.5', 'serialNumber'], ['2.5.4.6', 'c'], ['2.5.4.7', 'l'], ['2.5.4.8', 'st'], ['2.5.4.9', 'street'], ['2.5.4.10', 'o'], ['2.5.4.11', 'ou'],
  ['0.9.2342.19200300.100.1.25', 'dc'], ['0.9.2342.19200300.100.1.1', 'uid'],
]);

/** Controls, and what displays as a line's end: a name with one of them is somebody's trick. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Printable ASCII: what a name of DNS, mail or the web is written in. Throws BadDer. */
export const asciiOf = ({ content }: Der): string => {
  if (content.length === 0 || content.some((byte) => byte < 0x20 || byte > 0x7e)) throw new BadDer('a name is empty or not written in ASCII');
  return content.toString('latin1');
};

/** Reads subjectAltName. Names of other kinds say nothing here. Throws BadDer. */
export const readNames = (element: Der | undefined): Names => {
  const all = element === undefined ? [] : childrenOf(element);
  const of = (tag: number): readonly Der[] => all.filter((name) => name.tag === tag);
  return {
    dns: of(GENERAL.dns).map(asciiOf),
    emails: of(GENERAL.email).map(asciiOf),
    uris: of(GENERAL.uri).map(asciiOf),
    addresses: of(GENERAL.address).map(({ content }) => content),
    directories: of(GENERAL.directory).map((name) => readDistinguished(childrenOf(name, 1)[0])),
  };
};

/** Reads a Name. Throws BadDer. */
export const readDistinguished = (element: Der | undefined): DistinguishedName => {
  if (element?.tag !== TAG.sequence) throw new BadDer('a name is not what it has to be');
  return childrenOf(element).map((relative) => {
    if (relative.tag !== TAG.set) throw new BadDer('a relative name is not what it has to be');
    return childrenOf(relative).map((attribute) => {
      const [type, value, more] = childrenOf(attribute, 2);
      if (value === undefined || more !== undefined) throw new BadDer('an attribute of a name is cut');
      const text = textOf(value);
      return { oid: oidOf(type), ...(text === undefined ? {} : { text }), bytes: value.bytes };
    });
  });
};

const textOf = ({ tag, content }: Der): string | undefined => {
  const text = decode(tag, content);
  return text === undefined || text === '' || CONTROL.test(text) ? undefined : text;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const decode = (tag: number, content: Buffer): string | undefined => {
  switch (tag) {
    case TAG.utf8:
      try {
        return utf8.decode(content);
      } catch {
        return undefined;
      }
    case TAG.printable:
    case TAG.ia5:
    case TAG.numeric:
      return content.every((byte) => byte < 0x80) ? content.toString('latin1') : undefined;
    case TAG.bmp: {
      if (content.length % 2 !== 0) return undefined;
      const text = Buffer.from(content).swap16().toString('utf16le');
      return text.isWellFormed() ? text : undefined;
    }
    default:
      return undefined;
  }
};

/** A Name as text (RFC 4514): the last relative name first. */
export const dnText = (name: DistinguishedName): string => name.toReversed().map((relative) => relative.toReversed().map(attributeText).join('+')).join(',');

const attributeText = ({ oid, text, bytes }: Attribute): string => {
  const known = ATTRIBUTES.get(oid);
  if (known === undefined || text === undefined) return `${oid}=#${bytes.toString('hex')}`;
  return `${known === 'serialNumber' ? known : known.toUpperCase()}=${text.replaceAll(/[",+;<>\\]/g, '\\$&').replace(/^[ #]/, '\\$&').replace(/(?<!^) $/, '\\ ')}`;
};
