/** Remembers, across restarts, which single-use tokens have opened their session. */
export interface OnceStore {
  /**
   * Takes a token's one use. Durable before it resolves; of many calls at once for one token exactly one gets true.
   * Rejects when that cannot be promised: the login must then be refused.
   *
   * @param fingerprint `Principal.tokenFingerprint`: names the signing input, so a token whose signature was altered without breaking it is the same token
   * @param until when the token can no longer be accepted anyway, in milliseconds since the epoch; may be forgotten then
   */
  use(fingerprint: string, until: number): Promise<boolean>;
}
