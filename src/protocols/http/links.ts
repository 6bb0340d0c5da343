import { pipeline, Transform, type Readable } from 'node:stream';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { RequestFacts } from '../../model/request.ts';
import { leadsPast, placeForClient, type Outside } from './location.ts';

/*
 * Cloud Storage tells in the JSON of an object where its bytes are (`mediaLink`), and some client libraries go there next, with their token. Of the
 * target's own host such a link leads past the gateway, so the client gets it with the gateway's.
 */

const LINK = /("(?:mediaLink|selfLink)"\s{0,16}:\s{0,16}")(https?:\/\/[^"\\]{1,6000})"/g;
/** More than the longest of them: so much is held back, since a link may go on in what comes next. */
const HELD = 8_192;

type ToTarget = Pick<HttpConnectionConfig, 'target' | 'http'>;

/** The answer to this request is metadata of the API, with links in it; never a stored object, whatever that holds. */
export const answersWithLinks = ({ http }: ToTarget, { path, query }: Pick<RequestFacts, 'path' | 'query'>): boolean =>
  http.apis.includes('gcs') && /^\/(?:(?:resumable\/)?upload\/)?storage\/v1\//.test(path) && !(query.get('alt') ?? query.get('$alt') ?? []).includes('media');

/** The body of such an answer as the client gets it. Paused. */
export const throughLinks = (body: Readable, connection: ToTarget, outside: Outside): Readable => {
  const place = (link: string): string => (leadsPast(link, connection, outside, 'mediaLink') ? '' : (placeForClient(link, connection, outside) ?? ''));
  let held = '';
  const rewrite = (last: boolean): Buffer => {
    let out = '';
    let at = 0;
    for (const { index, 0: whole, 1: name = '', 2: link = '' } of held.matchAll(LINK)) {
      out += `${held.slice(at, index)}${name}${place(link)}"`;
      at = index + whole.length;
    }
    const end = last ? held.length : Math.max(at, held.length - HELD);
    out += held.slice(at, end);
    held = held.slice(end);
    return Buffer.from(out, 'latin1');
  };
  const through = new Transform({
    transform: (chunk: Buffer, _, then) => {
      held += chunk.toString('latin1');
      then(null, rewrite(false));
    },
    flush: (then) => then(null, rewrite(true)),
  });
  pipeline(body, through, () => {});
  return through;
};
