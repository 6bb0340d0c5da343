/** Longest reason that a person may give, in characters. */
const LONGEST_REASON = 500;

/**
 * Why a text cannot be a reason, or undefined when it can: one line, nothing invisible. It reaches terminals, pages, channels and clients, where
 * control characters and marks that turn the direction of writing could make it say something else.
 */
export function badReason(reason: unknown, most = LONGEST_REASON): string | undefined {
  if (typeof reason !== 'string' || reason.trim() === '') return 'a reason is needed';
  if (reason.length > most) return `the reason has ${reason.length} characters; at most ${most} are kept`;
  if (!reason.isWellFormed() || /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(reason)) return 'the reason must be one line without control characters or invisible marks';
  return undefined;
}
