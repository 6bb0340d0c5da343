import type { Injector } from './injector.ts';

/** The target asks for no credential. */
export const noneInjector = (): Injector => ({ owns: [], inject: () => undefined, rejected: () => false, close: () => {} });
