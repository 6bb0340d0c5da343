import type { ReactNode } from 'react';
import type { Explained } from '../../api/types.ts';
import { Status } from '../../parts/Status.tsx';

type Verdict = Explained['verdict'];

export function Effect({ of }: { readonly of: Verdict }): ReactNode {
  if (of === 'allow') return <Status tone="ok">Allow</Status>;
  if (of === 'deny') return <Status tone="bad">Deny</Status>;
  return <Status tone="wait">Approval</Status>;
}

/** What a rule matches, key by key, as configured. */
export function matchWords(match: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  return Object.entries(match).map(([key, value]) => [key, Array.isArray(value) ? value.map(String).join(', ') : typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value)]);
}
