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
const DO_DIRECTLY = 'give it the CA file, and a name of the gateway that stands in the certificate: wicketgate ca says how';

/** Who came through the forward proxy. */
export interface Distrusted {
  readonly connection: string;
  readonly host: string;
  readonly peer: string;
  /** File of the CA that the client has to trust. */
  readonly ca: string | undefined;
}

/** Says in the log when clients do not trust the certificate that they are shown: the gateway's own, or through the forward proxy one of its other CA. */
export class Distrust {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #clock: () => number;
  /** For each connection or address and kind, when it was last said, and how often it happened since. There are no more than are configured. */
  readonly #said = new Map<string, { at: number; unsaid: number }>();

  constructor(log: Pick<Logger, 'warn'>, clock: () => number = Date.now) {
    this.#log = log;
    this.#clock = clock;
  }

  /** A handshake in a tunnel failed. Says whether that was the client's word on the certificate. Only clients with a good token come so far. */
  alert(code: string | undefined, about: Distrusted): boolean {
    const alert = alertOf(code);
    if (alert === undefined) return false;
    this.#say(`${about.connection} alert`, { ...about, alert }, `a client of the forward proxy does not trust the interception CA: ${DO}`);
    return true;
  }

  /** The same at an address of the gateway itself, of whoever comes. */
  direct(code: string | undefined, about: { readonly listen: string; readonly peer: string }): boolean {
    const alert = alertOf(code);
    if (alert === undefined) return false;
    this.#say(`${about.listen} direct`, { ...about, alert }, `a client does not trust the certificate of the gateway: ${DO_DIRECTLY}`);
    return true;
  }

  /** A client that has opened a tunnel and TLS leaves without a request, as those do that look at the certificate afterwards (Node). */
  silent(about: Distrusted): void {
    // What may be so does not hide what is.
    this.#say(`${about.connection} silent`, { ...about }, `a client of the forward proxy left without a request, as those do that do not trust the interception CA: if so, ${DO}`);
  }

  #say(kind: string, about: Readonly<Record<string, unknown>>, message: string): void {
    const now = this.#clock();
    const last = this.#said.get(kind);
    if (last && now - last.at < EVERY_MS) {
      last.unsaid += 1;
      return;
    }
    this.#said.set(kind, { at: now, unsaid: 0 });
    this.#log.warn({ ...about, ...(last && last.unsaid > 0 ? { since: last.unsaid } : {}) }, message);
  }
}

const alertOf = (code: string | undefined): string | undefined => (code === undefined ? undefined : ALERTS.get(code));
