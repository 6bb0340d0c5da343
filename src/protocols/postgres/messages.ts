/**
 * The messages of PostgreSQL protocol 3 as a tagged union, named as in the manual. Views (`Buffer`) share memory with the
 * frame that was decoded: copy what has to outlive it. No socket, no state, no column values are interpreted here.
 */

/** 0 is text, 1 is binary. There are no others. */
export type Format = 0 | 1;

export interface Query {
  readonly kind: 'Query';
  readonly text: string;
}
export interface Parse {
  readonly kind: 'Parse';
  /** Empty for the unnamed statement. */
  readonly statement: string;
  readonly text: string;
  /** Type OIDs; 0 leaves a type to the server. May be fewer than the parameters. */
  readonly parameterTypes: readonly number[];
}
export interface Bind {
  readonly kind: 'Bind';
  readonly portal: string;
  readonly statement: string;
  /** As sent: none (all text), one (for all), or one for each value. */
  readonly formats: readonly Format[];
  /** null is SQL NULL. */
  readonly values: readonly (Buffer | null)[];
  readonly resultFormats: readonly Format[];
}
export interface Describe {
  readonly kind: 'Describe';
  readonly what: 'statement' | 'portal';
  readonly name: string;
}
export interface Close {
  readonly kind: 'Close';
  readonly what: 'statement' | 'portal';
  readonly name: string;
}
export interface Execute {
  readonly kind: 'Execute';
  readonly portal: string;
  /** 0 is no limit. */
  readonly maxRows: number;
}
/** Password, SASLInitialResponse, SASLResponse or GSSResponse, whichever was asked for. */
export interface Password {
  readonly kind: 'Password';
  readonly data: Buffer;
}
/** Known so that it can be refused by name; its arguments are not looked at. */
export interface FunctionCall {
  readonly kind: 'FunctionCall';
  readonly function: number;
}
export interface CopyData {
  readonly kind: 'CopyData';
  readonly data: Buffer;
}
export interface CopyFail {
  readonly kind: 'CopyFail';
  readonly reason: string;
}
export interface Bare<Kind extends string> {
  readonly kind: Kind;
}

export type FrontendMessage = Query | Parse | Bind | Describe | Close | Execute | Password | FunctionCall | CopyData | CopyFail | Bare<'Sync' | 'Flush' | 'CopyDone' | 'Terminate'>;

export type Authentication = { readonly kind: 'Authentication' } & (
  | { readonly method: 'Ok' | 'KerberosV5' | 'CleartextPassword' | 'GSS' | 'SSPI' }
  | { readonly method: 'MD5Password'; readonly salt: Buffer }
  | { readonly method: 'GSSContinue' | 'SASLContinue' | 'SASLFinal'; readonly data: Buffer }
  | { readonly method: 'SASL'; readonly mechanisms: readonly string[] }
);
export interface BackendKeyData {
  readonly kind: 'BackendKeyData';
  readonly processId: number;
  /** 4 bytes in protocol 3.0, 4 to 256 in 3.2. */
  readonly key: Buffer;
}
export interface ParameterStatus {
  readonly kind: 'ParameterStatus';
  readonly name: string;
  readonly value: string;
}
/** I idle, T in a block, E in a block that failed. */
export type TransactionStatus = 'I' | 'T' | 'E';
export interface ReadyForQuery {
  readonly kind: 'ReadyForQuery';
  readonly status: TransactionStatus;
}
export interface FieldDescription {
  readonly name: string;
  /** OID of the table the column is read from, or 0. */
  readonly table: number;
  /** Attribute number in that table, or 0; system columns are negative. */
  readonly column: number;
  readonly type: number;
  /** Negative: variable width. */
  readonly size: number;
  readonly modifier: number;
  /** 0 when it comes from Describe of a statement: the format is not known yet. */
  readonly format: Format;
}
export interface RowDescription {
  readonly kind: 'RowDescription';
  readonly fields: readonly FieldDescription[];
}
export interface ParameterDescription {
  readonly kind: 'ParameterDescription';
  readonly types: readonly number[];
}
export interface DataRow {
  readonly kind: 'DataRow';
  readonly values: readonly (Buffer | null)[];
}
export interface CommandComplete {
  readonly kind: 'CommandComplete';
  readonly tag: string;
}
/** One field of an error or notice: its letter as in the manual, "Error and Notice Message Fields". */
export interface ErrorField {
  readonly code: string;
  readonly value: string;
}
export interface ErrorResponse {
  readonly kind: 'ErrorResponse';
  readonly fields: readonly ErrorField[];
}
export interface NoticeResponse {
  readonly kind: 'NoticeResponse';
  readonly fields: readonly ErrorField[];
}
export interface NotificationResponse {
  readonly kind: 'NotificationResponse';
  readonly processId: number;
  readonly channel: string;
  readonly payload: string;
}
export interface CopyResponse {
  readonly kind: 'CopyInResponse' | 'CopyOutResponse' | 'CopyBothResponse';
  readonly format: Format;
  readonly columnFormats: readonly Format[];
}
export interface NegotiateProtocolVersion {
  readonly kind: 'NegotiateProtocolVersion';
  readonly minor: number;
  /** Protocol options that the server does not know. */
  readonly options: readonly string[];
}
export interface FunctionCallResponse {
  readonly kind: 'FunctionCallResponse';
  readonly value: Buffer | null;
}

export type BackendMessage =
  | Authentication
  | BackendKeyData
  | ParameterStatus
  | ReadyForQuery
  | RowDescription
  | ParameterDescription
  | DataRow
  | CommandComplete
  | ErrorResponse
  | NoticeResponse
  | NotificationResponse
  | CopyResponse
  | CopyData
  | NegotiateProtocolVersion
  | FunctionCallResponse
  | Bare<'ParseComplete' | 'BindComplete' | 'CloseComplete' | 'EmptyQueryResponse' | 'NoData' | 'PortalSuspended' | 'CopyDone'>;
