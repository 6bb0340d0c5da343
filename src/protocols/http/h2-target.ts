import { constants, type ClientHttp2Stream } from 'node:http2';
import type { Permit } from '../../pipeline/permits.ts';
import { errorCode } from '../../wire/errors.ts';
import { MOST_INTERIM, TargetFault, type TargetAnswer, type TargetStream } from './exchange.ts';
import { breakOff, StreamBody } from './h2-body.ts';
import type { Place } from './h2-pool.ts';
import type { Fields } from './head.ts';
import { MOST_FIELDS } from './header-section.ts';

const { NGHTTP2_REFUSED_STREAM } = constants;

export interface OutgoingStream {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly fields: Fields;
  /** Nothing follows the head. */
  readonly bodiless: boolean;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  /** The client takes what comes behind an answer. */
  readonly trailers: boolean;
}

/** Sends the head of a request, on a stream of the session's own connection. */
export const openHttp2Target = (place: Place, permit: Permit, outgoing: OutgoingStream): TargetStream => {
  permit.spend();
  return new Http2Target(place, outgoing);
};

/** What HTTP/2 says in other ways. */
const NOT_SENT: ReadonlySet<string> = new Set(['host', 'transfer-encoding', 'connection', 'te', 'expect']);

/** The target's side of an exchange on one stream of HTTP/2. */
class Http2Target implements TargetStream {
  readonly answer: Promise<TargetAnswer>;
  readonly #stream: ClientHttp2Stream;
  #cut = false;
  #refused = false;
  #interim = 0;

  constructor(place: Place, { method, path, fields, bodiless, scheme, authority, trailers }: OutgoingStream) {
    const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
    Object.assign(headers, { ':method': method, ':scheme': scheme, ':authority': authority, ':path': path });
    for (const [name, value] of fields) {
      const lower = name.toLowerCase();
      if (NOT_SENT.has(lower)) continue;
      const known = headers[lower];
      headers[lower] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
    }
    if (trailers) headers['te'] = 'trailers';
    let stream: ClientHttp2Stream;
    try {
      stream = place.request(headers, { endStream: bodiless });
    } catch (error) {
      const code = errorCode(error);
      const ended = code === 'ERR_HTTP2_INVALID_SESSION' || code === 'ERR_HTTP2_GOAWAY_SESSION';
      throw new TargetFault(ended ? 'unreachable' : 'broken', ended ? 'the target closed the connection' : 'the request cannot be said in HTTP/2', code, ended);
    }
    this.#stream = stream;
    const body = new StreamBody(stream);
    this.answer = new Promise((resolve, reject) => {
      stream.once('response', (_, __, raw: string[]) => {
        const answer = answerOf(raw, body);
        if (answer instanceof TargetFault) {
          reject(answer);
          this.cut();
        } else resolve(answer);
      });
      stream.on('headers', () => {
        this.#interim += 1;
        if (this.#interim <= MOST_INTERIM) return;
        reject(new TargetFault('broken', 'the target sent too many answers that are none yet'));
        this.cut();
      });
      stream.on('error', (error) => reject(this.#fault(error)));
      stream.once('close', () => reject(this.#fault(undefined)));
    });
    this.answer.catch(() => {});
  }

  get reached(): boolean {
    return !this.#refused;
  }

  write(chunk: Uint8Array): boolean {
    return this.#cut || this.#stream.destroyed || this.#stream.closed ? true : this.#stream.write(chunk);
  }

  drained(then: () => void): void {
    this.#stream.once('drain', then);
  }

  end(): void {
    if (!this.#cut && !this.#stream.destroyed) this.#stream.end();
  }

  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    breakOff(this.#stream);
  }

  #fault(error: Error | undefined): TargetFault {
    // RFC 9113 section 8.7: nothing of it was looked at.
    this.#refused = this.#stream.rstCode === NGHTTP2_REFUSED_STREAM;
    return new TargetFault('broken', this.#refused ? 'the target takes no further requests on its connection' : 'the target reset the stream without an answer', errorCode(error), this.#refused);
  }
}

const answerOf = (raw: readonly string[], body: StreamBody): TargetAnswer | TargetFault => {
  const fields: [string, string][] = [];
  let status = 0;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name === ':status') status = Number(raw[index + 1]);
    else if (!name.startsWith(':')) fields.push([name, raw[index + 1] as string]);
  }
  if (fields.length > MOST_FIELDS) return new TargetFault('broken', `the target answered with more than ${MOST_FIELDS} header fields`);
  if (!Number.isInteger(status) || status < 200 || status > 599) return new TargetFault('broken', 'the target answered with a status that is none');
  const length = fields.find(([name]) => name === 'content-length')?.[1];
  return { status, fields, body, length: length === undefined ? undefined : Number(length), trailers: () => trailersOf(body.trailers) };
};

const trailersOf = (raw: readonly string[]): Fields => {
  const fields: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) fields.push([raw[index] as string, raw[index + 1] as string]);
  return fields;
};
