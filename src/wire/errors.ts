/** Why bytes were not what the protocol allows. */
export type WireFault =
  | 'truncated' // a message ends before what it declares
  | 'trailing' // a message has bytes left over
  | 'malformed' // a count or a flag is not valid
  | 'encoding' // a text is not UTF-8
  | 'too_large' // a declared length is above the limit
  | 'unknown_type' // a message type that the protocol does not have
  | 'dead'; // the parser failed before and cannot go on

/**
 * What came from the network does not follow the protocol. The only error that parsers and decoders throw on hostile
 * input. The message names the place and never repeats the bytes.
 */
export class WireError extends Error {
  readonly fault: WireFault;
  /** Of a message that is too large: its bytes, most of which the peer has yet to send. */
  readonly due?: number;
  constructor(fault: WireFault, message: string, due?: number) {
    super(message);
    this.name = 'WireError';
    this.fault = fault;
    if (due !== undefined) this.due = due;
  }
}

/** Why a connection could not be used while a handshake was under way. */
export type ChannelFault = 'closed' | 'deadline' | 'too_many_bytes' | 'tls' | 'aborted';

/** A handshake ended for a reason outside the messages: the peer left, was too slow, sent too much, or TLS failed. */
export class ChannelError extends Error {
  readonly fault: ChannelFault;
  /** Code of the system or of TLS (`ECONNRESET`, `ERR_SSL_UNSUPPORTED_PROTOCOL`), when there is one. */
  readonly code?: string;
  constructor(fault: ChannelFault, message: string, code?: string) {
    super(message);
    this.name = 'ChannelError';
    this.fault = fault;
    if (code !== undefined) this.code = code;
  }
}

/** The `code` of a Node error, which carries no text of the peer's. */
export const errorCode = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
};

const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|INVALID_CA|PATH_LENGTH_|INVALID_PURPOSE|HOSTNAME_MISMATCH|ERROR_IN_CERT_|CRL_)/;

/** Whether a code of Node's TLS means that a certificate was not accepted. */
export const isCertificateCode = (code: string | undefined): boolean => code !== undefined && CERTIFICATE_CODES.test(code);
