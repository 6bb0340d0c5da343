import { BadDer, childrenOf, context, expect, oidOf, readDer, TAG, type Der } from '../../wire/der.ts';
import { readConstraints, type NameConstraints } from './constraints.ts';
import { readNames, type Names } from './names.ts';

/** What the extensions of a certificate say (RFC 5280 section 4.2), as far as it is looked at here. */
export interface Extensions {
  /** basicConstraints: it may sign certificates. */
  readonly authority: boolean;
  /** Most certificates of CAs that may stand between it and the end of the path. */
  readonly pathLength?: number;
  readonly keyUsage?: ReadonlySet<KeyUsage>;
  /** Object identifiers of purposes. */
  readonly purposes?: readonly string[];
  readonly names: Names;
  readonly constraints?: NameConstraints;
  /** It must not be used by whoever does not understand something in it, and that is us. */
  readonly unknownCritical: boolean;
}

export type KeyUsage = 'digitalSignature' | 'keyCertSign' | 'cRLSign';

const OID = { keyUsage: '2.5.29.15', alternativeNames: '2.5.29.17', basicConstraints: '2.5.29.19', nameConstraints: '2.5.29.30', purposes: '2.5.29.37' } as const;
/** Nothing follows from them for whether a path holds, so they may be critical. */
const HARMLESS: ReadonlySet<string> = new Set(['2.5.29.14', '2.5.29.35']);
/** Bits of keyUsage that matter here, counted from the first. */
const USAGES: readonly (readonly [number, KeyUsage])[] = [[0, 'digitalSignature'], [5, 'keyCertSign'], [6, 'cRLSign']];

/** Extensions of a certificate or of a list, by object identifier. Throws BadDer when one stands twice. */
export const readExtensionList = (element: Der, most = 64): ReadonlyMap<string, { readonly critical: boolean; readonly value: Buffer }> => {
  const found = new Map<string, { readonly critical: boolean; readonly value: Buffer }>();
  for (const extension of childrenOf(expect(element, TAG.sequence), most)) {
    const parts = childrenOf(expect(extension, TAG.sequence), 3);
    const oid = oidOf(parts[0]);
    const critical = parts.length === 3 ? readBoolean(parts[1]) : false;
    if (found.has(oid)) throw new BadDer('an extension stands twice');
    found.set(oid, { critical, value: expect(parts.at(-1), TAG.octets).content });
  }
  return found;
};

/** Reads the extensions of a certificate. Throws BadDer. */
export const readExtensions = (element: Der): Extensions => {
  const all = readExtensionList(element);
  const value = (oid: string, tag: number): Der | undefined => {
    const found = all.get(oid);
    return found && readDer(found.value, tag);
  };
  const [basic, usage, purposes, names, constraints] = [value(OID.basicConstraints, TAG.sequence), value(OID.keyUsage, TAG.bits), value(OID.purposes, TAG.sequence), value(OID.alternativeNames, TAG.sequence), value(OID.nameConstraints, TAG.sequence)];
  const understood = new Set<string>([...Object.values(OID), ...HARMLESS]);
  return {
    ...readBasic(basic),
    ...(usage === undefined ? {} : { keyUsage: readUsage(usage) }),
    ...(purposes === undefined ? {} : { purposes: childrenOf(purposes).map(oidOf) }),
    names: readNames(names),
    ...(constraints === undefined ? {} : { constraints: readConstraints(constraints) }),
    unknownCritical: [...all].some(([oid, { critical }]) => critical && !understood.has(oid)),
  };
};

const readBasic = (element: Der | undefined): Pick<Extensions, 'authority' | 'pathLength'> => {
  const parts = element === undefined ? [] : childrenOf(element, 2);
  const authority = parts[0]?.tag === TAG.boolean && readBoolean(parts[0]);
  const length = parts.find(({ tag }) => tag === TAG.integer);
  return { authority, ...(length === undefined ? {} : { pathLength: readSmall(length) }) };
};

/** DER writes true as 0xff; a default that is written out is taken as what it says. */
const readBoolean = (element: Der | undefined): boolean => {
  const { content } = expect(element, TAG.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new BadDer('a truth value is neither');
  return content[0] === 0xff;
};

const readSmall = (element: Der): number => {
  const { content } = expect(element, TAG.integer);
  if (content.length === 0 || content.length > 4 || (content[0] as number) >= 0x80) throw new BadDer('a number is negative or too large');
  return content.readUIntBE(0, content.length);
};

const readUsage = ({ content }: Der): ReadonlySet<KeyUsage> => {
  const unused = content[0];
  if (unused === undefined || unused > 7) throw new BadDer('a bit string is cut');
  const set = (bit: number): boolean => ((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
  return new Set(USAGES.filter(([bit]) => set(bit)).map(([, name]) => name));
};

/** The extensions at the end of a TBSCertificate or TBSCertList, under their context tag. */
export const extensionsOf = (parts: readonly Der[], number: number): Der | undefined => {
  const wrapped = parts.find(({ tag }) => tag === context(number));
  return wrapped && childrenOf(wrapped, 1)[0];
};
