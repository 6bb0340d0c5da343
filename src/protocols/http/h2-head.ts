import { readHead, type Channel, type HeadRefused, type RequestHead } from './head.ts';

const refuse = (refused: string): HeadRefused => ({ status: 400, refused });

/**
 * The head of a request in HTTP/2: its pseudo-header fields say what the first line and Host say in HTTP/1.1, and are checked by the same rules. The
 * parser has refused what RFC 9113 section 8 forbids: upper-case names, fields of the connection, pseudo-header fields that are unknown, missing, twice
 * or behind others.
 *
 * @param ended nothing follows the head
 */
export const readHttp2Head = (raw: readonly string[], ended: boolean, channel: Channel): RequestHead | HeadRefused => {
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
  const path = pseudo.get(':path') ?? '';
  if (method !== 'CONNECT') {
    if (pseudo.get(':scheme') !== (channel.tls ? 'https' : 'http')) return refuse(':scheme is not the one that is spoken');
    if (!path.startsWith('/')) return refuse('this form of request target is not served here');
  }
  if (crumbs.length > 0) fields.push('cookie', crumbs.join('; '));
  const head = readHead({ method, url: path, version: '1.1', rawHeaders: ['host', authority ?? hosts[0] ?? '', ...fields] }, channel);
  if ('refused' in head) return head;
  if (ended) return head.body.kind === 'length' ? refuse('Content-Length, and nothing came') : { ...head, body: { kind: 'none' }, expectsContinue: false };
  if (head.body.kind !== 'none' || head.values.has('content-length')) return head;
  // Its end is a flag of a frame.
  return { ...head, body: { kind: 'chunked' }, expectsContinue: head.values.has('expect') };
};
