import { constants, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { GatewayConfig } from '../config/resolved.ts';
import type { Logger } from '../model/logger.ts';
import { gatewayAuthority, openAuthority, readAuthority, type AuthorityInfo } from './certificates-authority.ts';
import { checkGivenKey, CertificatesUnusable } from './certificates-files.ts';
import { issueLeaf, type IssuedCertificate } from './certificates-issue.ts';

const DAY = 86_400_000;
const LEAF_LIFETIME = 90 * DAY;
/** A certificate of our own is replaced when less than this is left of its 90 days. */
const RENEW_BEFORE = 30 * DAY;
/** Somebody must hand out a new CA before then. */
const WARN_BEFORE = 90 * DAY;
const LOOK_AT_CLOCK = 3_600_000;
const LOOK_AT_FILES = 5_000;

/** The gateway's own side of TLS. */
export interface Certificates {
  /** What to serve a new connection with. Ask each time: it changes when the certificate is renewed. */
  secureContext(): SecureContext;
  /** The same, to ask clients for a certificate of one of these CAs (PEM). Such sessions are not resumed: a resumed one shows no certificate. */
  contextAsking(authorities: string): SecureContext;
  /** The certificate in use; its `raw` bytes are what `tls-server-end-point` channel binding hashes. */
  readonly certificate: X509Certificate;
  /** The CA that clients should trust, with `tls: auto`. */
  readonly authority: AuthorityInfo | undefined;
  /** Looks whether the certificate must be renewed or its files have changed; the gateway does so by itself. Never rejects: a failure is logged and the old one stays. */
  refresh(): Promise<void>;
  /** Calls back after each change. Returns how to stop that. */
  onRenew(callback: () => void): () => void;
  close(): void;
}

export interface CertificatePorts {
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  readonly log?: Pick<Logger, 'info' | 'warn'>;
}

interface Current {
  readonly context: SecureContext;
  /** The last one that was made for given CAs. */
  asking?: { readonly authorities: string; readonly context: SecureContext };
  readonly makeAsking: (authorities: string) => SecureContext;
  readonly certificate: X509Certificate;
  /** Tells whether the files it came from have changed. */
  readonly version: string;
}

/**
 * Opens the certificates that the configuration asks for: issued by the gateway's own CA, which is made at the first
 * start, or given by the operator. Rejects with CertificatesUnusable, whose message says what to do.
 */
export const createCertificates = async (
  gateway: Pick<GatewayConfig, 'data' | 'keys' | 'names' | 'tls'>,
  ports: CertificatePorts = {},
): Promise<Certificates> => {
  const { tls } = gateway;
  const clock = ports.clock ?? Date.now;
  const load = tls === 'auto' ? () => issue(gateway, clock(), ports.log) : (): Promise<Current> => readGiven(tls.cert, tls.key);
  const isDue = async (): Promise<boolean> => {
    const expiresAt = current.certificate.validToDate.getTime();
    // A leaf that ends with its CA cannot be made to last longer by renewing it.
    if (tls === 'auto') return expiresAt - clock() < RENEW_BEFORE && expiresAt < (authority?.expiresAt ?? Infinity);
    return (await fileVersion(tls.cert, tls.key)) !== current.version;
  };
  let current = await load();
  const authority = tls === 'auto' ? await readAuthority(gatewayAuthority(gateway).files) : undefined;
  const callbacks = new Set<() => void>();
  let failing: string | undefined;
  let running: Promise<void> | undefined;

  const renew = async (): Promise<void> => {
    try {
      if (!(await isDue())) return;
      current = await load();
      failing = undefined;
      ports.log?.info({ event: 'certificate_renewed', fingerprint: current.certificate.fingerprint256, until: current.certificate.validTo }, 'the TLS certificate was renewed');
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : 'failed';
      // Once for each cause: files are looked at every few seconds.
      if (message !== failing) ports.log?.warn({ event: 'certificate_kept', error: message }, 'the TLS certificate could not be renewed; the old one stays in use');
      failing = message;
      return;
    }
    for (const callback of callbacks) callback();
  };
  const refresh = (): Promise<void> => {
    running ??= renew().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => void refresh(), tls === 'auto' ? LOOK_AT_CLOCK : LOOK_AT_FILES);
  timer.unref();

  return {
    secureContext: () => current.context,
    contextAsking: (authorities) => {
      const { asking } = current;
      const context = asking?.authorities === authorities ? asking.context : current.makeAsking(authorities);
      current.asking = { authorities, context };
      return context;
    },
    get certificate() {
      return current.certificate;
    },
    authority,
    refresh,
    onRenew: (callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    close: () => {
      clearInterval(timer);
      callbacks.clear();
    },
  };
};

const issue = async (gateway: Pick<GatewayConfig, 'data' | 'keys' | 'names'>, now: number, log: CertificatePorts['log']): Promise<Current> => {
  const authority = await openAuthority(gatewayAuthority(gateway), now);
  const until = new X509Certificate(authority.certificate).validToDate.getTime();
  if (until - now < WARN_BEFORE) log?.warn({ event: 'ca_expires', until: new Date(until).toISOString() }, 'the CA expires soon: make a new one and give it to the clients');
  // The key of a leaf never touches a disk: each process issues its own.
  return use(await issueLeaf(authority, gateway.names, now, LEAF_LIFETIME), '');
};

const readGiven = async (certificatePath: string, keyPath: string): Promise<Current> => {
  // Before reading: a change in between is then seen at the next look.
  const version = await fileVersion(certificatePath, keyPath);
  await checkGivenKey(keyPath);
  return use({ certificate: await readFile(certificatePath, 'utf8'), key: await readFile(keyPath, 'utf8') }, version);
};

const fileVersion = async (...paths: readonly string[]): Promise<string> => {
  try {
    const found = await Promise.all(paths.map((path) => stat(path, { bigint: true })));
    return found.map(({ ino, size, mtimeNs, ctimeNs }) => [ino, size, mtimeNs, ctimeNs].join(' ')).join(', ');
  } catch (cause) {
    throw new CertificatesUnusable(`certificate files cannot be read: ${(cause as Error).message}`);
  }
};

const use = ({ certificate, key }: IssuedCertificate, version: string): Current => {
  try {
    // createSecureContext refuses a key that is not the certificate's.
    return {
      context: createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' }),
      makeAsking: (authorities) => createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2', ca: authorities, allowPartialTrustChain: true, secureOptions: constants.SSL_OP_NO_TICKET, sessionIdContext: 'certificates' }),
      certificate: new X509Certificate(certificate),
      version,
    };
  } catch (cause) {
    throw new CertificatesUnusable(`certificate and key cannot be used together: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}`);
  }
};
