import { readHead, type Channel, type HeadRefused, type RequestHead } from './head.ts';
import { MOST_KEPT, readSection, type HeaderSection } from './header-section.ts';

const PATH = ':path';
/** Whose rules its fields are checked by, beside its own. */
const VERSION = '1.1';

const refuse = (refused: string, status: HeadRefused['status'] = 400): HeadRefused => ({ status, refused });

/** What stands in a head beside `:path`, and what was read from it. */
interface KnownSection {
  readonly raw: readonly string[];
  readonly ended: boolean;
  /** Where the value of `:path` stands. */
  readonly at: number;
  readonly method: string;
  readonly section: HeaderSection;
}

/**
 * Heads of requests in HTTP/2, one after another: their pseudo-header fields say what the first line and Host say in HTTP/1.1, and are checked by the same rules. The
 * parser has refused what RFC 9113 section 8 forbids: upper-case names, fields of the connection, pseudo-header fields that are unknown, missing, twice
 * or behind others. Most clients send the same again and again but for `:path`: the rest is read once.
 */
export class Http2Heads {
  readonly #channel: Channel;
  #last: KnownSection | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** @param ended nothing follows the head */
  read(raw: readonly string[], ended: boolean): RequestHead | HeadRefused {
    const known = this.#last && isSame(this.#last, raw, ended) ? this.#last : readRest(raw, ended, this.#channel);
    if ('refused' in known) return known;
    this.#last = known.section.bytes <= MOST_KEPT ? known : undefined;
    const { at, method, section } = known;
    const path = raw[at] as string;
    if (!path.startsWith('/')) return refuse('this form of request target is not served here');
    return readHead({ method, url: path, version: VERSION, rawHeaders: raw }, this.#channel, section);
  }
}

/** Same names in the same order, with the same values but for that of `:path`. */
const isSame = (last: KnownSection, raw: readonly string[], ended: boolean): boolean =>
  last.ended === ended && last.raw.length === raw.length && raw.every((text, index) => text === last.raw[index] || index === last.at);

const readRest = (raw: readonly string[], ended: boolean, channel: Channel): KnownSection | HeadRefused => {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  const hosts: string[] = [];
  const crumbs: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    if (name.startsWith(':')) {
      if (pseudo.has(name)) return refuse(`${name} came more than once`);
      pseudo.set(name, value);
    } else if (name !== name.toLowerCase()) return refuse('a header name in HTTP/2 is in lower case');
    else if (name === 'host') hosts.push(value);
    // RFC 9113 section 8.2.3: one field that may come in several.
    else if (name === 'cookie') crumbs.push(value);
    else if (name === 'connection' || name === 'transfer-encoding' || name === 'upgrade' || name === 'keep-alive' || name === 'proxy-connection') return refuse(`${name} has no place in HTTP/2`);
    else if (name === 'te' && value.toLowerCase() !== 'trailers') return refuse('TE says more than trailers');
    else fields.push(name, value);
  }
  if (pseudo.has(':protocol')) return refuse('extended CONNECT is not offered here');
  const authority = pseudo.get(':authority');
  if (hosts.length > 1) return refuse('host came more than once');
  if (authority !== undefined && hosts[0] !== undefined && hosts[0].toLowerCase() !== authority.toLowerCase()) return refuse(':authority and Host name different hosts');
  if (authority?.includes('@') === true) return refuse(':authority has a user');
  const method = pseudo.get(':method') ?? '';
  // What is no method, or none that is served, is refused as in HTTP/1.1; CONNECT has neither scheme nor path.
  if (method === 'CONNECT') return refuse('CONNECT is not offered at this address', 501);
  if (pseudo.get(':scheme') !== (channel.tls ? 'https' : 'http')) return refuse(':scheme is not the one that is spoken');
  const at = raw.findIndex((text, index) => index % 2 === 0 && text === PATH) + 1;
  if (at === 0) return refuse('this form of request target is not served here');
  if (crumbs.length > 0) fields.push('cookie', crumbs.join('; '));
  const read = readSection(['host', authority ?? hosts[0] ?? '', ...fields], VERSION, channel);
  if ('refused' in read) return read;
  const section = { ...read, http2: true, ...bodyOf(read, ended) } as const;
  return ended && read.body.kind === 'length' ? refuse('Content-Length, and nothing came') : { raw, ended, at, method, section };
};

/** Its end is a flag of a frame. */
const bodyOf = ({ body, expectsContinue, values }: HeaderSection, ended: boolean): Pick<HeaderSection, 'body' | 'expectsContinue'> => {
  if (ended) return { body: { kind: 'none' }, expectsContinue: false };
  return body.kind !== 'none' || values.has('content-length') ? { body, expectsContinue } : { body: { kind: 'chunked' }, expectsContinue: values.has('expect') };
};
