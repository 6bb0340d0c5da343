import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { CertificateCredential } from '../model/principal.ts';

/** Most certificates that are taken of what a client sends. */
const MOST = 17;

/**
 * The certificate that a client showed in the handshake, which has proved that it holds the key. `fault` is what OpenSSL says of its chain; nothing
 * but an explicit "nothing" counts as nothing. Undefined: the client showed none.
 */
export const shownCertificate = (socket: TLSSocket): CertificateCredential | undefined => {
  const chain: Buffer[] = [];
  for (let next: X509Certificate | undefined = socket.getPeerX509Certificate(); next !== undefined && chain.length < MOST; next = next.issuerCertificate) chain.push(next.raw);
  if (chain.length === 0) return undefined;
  const fault = faultOf(socket);
  return { kind: 'certificate', chain, ...(fault === undefined ? {} : { fault }) };
};

const faultOf = (socket: TLSSocket): string | undefined => {
  // In a resumed session nobody has shown anything, and the chain is not there. Such sessions are not offered where certificates are asked for.
  if (socket.isSessionReused()) return 'resumed';
  // `authorized` is set by tls.Server alone. This is what it is made from, and what Node has for sockets that became TLS on their own.
  const { ssl } = socket as unknown as { readonly ssl?: { readonly verifyError?: () => { readonly code?: unknown } | null | undefined } };
  if (typeof ssl?.verifyError !== 'function') return 'unknown';
  const error = ssl.verifyError();
  if (error === null) return undefined;
  const code = error?.code;
  return typeof code === 'string' ? code : 'unknown';
};
