import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { MaskSet } from '../../masking/plan.ts';
import type { RequestFacts } from '../../model/request.ts';
import type { OutgoingHead } from '../../secrets/upstream/injector.ts';
import { commandOf, type HttpCommand } from './commands.ts';
import { credentialValues, EchoValues } from './echo.ts';
import { fieldsForTarget } from './fields.ts';
import { writtenHead, type WrittenHead } from './h1-fields.ts';
import type { BodyLength, Fields, RequestHead } from './head.ts';
import { answersWithLinks } from './links.ts';
import { requestUnderMasks } from './mask.ts';
import type { HttpSession } from './session.ts';
import type { Target } from './targets.ts';

/** A head as it goes to the target, with the credential. */
export interface SentHead {
  readonly headers: Fields;
  /** As it is said in HTTP/1.1. */
  readonly written: () => WrittenHead;
  /** What may not come back; undefined: nothing of it can be looked for. */
  readonly own: EchoValues | undefined;
}

/**
 * A request whose head was read: how it is judged, recorded and sent. All of it follows from the head, the connection as it is configured, the masks and the session.
 * While these are the same, a client that sends the same head again is neither read nor worded again; decided and recorded it is each time.
 */
export class ReadRequest {
  readonly head: RequestHead;
  readonly target: Target;
  /** Its body is not read yet. */
  readonly facts: RequestFacts;
  readonly rawQuery: string;
  /** Its answer has links of the target in it, which are to lead through the gateway. */
  readonly links: boolean;
  readonly #session: HttpSession;
  readonly #connection: HttpConnectionConfig;
  readonly #masks: MaskSet;
  readonly #host: string;
  #command: HttpCommand | undefined;
  #fields: [string, string][] | undefined;
  #sent: SentHead | undefined;

  constructor(head: RequestHead, facts: RequestFacts, rawQuery: string, session: HttpSession, target: Target) {
    this.head = head;
    this.target = target;
    this.facts = facts;
    this.rawQuery = rawQuery;
    this.#session = session;
    this.#connection = session.connection;
    this.#masks = session.gated.masks;
    this.#host = this.#connection.http.host ?? hostOf(this.#connection.target);
    this.links = answersWithLinks(this.#connection, facts);
  }

  /** It is the same for this session and target, as they are now. */
  holds(session: HttpSession, target: Target): boolean {
    return this.#session === session && this.target === target && this.#connection === session.connection && this.#masks === session.gated.masks;
  }

  /** A reload has led its connection to another target, or given it another credential, since it was read. */
  get astray(): boolean {
    const [read, now] = [this.#connection, this.#session.connection];
    return read !== now && JSON.stringify([read.target, read.credential]) !== JSON.stringify([now.target, now.credential]);
  }

  /** As the pipeline and policy see it. @param facts with what was read of its body */
  command(facts: RequestFacts): HttpCommand {
    const { head, rawQuery, target: { api } } = this;
    return facts === this.facts ? (this.#command ??= commandOf(head, facts, rawQuery, api)) : commandOf(head, facts, rawQuery, api);
  }

  /** As it goes to the target, but for its credential. The list of its header fields is the caller's. */
  outgoing(length: BodyLength, body: OutgoingHead['body']): OutgoingHead {
    const { http: { basePath }, target: { tls } } = this.#connection;
    const { facts: { path }, rawQuery } = this;
    const headers = length === this.head.body ? [...(this.#fields ??= this.#fieldsFor(length))] : this.#fieldsFor(length);
    return { method: this.head.method, scheme: tls === 'disable' ? 'http' : 'https', authority: this.#host, path: `${basePath}${path}${rawQuery === '' ? '' : `?${rawQuery}`}`, headers, body };
  }

  /** With its credential: what it was the last time, where that is the same. @param before its fields without the credential */
  sent({ method, path, headers }: OutgoingHead, before: Fields): SentHead {
    const known = this.#sent;
    if (known && sameFields(known.headers, headers)) return known;
    const { owns } = this.target.injector;
    const values = credentialValues(headers.filter((field) => !before.includes(field) && owns.includes(field[0].toLowerCase())));
    let written: WrittenHead | undefined;
    return (this.#sent = { headers, written: () => (written ??= writtenHead(method, path, headers)), own: values.length > 0 ? new EchoValues(values) : undefined });
  }

  #fieldsFor(body: BodyLength): [string, string][] {
    const { head, target: { injector } } = this;
    const masked = requestUnderMasks(head, this.#masks);
    // Links are looked for in text that is not compressed.
    const { without, added } = this.links ? { without: new Set([...masked.without, 'accept-encoding']), added: [['Accept-Encoding', 'identity']] satisfies [string, string][] } : masked;
    const all = fieldsForTarget(head, { owns: injector.owns, host: this.#host, session: this.#session.gated.session.id.slice(0, 12), body, without });
    for (const [name, value] of added) all.push([name, value]);
    if (head.upgrade) all.push(['Connection', 'Upgrade'], ['Upgrade', 'websocket']);
    return all;
  }
}

const sameFields = (one: Fields, other: Fields): boolean => one.length === other.length && one.every((field, index) => field === other[index] || (field[0] === other[index]?.[0] && field[1] === other[index]?.[1]));

/** RFC 9110 section 7.2: the port where it is not the one of the scheme. */
const hostOf = ({ host, port, tls }: { readonly host: string; readonly port: number; readonly tls: string }): string => {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (tls === 'disable' ? 80 : 443) ? name : `${name}:${port}`;
};
