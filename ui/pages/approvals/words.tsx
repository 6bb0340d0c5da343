import { IconFlame } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { ApprovalState, ApprovalSummary } from '../../api/types.ts';
import { Status, type Tone } from '../../parts/Status.tsx';
import { objectOf, spaced } from '../../parts/words.ts';

export const STATES: Readonly<Record<ApprovalState, { readonly tone: Tone; readonly word: string; readonly about: string }>> = {
  pending: { tone: 'wait', word: 'Waiting', about: 'It waits for people.' },
  approved: { tone: 'info', word: 'Approved', about: 'It was approved and has not run yet.' },
  denied: { tone: 'bad', word: 'Denied', about: 'It was denied and did not run.' },
  used: { tone: 'ok', word: 'Ran', about: 'It was approved and ran once. The approval is used up.' },
  expired: { tone: 'off', word: 'Expired', about: 'Nobody answered, or nobody used the approval, in time. It did not run.' },
  withdrawn: { tone: 'off', word: 'Withdrawn', about: 'Every client that waited has cancelled. It did not run.' },
};

export function State({ of }: { readonly of: Pick<ApprovalSummary, 'state' | 'exception'> }): ReactNode {
  const { tone, word } = STATES[of.state];
  return (
    <span className="row">
      <Status tone={tone}>{word}</Status>
      {of.exception && <Status tone="bad" sign={IconFlame}>Break-glass</Status>}
    </span>
  );
}

/** What it would do in a line: `drop table public.orders`. */
export function whatItDoes({ verb, effects }: Pick<ApprovalSummary, 'verb' | 'effects'>): string {
  // What is only read on the way is not what it is about.
  const main = effects.some((effect) => effect.class !== 'read') ? effects.filter((effect) => effect.class !== 'read') : effects;
  const objects = [...new Set(main.flatMap(({ object }) => (object === undefined ? [] : [objectOf(object).name])))];
  if (objects.length === 0) return spaced(verb);
  return `${spaced(verb)} ${objects.slice(0, 2).join(', ')}${objects.length > 2 ? ` and ${objects.length - 2} more` : ''}`;
}

/** How many of the people who are needed have approved. */
export function quorum({ steps }: Pick<ApprovalSummary, 'steps'>): { readonly given: number; readonly needed: number } {
  return { given: steps.reduce((sum, { approvedBy, count }) => sum + Math.min(count, approvedBy.length), 0), needed: steps.reduce((sum, { count }) => sum + count, 0) };
}
