import type { FastifyError } from 'fastify';
import { AnswerRefused } from '../../approvals/approvals.ts';
import { Refused as NotDone } from '../../evidence/retention/steward.ts';
import type { Logger } from '../../model/logger.ts';
import type { Problem } from '../api/schema/forms.ts';
import { Refused } from '../api/refused.ts';
import { ReadingFailed } from '../reading/reader.ts';

/** What is told of an error. Only errors of ours have words for people; of any other only that there was one. */
export const problemOf = (error: unknown, request: string, log: Logger): { readonly status: number; readonly problem: Problem; readonly retryAfter?: number } => {
  const problem = (status: number, code: string, message: string): { status: number; problem: Problem } => ({ status, problem: { code, message, request } });
  if (error instanceof Refused) return { ...problem(error.status, error.code, error.message), ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }) };
  if (error instanceof AnswerRefused) return problem(ANSWER_STATUS[error.code], error.code, error.message);
  if (error instanceof NotDone) return problem(409, 'conflict', error.message);
  if (error instanceof ReadingFailed) {
    if (error.code === 'invalid') return problem(400, 'invalid', error.message);
    log.warn({ reason: error.message, request }, 'recorded things could not be read for a page');
    return problem(503, 'unavailable', error.code === 'busy' ? error.message : 'the records could not be read: wicketgate evidence verify says whether something is wrong with them');
  }
  const { statusCode = 500, code, message } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_VALIDATION') return problem(400, 'invalid', String(message).slice(0, 500));
  if (statusCode === 413) return problem(413, 'too_large', 'the request is too large');
  if (statusCode >= 400 && statusCode < 500) return problem(statusCode, 'invalid', 'the request is not what the API takes');
  log.error({ request, reason: error instanceof Error ? error.message : 'unknown' }, 'a request to the control plane failed');
  return problem(500, 'internal', 'the gateway could not do it; its log says why');
};

const ANSWER_STATUS: Readonly<Record<AnswerRefused['code'], number>> = { unknown: 404, over: 410, not_approver: 403, forbidden: 403, reason: 400, already: 409, digest: 409, evidence: 503 };
