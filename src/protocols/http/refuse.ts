import { linkTo, ruleName } from '../../approvals/words.ts';
import type { Refusal, RefusalCode } from '../../model/decision.ts';
import { awsProblem, codeOf, type AwsDialect } from './aws/refusals.ts';

/** The one place where a Refusal becomes HTTP's own error: RFC 9457. */

const STATUS: Readonly<Record<RefusalCode, number>> = {
  unauthenticated: 401,
  no_identity: 403,
  unknown_connection: 404,
  not_granted: 403,
  denied: 403,
  approval_required: 403,
  cancelled: 403,
  not_understood: 403,
  not_found: 404,
  // Not 5xx, although it may be the target's answer that is withheld: clients send such requests again.
  masking: 403,
  write_back: 403,
  limit: 429,
  protocol: 400,
  evidence_unavailable: 503,
  revoked: 403,
  target_unavailable: 502,
  shutting_down: 503,
  internal: 500,
};

const TITLE: Readonly<Record<number, string>> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 413: 'Content Too Large', 417: 'Expectation Failed', 421: 'Misdirected Request',
  429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported',
};

/** Seconds after which a client may try again. */
const RETRY_AFTER: Readonly<Record<number, number>> = { 429: 60, 503: 5 };
const RETRY_APPROVAL = 30;

/** A whole answer of the gateway's own. */
export interface Problem {
  readonly status: number;
  readonly fields: readonly [name: string, value: string][];
  readonly body: Buffer;
}

export interface Wording {
  /** Another status than that of the code. */
  readonly status?: number;
  /** Base address of the pages, for the link to an approval. */
  readonly pages?: string | undefined;
  /** A token was shown, and is not good. */
  readonly token?: 'shown' | 'missing';
  /** The client reads the errors of AWS only. */
  readonly dialect?: AwsDialect | undefined;
}

/** The answer of a refused request. */
export const problem = (refused: Refusal, { status = STATUS[refused.code], pages, token, dialect }: Wording = {}): Problem => {
  const link = refused.approval === undefined ? undefined : linkTo(pages, refused.approval);
  const fields: [string, string][] = [['Content-Type', 'application/problem+json'], ['Cache-Control', 'no-store']];
  const after = refused.retryAfter ?? (refused.code === 'approval_required' && refused.approval !== undefined ? RETRY_APPROVAL : RETRY_AFTER[status]);
  if (after !== undefined) fields.push(['Retry-After', String(after)]);
  if (status === 401) fields.push(['WWW-Authenticate', `Bearer realm="wicketgate"${token === 'shown' ? ', error="invalid_token"' : ''}`], ['WWW-Authenticate', 'Basic realm="wicketgate", charset="UTF-8"']);
  if (status === 407) fields.push(['Proxy-Authenticate', 'Basic realm="wicketgate", charset="UTF-8"'], ['Proxy-Authenticate', 'Bearer realm="wicketgate"']);
  if (dialect !== undefined) {
    const told = ['wicketgate:', refused.message, refused.hint, link].filter((part) => part !== undefined).join(' ');
    const aws = awsProblem(dialect, { code: codeOf(refused, status), message: told }, refused.session);
    return { status, fields: [...fields.slice(1), ...aws.fields], body: aws.body };
  }
  const body = {
    type: 'about:blank',
    title: TITLE[status] ?? 'Refused',
    status,
    detail: `wicketgate: ${refused.message}`,
    code: refused.code,
    ...(refused.hint === undefined ? {} : { hint: refused.hint }),
    ...(refused.rule === undefined ? {} : { rule: ruleName(refused.rule) }),
    ...(refused.session === undefined ? {} : { session: refused.session }),
    ...(refused.approval === undefined ? {} : { approval: refused.approval }),
    ...(link === undefined ? {} : { link }),
  };
  return { status, fields, body: Buffer.from(`${JSON.stringify(body)}\n`) };
};
