import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { MaskSet } from '../../masking/plan.ts';
import { credentialValues, EchoValues } from './echo.ts';
import { fieldsForTarget } from './fields.ts';
import { writtenFields, type WrittenFields } from './h1-fields.ts';
import type { BodyLength, Fields, RequestHead } from './head.ts';
import type { HeaderSection } from './header-section.ts';
import { requestUnderMasks } from './mask.ts';
import type { HttpSession } from './session.ts';
import type { Target } from './targets.ts';
import { EXTENSIONS } from './websocket.ts';

/** Header fields as they go to the target, with the credential. */
export interface CreditedFields {
  readonly fields: Fields;
  /** As they are said in HTTP/1.1. */
  readonly written: () => WrittenFields;
  /** What may not come back; undefined: nothing of it can be looked for. */
  readonly own: EchoValues | undefined;
}

/** Without the credential. */
export type ChosenFields = readonly [name: string, value: string][];

/** What the fields of a section depend on beside it. */
interface Asked {
  readonly method: string;
  readonly upgrade: boolean;
  readonly links: boolean;
  /** Those that apply now: a reload may bring others while a request is held. */
  readonly masks: MaskSet;
}

/**
 * The header fields of a section as they go to the target. All of them follow from the section, the connection as it is configured, its masks and the session: while these
 * are the same, they are neither chosen nor written again, whatever address they go to.
 */
export class SentFields {
  readonly target: Target;
  readonly connection: HttpConnectionConfig;
  /** What the target is told as `Host`. */
  readonly host: string;
  readonly #section: HeaderSection;
  readonly #session: HttpSession;
  #last: (Asked & { readonly fields: ChosenFields }) | undefined;
  #credited: CreditedFields | undefined;

  /** @param connection as it was when the head was read */
  constructor(section: HeaderSection, session: HttpSession, target: Target, connection: HttpConnectionConfig) {
    this.target = target;
    this.connection = connection;
    this.host = this.connection.http.host ?? hostOf(this.connection.target);
    this.#section = section;
    this.#session = session;
  }

  /** They are the same for this session and target, as they are now. */
  hold(session: HttpSession, target: Target): boolean {
    return this.#session === session && this.target === target && this.connection === session.connection;
  }

  /** A reload has led its connection to another target or place there, has given it another credential, or reads its requests in another way, since they were read. */
  get astray(): boolean {
    const [read, now] = [this.connection, this.#session.connection];
    return read !== now && JSON.stringify([read.target, read.credential, read.http]) !== JSON.stringify([now.target, now.credential, now.http]);
  }

  /** Without the credential. @param links the answer has links of the target in it */
  of(head: RequestHead, links: boolean, body: BodyLength): ChosenFields {
    const { method } = head;
    const upgrade = head.upgrade !== undefined;
    const { masks } = this.#session.gated;
    if (body !== this.#section.body) return this.#choose(head, { links, masks }, body);
    const last = this.#last;
    if (last && last.method === method && last.upgrade === upgrade && last.links === links && last.masks === masks) return last.fields;
    const fields = this.#choose(head, { links, masks }, body);
    this.#last = { method, upgrade, links, masks, fields };
    return fields;
  }

  /** With it: what they were the last time, where that is the same. @param before the same without it */
  credited(fields: Fields, before: Fields): CreditedFields {
    const known = this.#credited;
    if (known && sameFields(known.fields, fields)) return known;
    const { owns } = this.target.injector;
    const values = credentialValues(fields.filter((field) => !before.includes(field) && owns.includes(field[0].toLowerCase())));
    let written: WrittenFields | undefined;
    return (this.#credited = { fields, written: () => (written ??= writtenFields(fields)), own: values.length > 0 ? new EchoValues(values) : undefined });
  }

  #choose(head: RequestHead, { links, masks }: Pick<Asked, 'links' | 'masks'>, body: BodyLength): ChosenFields {
    const { target: { injector } } = this;
    const masked = requestUnderMasks(head, masks);
    // Links are looked for in text that is not compressed.
    const { without: left, added } = links ? { without: new Set([...masked.without, 'accept-encoding']), added: [['Accept-Encoding', 'identity']] satisfies [string, string][] } : masked;
    const without = head.upgrade ? new Set([...left, EXTENSIONS]) : left;
    const all = fieldsForTarget(head, { owns: injector.owns, host: this.host, session: this.#session.gated.session.id.slice(0, 12), body, without });
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
