import type { Refusal, RefusalCode } from '../../model/decision.ts';
import type { InvalidText, Understood } from '../../sql/understand.ts';
import { undefinedName } from './commands.ts';
import { errorResponse, SqlState, type Report } from './errors.ts';

/** The one place where a Refusal becomes PostgreSQL's own error. */

const SQLSTATE: Readonly<Record<RefusalCode, SqlState>> = {
  unauthenticated: SqlState.invalid_password,
  no_identity: SqlState.invalid_authorization_specification,
  unknown_connection: SqlState.invalid_catalog_name,
  not_granted: SqlState.invalid_authorization_specification,
  denied: SqlState.insufficient_privilege,
  approval_required: SqlState.insufficient_privilege,
  cancelled: SqlState.query_canceled,
  not_understood: SqlState.insufficient_privilege,
  not_found: SqlState.undefined_table,
  masking: SqlState.insufficient_privilege,
  write_back: SqlState.insufficient_privilege,
  limit: SqlState.program_limit_exceeded,
  protocol: SqlState.protocol_violation,
  evidence_unavailable: SqlState.system_error,
  revoked: SqlState.admin_shutdown,
  target_unavailable: SqlState.connection_failure,
  shutting_down: SqlState.admin_shutdown,
  internal: SqlState.internal_error,
};

const detail = (refused: Refusal): { detail?: string } => (refused.session === undefined ? {} : { detail: `wicketgate session ${refused.session}` });

/** The words of the target itself, which clients look for, where it does not have what was named. */
const notFound = ({ object, message }: Refusal): { readonly sqlState: SqlState; readonly message: string } => {
  if (object?.kind === 'column') return { sqlState: SqlState.undefined_column, message: `column "${object.name}" does not exist` };
  // The types of the arguments are not known here.
  if (object?.kind === 'function') return { sqlState: SqlState.undefined_function, message: `function ${object.name}() does not exist` };
  return { sqlState: SqlState.undefined_table, message: `relation ${message}` };
};

/** The server's own condition in the place of ours, with its own words where it has some. */
export type Wording = SqlState | { readonly sqlState: SqlState; readonly message: string; readonly position?: number };

const worded = (refused: Refusal, wording: Wording): Pick<Report, 'sqlState' | 'message' | 'position'> => {
  if (typeof wording === 'object') return wording;
  // The server's own words: clients look for them.
  if (refused.code === 'cancelled') return { sqlState: wording, message: refused.message };
  return refused.code === 'not_found' ? notFound(refused) : { sqlState: wording, message: `wicketgate: ${refused.message}` };
};

/** ErrorResponse of a refused command: the session goes on. */
export const refusedCommand = (refused: Refusal, wording: Wording = SQLSTATE[refused.code]): Buffer =>
  errorResponse({
    severity: 'ERROR',
    ...worded(refused, wording),
    ...detail(refused),
    ...(refused.hint === undefined ? {} : { hint: refused.hint }),
  });

/** Refusals that say no more than that the text was not understood, when it was none. */
const BY_TEXT: ReadonlySet<RefusalCode> = new Set(['denied', 'not_understood', 'masking']);

const INVALID: Readonly<Record<InvalidText['kind'], SqlState>> = { syntax: SqlState.syntax_error, encoding: SqlState.character_not_in_repertoire, cancelled: SqlState.query_canceled };

/**
 * PostgreSQL's own condition for a text that it would not take, or for what the message names and nobody has defined, when it was
 * refused for that: a mistake looks like one. It is refused, recorded and has the consequences of any refusal all the same.
 */
export const serverWording = (refused: Refusal, understood: Understood): Wording | undefined => {
  const { invalid } = understood;
  if (invalid && BY_TEXT.has(refused.code)) {
    const { kind, message, position } = invalid;
    return { sqlState: INVALID[kind], message, ...(position === undefined ? {} : { position }) };
  }
  const missing = refused.code === 'not_understood' ? undefinedName(understood) : undefined;
  return missing && (missing === 'prepared' ? SqlState.invalid_sql_statement_name : SqlState.invalid_cursor_name);
};

/** At login the client is told what stands in its way as a server would, not what it may not do. */
const LOGIN_SQLSTATE: Partial<Record<RefusalCode, SqlState>> = {
  unauthenticated: SqlState.invalid_password,
  unknown_connection: SqlState.invalid_catalog_name,
  limit: SqlState.too_many_connections,
  evidence_unavailable: SqlState.cannot_connect_now,
  shutting_down: SqlState.cannot_connect_now,
  target_unavailable: SqlState.connection_failure,
};

/** What a client that may not log in is told; `Login.refuse` says it. */
export const refusedLogin = (refused: Refusal): Omit<Report, 'severity'> => ({
  sqlState: LOGIN_SQLSTATE[refused.code] ?? SqlState.invalid_authorization_specification,
  message: `wicketgate: ${refused.message}`,
  ...(refused.hint === undefined ? {} : { hint: refused.hint }),
  ...detail(refused),
});

/** ErrorResponse that ends the connection. */
export const refusedSession = (refused: Refusal): Buffer =>
  errorResponse({
    severity: 'FATAL',
    // The only limit that ends a live session is its age; clients connect again after 57P01.
    sqlState: refused.code === 'limit' ? SqlState.admin_shutdown : SQLSTATE[refused.code],
    message: `wicketgate: ${refused.message}`,
    ...detail(refused),
    ...(refused.hint === undefined ? {} : { hint: refused.hint }),
  });

/**
 * What is sent to the target in place of a refused message, so that its transaction fails as it would by its own permission
 * error: text that no PostgreSQL parses. It names the session, because the target's log will show it.
 */
export const unparsableText = (session: string): string => `wicketgate refused a statement of session ${session}`;
