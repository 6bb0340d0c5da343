import { formatHostPort } from '../../config/units.ts';
import { refusal, type Refusal } from '../../model/decision.ts';
import { NotSignable } from '../../secrets/upstream/not-signable.ts';
import { CredentialUnavailable } from '../../secrets/upstream/unavailable.ts';
import { TargetFault } from './exchange.ts';
import type { Wording } from './refuse.ts';
import type { HttpSession } from './session.ts';

/** Evidence cannot be written. */
export class Unwritable extends Error {
  readonly refusal: Refusal;
  constructor(why: Refusal) {
    super(why.message);
    this.refusal = why;
  }
}

/** What a client is told of what went wrong on the way to the target, or in the gateway; the operator reads it in the log. */
export const failureOf = (error: unknown, { log, connection, gated }: HttpSession): { readonly refused: Refusal; readonly wording?: Wording } => {
  const named = { session: gated.session.id };
  if (error instanceof TargetFault) {
    log.warn({ connection: connection.name, target: formatHostPort(connection.target), fault: error.kind, why: error.message, ...(error.code === undefined ? {} : { code: error.code }) }, 'target unavailable');
    return { refused: refusal('target_unavailable', `connection ${connection.name}: ${error.message}`, named), ...(error.kind === 'late' ? { wording: { status: 504 } } : {}) };
  }
  if (error instanceof Unwritable) return { refused: error.refusal };
  if (error instanceof NotSignable) return { refused: refusal('protocol', error.message, named) };
  if (error instanceof CredentialUnavailable || (error instanceof DOMException && error.name === 'TimeoutError')) {
    log.warn({ connection: connection.name, why: error.message }, 'the credential of the target is unavailable');
    return { refused: refusal('target_unavailable', `connection ${connection.name}: the gateway has no credential for the target now`, named) };
  }
  log.error({ error: error instanceof Error ? error.stack : 'unknown' }, 'request failed');
  return { refused: refusal('internal', 'the gateway failed', named) };
};
