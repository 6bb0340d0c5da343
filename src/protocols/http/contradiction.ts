import type { Refusal } from '../../model/decision.ts';
import type { CertificateCredential, Credential } from '../../model/principal.ts';
import type { Gate } from '../../pipeline/gate.ts';
import type { HttpSession } from './session.ts';

/**
 * A token says who asks, also on a connection for which a certificate was shown. When that certificate stands for an identity as well, it has to be the
 * same: two identities on one request mean that somebody is using what is not theirs. A certificate that stands for nobody says nothing.
 */
export const contradiction = (gate: Pick<Gate, 'identityOf'>, { gated }: HttpSession, credential: Credential, certificate: CertificateCredential | undefined): Refusal | undefined => {
  if (credential.kind === 'certificate' || certificate === undefined) return undefined;
  const identity = gate.identityOf(certificate, gated.session.peer);
  return identity === undefined || identity === gated.session.principal.identity ? undefined : gated.refuse('protocol', 'the token and the client certificate stand for different identities');
};
