import type { RuleRef } from '../model/decision.ts';
import { refusal } from '../model/decision.ts';
import type { Refusal } from '../model/decision.ts';

/** Longest reason that a person may give, in characters. */
const LONGEST_REASON = 500;

/** Rule as people name it. */
export const ruleName = ({ policy, rule }: RuleRef): string => (rule === undefined ? policy : `${policy}/${rule}`);

/** Where people see a request. It carries an id and no right. */
export const linkTo = (url: string | undefined, request: string): string | undefined => (url === undefined ? undefined : `${url.replace(/\/+$/, '')}/approvals/${request}`);

const where = (url: string | undefined, request: string): string => linkTo(url, request) ?? `wicketgate approvals show ${request}`;

/** For the client while it is held. */
export const heldNotice = (request: string, url: string | undefined, until: number): string =>
  `waiting for approval of request ${request} until ${new Date(until).toISOString()}: ${where(url, request)}`;

/** For the client: it is not held (any longer), and runs when it is tried again after its approval. */
export const notHeld = (request: string, url: string | undefined, rule: RuleRef | undefined, why: string): Refusal =>
  refusal('approval_required', `${why} (request ${request})`, {
    approval: request,
    hint: `Run it again once the request is approved: ${where(url, request)}`,
    ...(rule === undefined ? {} : { rule }),
  });

/** For the client: people have said no. */
export const deniedBy = (request: string, reason: string | undefined, rule?: RuleRef): Refusal =>
  refusal('denied', `an approver denied this command${reason === undefined ? '' : `: ${reason}`} (request ${request})`, { approval: request, ...(rule === undefined ? {} : { rule }) });

/**
 * Why a text cannot be a reason, or undefined when it can: one line, nothing invisible. It reaches terminals, pages and the client, where
 * control characters and marks that turn the direction of writing could make it say something else.
 */
export function badReason(reason: unknown): string | undefined {
  if (typeof reason !== 'string' || reason.trim() === '') return 'a reason is needed';
  if (reason.length > LONGEST_REASON) return `the reason has ${reason.length} characters; at most ${LONGEST_REASON} are kept`;
  if (!reason.isWellFormed() || /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(reason)) return 'the reason must be one line without control characters or invisible marks';
  return undefined;
}
