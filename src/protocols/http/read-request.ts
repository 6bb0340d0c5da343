import type { RequestFacts } from '../../model/request.ts';
import type { OutgoingHead } from '../../secrets/upstream/injector.ts';
import { commandOf, type HttpCommand, type SectionFacts } from './commands.ts';
import type { BodyLength, RequestHead } from './head.ts';
import { answersWithLinks } from './links.ts';
import type { ChosenFields, CreditedFields, SentFields } from './sent-fields.ts';
import type { Target } from './targets.ts';

/** A request on its way out: what of it goes to the target beside its credential. */
export interface Outgoing {
  /** The list of its header fields is the caller's. */
  readonly head: OutgoingHead;
  /** The same fields, as they are without the credential. */
  readonly before: ChosenFields;
}

/**
 * A request whose head was read: how it is judged, recorded and sent. All of it follows from the head and from what its fields depend on. While these are the same, a client
 * that sends the same head again is neither read nor worded again; decided and recorded it is each time.
 */
export class ReadRequest {
  readonly head: RequestHead;
  /** How its header fields are sent. */
  readonly sending: SentFields;
  /** Its body is not read yet. */
  readonly facts: RequestFacts;
  readonly rawQuery: string;
  /** Its answer has links of the target in it, which are to lead through the gateway. */
  readonly links: boolean;
  readonly #of: SectionFacts;
  #command: HttpCommand | undefined;

  constructor(head: RequestHead, { facts, rawQuery, of, sending }: { readonly facts: RequestFacts; readonly rawQuery: string; readonly of: SectionFacts; readonly sending: SentFields }) {
    this.head = head;
    this.facts = facts;
    this.rawQuery = rawQuery;
    this.sending = sending;
    this.#of = of;
    this.links = answersWithLinks(sending.connection, facts);
  }

  get target(): Target {
    return this.sending.target;
  }

  /** As the pipeline and policy see it. @param facts with what was read of its body */
  command(facts: RequestFacts): HttpCommand {
    if (facts === this.facts && this.#command) return this.#command;
    const command = commandOf(this.head, facts, this.rawQuery, this.target.api, this.#of);
    if (facts === this.facts) this.#command = command;
    return command;
  }

  /** As it goes to the target, but for its credential. */
  outgoing(length: BodyLength, body: OutgoingHead['body']): Outgoing {
    const { head, facts: { path }, rawQuery, sending } = this;
    const { host, connection: { http: { basePath }, target: { tls } } } = sending;
    const before = sending.of(head, this.links, length);
    return { head: { method: head.method, scheme: tls === 'disable' ? 'http' : 'https', authority: host, path: `${basePath}${path}${rawQuery === '' ? '' : `?${rawQuery}`}`, headers: [...before], body }, before };
  }

  /** Its fields with the credential. */
  credited({ head: { headers }, before }: Outgoing): CreditedFields {
    return this.sending.credited(headers, before);
  }
}
