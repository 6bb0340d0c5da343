import { setHeader } from './headers.ts';
import type { Injector } from './injector.ts';
import { within } from './within.ts';

/** Puts a value that is read for each request into one header. */
export const staticInjector = (name: string, value: () => Promise<string>): Injector => ({
  owns: [name],
    inject: async ({ headers }, signal) => {
    setHeader(headers, name, await within(value(), signal));
    return undefined;
  },
  // Nothing is cached: the next request reads the value anew.
  rejected: () => false,
  close: () => {},
});
