import { linkTo } from '../../approvals/words.ts';
import type { Refusal, RefusalCode } from '../../model/decision.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { TargetPool } from './dial.ts';
import { TargetFault, type TargetAnswer } from './exchange.ts';
import type { Place } from './h2-pool.ts';
import type { RequestHead } from './head.ts';
import { problem, type Problem, type Wording } from './refuse.ts';

/** How long the stream of a call may stand still where nobody says how long: a stream of events may be quiet for long. */
export const CALL_IDLE_MS = 15 * 60_000;
/** The longest that a call may say itself. */
const LONGEST_MS = 24 * 60 * 60_000;

/** Status codes of gRPC. */
const STATUS: Readonly<Record<RefusalCode, number>> = {
  unauthenticated: 16,
  no_identity: 7,
  unknown_connection: 12,
  not_granted: 7,
  denied: 7,
  approval_required: 7,
  cancelled: 7,
  not_understood: 7,
  not_found: 5,
  masking: 7,
  write_back: 7,
  limit: 8,
  protocol: 3,
  evidence_unavailable: 14,
  revoked: 7,
  target_unavailable: 14,
  shutting_down: 14,
  internal: 13,
};
const DEADLINE_EXCEEDED = 4;

/** What the gateway answers a request that it refuses: a problem of RFC 9457, or, to a call of gRPC, a head that is also the end, with a status. */
export const refusalAnswer = (head: RequestHead, refused: Refusal, wording: Wording = {}): Problem =>
  head.call ? { status: 200, fields: [['content-type', isNativeCall(head) ? 'application/grpc' : 'application/grpc-web'], ...callStatus(refused, wording)], body: Buffer.alloc(0) } : problem(refused, wording);

/** The end of a call that is refused, or cut short. */
export const callStatus = (refused: Refusal, { status, pages }: Wording = {}): [string, string][] => {
  const link = refused.approval === undefined ? undefined : linkTo(pages, refused.approval);
  const words = [`wicketgate: ${refused.message}`, refused.hint, link, refused.session === undefined ? undefined : `session ${refused.session}`].filter((part) => part !== undefined);
  return [['grpc-status', String(status === 504 ? DEADLINE_EXCEEDED : STATUS[refused.code])], ['grpc-message', percentEncoded(words.join('; '))]];
};

/** What is not printable ASCII, and the percent sign itself, as the protocol of gRPC wants it. */
const percentEncoded = (text: string): string => {
  let encoded = '';
  for (const byte of Buffer.from(text)) encoded += byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
};

const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** How long the head of the answer to a call is waited for: it may come only with the first message. */
export const callDeadline = ({ values }: RequestHead): number => {
  const [, digits, unit] = /^([0-9]{1,8})([HMSmun])$/.exec(values.get('grpc-timeout')?.[0] ?? '') ?? [];
  if (digits === undefined || unit === undefined) return CALL_IDLE_MS;
  return Math.min(LONGEST_MS, Math.ceil(Number(digits) * (UNITS[unit] ?? 0)) + 1_000);
};

/**
 * How a call ended: by the status at its end, which stands in the head where there is nothing else. One that was given whole has to have it; of gRPC-Web it
 * mostly stands in the body, which is not read.
 *
 * @param without what a call is whose status is not there, where it was not given whole
 */
export const outcomeOfCall = ({ status, fields, trailers }: TargetAnswer, head: RequestHead, without?: Outcome['status']): { readonly status: Outcome['status']; readonly code: string } => {
  const said = [...(trailers?.() ?? []), ...fields].find(([name]) => name.toLowerCase() === 'grpc-status')?.[1];
  if (said === undefined || !/^[0-9]{1,3}$/.test(said)) return { status: without ?? (isNativeCall(head) || status >= 400 ? 'error' : 'ok'), code: String(status) };
  return { status: said === '0' ? 'ok' : 'error', code: `${status} grpc ${Number(said)}` };
};

const isNativeCall = (head: RequestHead): boolean => head.call && !/^application\/grpc-web/i.test(head.values.get('content-type')?.[0] ?? '');

/** It may go in HTTP/2: `placeFor` says whether. */
export const mayGoInHttp2 = (pool: TargetPool, head: RequestHead): boolean => (head.http2 === true && pool.scheme === 'https') || isNativeCall(head);

/**
 * Where a request goes in HTTP/2: one that came in it, to a target that agrees to it in its TLS handshake, and every call of gRPC, which is nothing
 * without it. Undefined: in HTTP/1.1. Rejects with TargetFault.
 */
export const placeFor = async (pool: TargetPool, head: RequestHead): Promise<Place | undefined> => {
  const call = isNativeCall(head);
  if (!mayGoInHttp2(pool, head)) return undefined;
  const place = await pool.http2.place();
  if (!place && call) throw new TargetFault('broken', 'the target does not speak HTTP/2, which gRPC needs');
  return place;
};
