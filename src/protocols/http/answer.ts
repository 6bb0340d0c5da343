import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { MaskSet } from '../../masking/plan.ts';
import type { Release } from './back.ts';
import { cookieForClient } from './cookie.ts';
import type { Echo } from './echo.ts';
import { isBodiless, streamOf, type TargetAnswer } from './exchange.ts';
import { fieldName } from './field-names.ts';
import { fieldsForClient, single } from './fields.ts';
import type { Fields, RequestHead } from './head.ts';
import { throughLinks } from './links.ts';
import { leadsPast, linkForClient, placeForClient, type Outside } from './location.ts';
import { maskedAnswer } from './mask.ts';
import { lookedThrough } from './packed-echo.ts';
import { messagesLookedThrough } from './message-echo.ts';

/** How an answer goes to the client: what belongs to the hop is gone, places lead through the gateway, protected values and the gateway's credential are masked. */
export const releaseOf = (answer: TargetAnswer, head: RequestHead, parts: ReleaseParts): Release | { readonly withheld: string } => {
  const release = passed(answer, head, parts);
  if (!parts.links || 'withheld' in release || release.head.bodiless || !isPlainJson(release.head.fields)) return release;
  return { ...release, head: { ...release.head, length: undefined }, body: throughLinks(streamOf(release.body), parts.connection, parts.outside) };
};

export interface ReleaseParts {
  readonly connection: HttpConnectionConfig;
  readonly masks: MaskSet;
  readonly outside: Outside;
  /** Its JSON has links of the API in it. */
  readonly links: boolean;
  /** Finds the credential; undefined: there is none. */
  readonly echo: Echo | undefined;
  /** The target was asked for a part. */
  readonly partAsked: boolean;
}

const isPlainJson = (fields: Fields): boolean => /^application\/json\b/i.test(single(fields, 'content-type') ?? '') && !fields.some(([name]) => fieldName(name).lower === 'content-encoding');

const passed = (raw: TargetAnswer, head: RequestHead, { connection, masks, outside, echo, partAsked }: ReleaseParts): Release | { readonly withheld: string } => {
  const answer = echo ? { ...raw, fields: echo.fields(raw.fields) } : raw;
  const { status, length, body } = answer;
  const bodiless = isBodiless(head.method, status);
  const past = answer.fields.find(([name, value]) => fieldName(name).place && fieldName(name).lower !== 'set-cookie' && leadsPast(value, connection, outside, fieldName(name).lower));
  if (past) return { withheld: `the answer names an address of another host in ${past[0].toLowerCase()} that is leave by itself (signed, or an upload that goes on there), and leads past the gateway` };
  const masked = maskedAnswer(answer, head, masks, echo, partAsked);
  if (masked !== undefined && 'withheld' in masked) return masked;
  const fields = withPlaces(fieldsForClient(masked?.fields ?? answer.fields), connection, outside);
  if (masked) return { head: { status, fields, length: masked.length, bodiless }, body: masked.body, masked: masked.masked, eager: masked.eager };
  const { trailers } = answer;
  // The status of a call stands behind its messages, for which a length leaves no place.
  const whole = Buffer.isBuffer(body) ? body.length : head.call && trailers ? undefined : length;
  const sought = bodiless || whole === 0 ? undefined : echo;
  const messages = sought && head.call ? messagesLookedThrough(body, answer.fields, sought) : undefined;
  const looked = sought && !messages ? lookedThrough(body, answer.fields, sought) : undefined;
  // What is looked through unpacked may have to be refused instead. A coding that nobody knows may be none: some targets say `utf-8` there.
  return { head: { status, fields, length: status === 204 ? undefined : bodiless ? length : whole, bodiless }, body: messages ?? looked ?? body, masked: undefined, eager: !looked, trailers: trailers && (() => fieldsForClient(echo?.fields(trailers()) ?? trailers())), echo: looked ? undefined : echo };
};

const withPlaces = (fields: Fields, connection: HttpConnectionConfig, outside: Outside): Fields => {
  if (!fields.some(([name]) => fieldName(name).place)) return fields;
  return fields.flatMap((field): Fields => {
    const [name, value] = field;
    const { lower, place: names } = fieldName(name);
    if (!names) return [field];
    const place = lower === 'set-cookie' ? cookieForClient(value, connection, outside) : lower === 'link' ? linkForClient(value, connection, outside) : placeForClient(value, connection, outside);
    return place === undefined ? [] : [[name, place]];
  });
};
