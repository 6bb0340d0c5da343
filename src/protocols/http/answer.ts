import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { MaskSet } from '../../masking/plan.ts';
import type { Release } from './back.ts';
import type { TargetAnswer } from './exchange.ts';
import { fieldsForClient } from './fields.ts';
import type { Fields, RequestHead } from './head.ts';
import { PLACES, placeForClient, type Outside } from './location.ts';
import { maskedAnswer } from './mask.ts';

const NOTHING: ReadonlySet<string> = new Set();

/** How an answer goes to the client: what belongs to the hop is gone, places lead through the gateway, protected values are masked. */
export const releaseOf = (
  answer: TargetAnswer,
  head: RequestHead,
  { connection, masks, outside }: { readonly connection: HttpConnectionConfig; readonly masks: MaskSet; readonly outside: Outside },
): Release | { readonly withheld: string } => {
  const { status, length, body } = answer;
  const bodiless = head.method === 'HEAD' || status === 204 || status === 304;
  const masked = maskedAnswer(answer, head, masks);
  if (masked !== undefined && 'withheld' in masked) return masked;
  const fields = withPlaces(fieldsForClient(masked?.fields ?? answer.fields, NOTHING), connection, outside);
  if (masked) return { head: { status, fields, length: masked.length, bodiless }, body: masked.body, masked: masked.masked, eager: masked.eager };
  return { head: { status, fields, length: status === 204 ? undefined : length, bodiless }, body, masked: undefined, eager: true };
};

const withPlaces = (fields: Fields, connection: HttpConnectionConfig, outside: Outside): [string, string][] =>
  fields.flatMap(([name, value]): [string, string][] => {
    if (!PLACES.has(name.toLowerCase())) return [[name, value]];
    const place = placeForClient(value, connection, outside);
    return place === undefined ? [] : [[name, place]];
  });
