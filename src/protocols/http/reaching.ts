import { isCertificateCode } from '../../wire/errors.ts';
import { TargetFault } from './exchange.ts';

/** Time to reach a target, TLS included. */
export const CONNECT_MS = 10_000;

/** Code of the error that ends a look-up: a name of the target leads to an address of link-local, metadata, multicast or reserved ranges. */
export const FORBIDDEN_ADDRESS = 'WICKETGATE_FORBIDDEN_ADDRESS';

export const notReachedInTime = (): TargetFault => new TargetFault('late', 'the target could not be reached in time');

/** @param code of the error that the connection ended with, if any */
export const notReached = (code: string | undefined): TargetFault =>
  new TargetFault('unreachable', code === FORBIDDEN_ADDRESS ? 'the name of the target leads to an address that no target may have' : isCertificateCode(code) ? 'the certificate of the target was not accepted' : 'the target cannot be reached', code);
