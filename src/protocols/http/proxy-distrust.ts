import type { Logger } from '../../model/logger.ts';

/** Codes that Node gives the alerts of RFC 8446 section 6.2 by which a client refuses a certificate. */
const ALERTS: ReadonlyMap<string, string> = new Map([
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'unknown_ca'],
  ['ERR_SSL_SSL/TLS_ALERT_UNKNOWN_CA', 'unknown_ca'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'bad_certificate'],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'bad_certificate'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'certificate_unknown'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', 'certificate_unknown'],
  ['ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', 'unsupported_certificate'],
  ['ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE', 'unsupported_certificate'],
]);
/** One line of each kind a minute for each connection, whatever comes. */
const EVERY_MS = 60_000;
const DO = 'install the CA file at the client: wicketgate ca --interception says how';

export interface Distrusted {
  readonly connection: string;
  readonly host: string;
  readonly peer: string;
  /** File of the CA that the client has to trust. */
  readonly ca: string | undefined;
}

/** Says in the log when clients of the forward proxy do not trust its CA. Only clients with a good token come so far. */
export class Distrust {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #clock: () => number;
  /** For each connection and kind, when it was last said, and how often it happened since. There are no more than are configured. */
  readonly #said = new Map<string, { at: number; unsaid: number }>();

  constructor(log: Pick<Logger, 'warn'>, clock: () => number = Date.now) {
    this.#log = log;
    this.#clock = clock;
  }

  /** A handshake failed. Says whether that was the client's word on the certificate. */
  alert(code: string | undefined, about: Distrusted): boolean {
    const alert = code === undefined ? undefined : ALERTS.get(code);
    if (alert === undefined) return false;
    this.#say({ ...about, alert }, `a client of the forward proxy does not trust the interception CA: ${DO}`);
    return true;
  }

  /** A client that has opened a tunnel and TLS leaves without a request, as those do that look at the certificate afterwards (Node). */
  silent(about: Distrusted): void {
    this.#say({ ...about }, `a client of the forward proxy left without a request, as those do that do not trust the interception CA: if so, ${DO}`);
  }

  #say(about: Distrusted & { readonly alert?: string }, message: string): void {
    const now = this.#clock();
    // What may be so does not hide what is.
    const kind = `${about.connection} ${about.alert === undefined ? 'silent' : 'alert'}`;
    const last = this.#said.get(kind);
    if (last && now - last.at < EVERY_MS) {
      last.unsaid += 1;
      return;
    }
    this.#said.set(kind, { at: now, unsaid: 0 });
    this.#log.warn({ ...about, ...(last && last.unsaid > 0 ? { since: last.unsaid } : {}) }, message);
  }
}
