import { whenThere } from '../../model/when-there.ts';
import { setHeader } from './headers.ts';
import type { Injector } from './injector.ts';
import { within } from './within.ts';

/** Puts a value that is read for each request into one header. */
export const staticInjector = (name: string, value: () => string | Promise<string>): Injector => ({
  owns: [name],
  inject: ({ headers }, signal) => {
    const read = value();
    return whenThere(read instanceof Promise ? within(read, signal()) : read, (text) => {
      setHeader(headers, name, text);
      return undefined;
    });
  },
  // Nothing is cached: the next request reads the value anew.
  rejected: () => false,
  close: () => {},
});
