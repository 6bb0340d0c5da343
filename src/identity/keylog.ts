import type { Logger } from '../model/logger.ts';

/** Logs when the keys of a provider become unreachable and when they come back, not each attempt in between. */
export const keyLog = (provider: string, log: Pick<Logger, 'info' | 'warn'> | undefined): ((failure?: string) => void) => {
  let failing: string | undefined;
  return (failure) => {
    if (failure !== failing) {
      if (failure === undefined) log?.info({ event: 'keys_loaded', provider }, 'keys of the provider are available again');
      else log?.warn({ event: 'keys_failed', provider, error: failure }, 'keys of the provider cannot be loaded');
    }
    failing = failure;
  };
};
