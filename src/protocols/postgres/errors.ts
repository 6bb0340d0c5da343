import { toClient } from './encode.ts';
import type { ErrorField } from './messages.ts';

/** The conditions that the gateway itself reports, by their names in the manual, "PostgreSQL Error Codes". */
export const SqlState = {
  successful_completion: '00000',
  protocol_violation: '08P01',
  connection_failure: '08006',
  cannot_connect_now: '57P03',
  feature_not_supported: '0A000',
  invalid_parameter_value: '22023',
  data_exception: '22000',
  character_not_in_repertoire: '22021',
  invalid_authorization_specification: '28000',
  invalid_password: '28P01',
  in_failed_sql_transaction: '25P02',
  invalid_sql_statement_name: '26000',
  invalid_cursor_name: '34000',
  invalid_catalog_name: '3D000',
  syntax_error: '42601',
  undefined_table: '42P01',
  undefined_column: '42703',
  undefined_function: '42883',
  insufficient_privilege: '42501',
  insufficient_resources: '53000',
  disk_full: '53100',
  too_many_connections: '53300',
  program_limit_exceeded: '54000',
  object_in_use: '55006',
  query_canceled: '57014',
  admin_shutdown: '57P01',
  idle_session_timeout: '57P05',
  system_error: '58000',
  internal_error: 'XX000',
} as const;
export type SqlState = (typeof SqlState)[keyof typeof SqlState];

export type Severity = 'ERROR' | 'FATAL' | 'WARNING' | 'NOTICE';

/** What the gateway says in an ErrorResponse or NoticeResponse. */
export interface Report {
  readonly severity: Severity;
  readonly sqlState: SqlState;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Where in the client's text, in characters from 1. */
  readonly position?: number;
}

/** A NUL would end a field early; the protocol has no way to carry it. */
const text = (value: string): string => value.replaceAll('\0', '\uFFFD');

/** The fields of a report, in the order in which PostgreSQL sends them. */
const reportFields = (report: Report): ErrorField[] => {
  const fields = [
    { code: 'S', value: report.severity },
    { code: 'V', value: report.severity },
    { code: 'C', value: report.sqlState },
    { code: 'M', value: text(report.message) },
  ];
  if (report.detail !== undefined) fields.push({ code: 'D', value: text(report.detail) });
  if (report.hint !== undefined) fields.push({ code: 'H', value: text(report.hint) });
  if (report.position !== undefined) fields.push({ code: 'P', value: String(report.position) });
  return fields;
};

/** The bytes of an ErrorResponse. FATAL means that the connection is closed behind it. */
export const errorResponse = (report: Report): Buffer => toClient.error(reportFields(report));

/** The bytes of a NoticeResponse. */
export const noticeResponse = (report: Report): Buffer => toClient.notice(reportFields(report));

/** One field of an error or notice by its letter. */
export const field = (fields: readonly ErrorField[], code: string): string | undefined => fields.find((f) => f.code === code)?.value;
