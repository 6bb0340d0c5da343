import { BadDer, childrenOf, context, TAG, type Der } from '../../wire/der.ts';
import { asciiOf, EMAIL_ADDRESS, GENERAL, readDistinguished, type DistinguishedName, type Names } from './names.ts';

type Test<N> = (name: N) => boolean;

/** What names of one kind may be: one of the permitted where there are any, and none of the excluded. */
interface Limits<N> {
  readonly permitted: Test<N>[];
  readonly excluded: Test<N>[];
}

/** Name constraints of a CA (RFC 5280 section 4.2.1.10): what the names below it may be. */
export interface NameConstraints {
  readonly dns: Limits<string>;
  readonly email: Limits<string>;
  readonly uri: Limits<string>;
  readonly address: Limits<Buffer>;
  readonly directory: Limits<DistinguishedName>;
}

const unlimited = <N>(): Limits<N> => ({ permitted: [], excluded: [] });

/** Reads the extension. Throws BadDer, also for constraints on kinds of names that are not judged here: ignoring one would lift it. */
export const readConstraints = (element: Der): NameConstraints => {
  const parts = childrenOf(element, 2);
  if (parts.length === 0 || (parts.length === 2 && parts[0]?.tag === parts[1]?.tag)) throw new BadDer('name constraints are not what they have to be');
  const constraints: NameConstraints = { dns: unlimited(), email: unlimited(), uri: unlimited(), address: unlimited(), directory: unlimited() };
  for (const list of parts) {
    if (list.tag !== context(0) && list.tag !== context(1)) throw new BadDer('name constraints are not what they have to be');
    for (const subtree of childrenOf(list, 256)) addSubtree(constraints, list.tag === context(0) ? 'permitted' : 'excluded', subtree);
  }
  return constraints;
};

const addSubtree = (constraints: NameConstraints, which: keyof Limits<unknown>, element: Der): void => {
  const [base, ...distances] = element.tag === TAG.sequence ? childrenOf(element, 3) : [];
  // minimum and maximum have one value that is allowed, and that is left out.
  if (base === undefined || distances.length > 0) throw new BadDer('a subtree of names is not what it has to be');
  switch (base.tag) {
    case GENERAL.dns:
      return void constraints.dns[which].push(dnsWithin(patternOf(base)));
    case GENERAL.email:
      return void constraints.email[which].push(emailWithin(patternOf(base)));
    case GENERAL.uri:
      return void constraints.uri[which].push(uriWithin(patternOf(base)));
    case GENERAL.address:
      return void constraints.address[which].push(addressWithin(base.content));
    case GENERAL.directory:
      return void constraints.directory[which].push(directoryWithin(readDistinguished(childrenOf(base, 1)[0])));
    default:
      throw new BadDer('name constraints of a kind that is not judged');
  }
};

/** An empty one includes every name of its kind. */
const patternOf = (base: Der): string => (base.content.length === 0 ? '' : asciiOf(base));

/** Below it; or it itself, unless it begins with a dot. */
const hostWithin = (host: string, pattern: string): boolean => pattern === '' || (pattern.startsWith('.') ? host.endsWith(pattern) && host.length > pattern.length : host === pattern);

const dnsWithin = (pattern: string): Test<string> => {
  const wanted = pattern.toLowerCase();
  return (name) => {
    const host = name.toLowerCase();
    return hostWithin(host, wanted) || (!wanted.startsWith('.') && host.endsWith(`.${wanted}`));
  };
};

/** One mailbox, all of a host, or all below a domain. */
const emailWithin = (pattern: string): Test<string> => {
  const at = pattern.lastIndexOf('@');
  const [mailbox, wanted] = [pattern.slice(0, Math.max(at, 0)), pattern.slice(at + 1).toLowerCase()];
  return (name) => {
    const split = name.lastIndexOf('@');
    const [local, host] = [name.slice(0, Math.max(split, 0)), name.slice(split + 1).toLowerCase()];
    return at < 0 ? hostWithin(host, wanted) : local === mailbox && host === wanted;
  };
};

const uriWithin = (pattern: string): Test<string> => {
  const wanted = pattern.toLowerCase();
  return (name) => {
    const host = hostOfUri(name);
    return host !== undefined && hostWithin(host, wanted);
  };
};

/** The host of a URI, where it is a name: nothing else can be judged by it. */
const hostOfUri = (uri: string): string | undefined => {
  const [, authority] = /^[a-z][a-z0-9+.-]{0,30}:\/\/([^/?#]{1,512})/i.exec(uri) ?? [];
  const host = authority?.slice(authority.lastIndexOf('@') + 1).replace(/:[0-9]{0,5}$/, '').toLowerCase();
  return host === undefined || !/^[a-z0-9._-]+$/.test(host) || /^[0-9.]+$/.test(host) ? undefined : host;
};

/** Address and mask one after the other. */
const addressWithin = (network: Buffer): Test<Buffer> => {
  if (network.length !== 8 && network.length !== 32) throw new BadDer('a network is neither of IPv4 nor of IPv6');
  const size = network.length / 2;
  return (name) => name.length === size && name.every((byte, index) => ((byte ^ (network[index] as number)) & (network[size + index] as number)) === 0);
};

const directoryWithin = (base: DistinguishedName): Test<DistinguishedName> => {
  const wanted = base.map(relativeKey);
  return (name) => name.length >= wanted.length && wanted.every((key, index) => key === relativeKey(name[index] ?? []));
};

/** Without case and with single spaces, as names are compared (RFC 5280 section 7.1): otherwise another spelling would get around an exclusion. */
const relativeKey = (relative: DistinguishedName[number]): string =>
  JSON.stringify(relative.map(({ oid, text, bytes }) => [oid, text === undefined ? bytes.toString('hex') : text.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ')].join('=')).toSorted());

const within = <N>({ permitted, excluded }: Limits<N>, names: readonly N[]): boolean =>
  names.every((name) => (permitted.length === 0 || permitted.some((test) => test(name))) && !excluded.some((test) => test(name)));

/** Whether every name of a certificate may stand below a CA with these constraints. */
export const permits = (constraints: NameConstraints, subject: DistinguishedName, names: Names): boolean => {
  const { dns, email, uri, address, directory } = constraints;
  const mailboxes = subject.flat().flatMap(({ oid, text, bytes }) => (oid === EMAIL_ADDRESS ? [text ?? bytes.toString('latin1')] : []));
  // A name without a host, and constraints on hosts: whether it is below one nobody can tell.
  if (uri.permitted.length + uri.excluded.length > 0 && names.uris.some((name) => hostOfUri(name) === undefined)) return false;
  return (
    within(dns, names.dns) &&
    within(email, [...names.emails, ...mailboxes]) &&
    within(uri, names.uris) &&
    within(address, names.addresses) &&
    within(directory, [...(subject.length === 0 ? [] : [subject]), ...names.directories])
  );
};
