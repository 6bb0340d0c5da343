/** Why a login at a target did not succeed. */
export type DialFault =
  | 'network' // no route, refused, reset, name not found
  | 'deadline'
  | 'aborted'
  | 'tls_refused' // the server does not speak TLS, and the configuration demands it
  | 'tls_unverified' // its certificate is not from the CA, not for the host, or out of date
  | 'tls' // the handshake failed otherwise
  | 'login_refused' // the gateway's own credential, database or host rule is wrong
  | 'parameter_refused' // a startup parameter of the client's that passed, but that the server does not take
  | 'too_many_connections'
  | 'starting_up' // or shutting down, or in recovery
  | 'unsupported_authentication'
  | 'server_unverified' // it did not prove that it knows the password
  | 'no_password' // it asks for one and the connection has none
  | 'protocol'
  | 'server_error'; // any other error of its own

/**
 * A target cannot be used. The message is for operators and clients: our own words, never where the target is, never text of the
 * server, which may repeat names, and never a secret.
 */
export class DialError extends Error {
  readonly fault: DialFault;
  /** SQLSTATE of the server, or the code of the system or of TLS. */
  readonly code?: string;
  constructor(fault: DialFault, message: string, code?: string) {
    super(code === undefined ? message : `${message} (${code})`);
    this.name = 'DialError';
    this.fault = fault;
    if (code !== undefined) this.code = code;
  }
}

/** The fault behind a SQLSTATE that a server answers a login with. */
export const faultOfSqlState = (sqlState: string): DialFault => {
  if (sqlState.startsWith('28') || sqlState === '3D000' || sqlState === '42501') return 'login_refused';
  if (sqlState.startsWith('22') || sqlState === '42704') return 'parameter_refused';
  if (sqlState === '53300') return 'too_many_connections';
  if (sqlState.startsWith('57P0')) return 'starting_up';
  if (sqlState.startsWith('08')) return 'protocol';
  return 'server_error';
};
