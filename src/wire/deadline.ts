import { ChannelError } from './errors.ts';

/** One bound in time over all steps of a handshake. `clear` it when the handshake is over. */
export interface Deadline {
  /** Aborts with a ChannelError (`deadline`, or `aborted` when the outer signal did it). */
  readonly signal: AbortSignal;
  clear(): void;
}

/** @param outer ends it earlier, for example when the gateway shuts down */
export const startDeadline = (milliseconds: number, outer?: AbortSignal): Deadline => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new ChannelError('deadline', `not done within ${milliseconds} ms`)), milliseconds);
  const abort = (): void => controller.abort(new ChannelError('aborted', 'given up'));
  if (outer?.aborted === true) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
};
