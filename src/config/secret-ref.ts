import type { SecretRef } from './resolved.ts';

/** `env:NAME` or `file:PATH`: the reference, never the value. */
export const formatSecretRef = (ref: SecretRef): string => (ref.from === 'env' ? `env:${ref.name}` : `file:${ref.path}`);
