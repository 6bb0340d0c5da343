import type { Injector } from './injector.ts';

/** The target asks for no credential. */
export const noneInjector = (): Injector => ({ owns: [], needsBytes: () => false, inject: async () => undefined, rejected: () => {}, close: () => {} });
