/**
 * The credential of a connection cannot be had now. The message names its reference, the host asked and the error code that was answered; never
 * a value, nor text that a server chose.
 */
export class CredentialUnavailable extends Error {
  override name = 'CredentialUnavailable';
}
