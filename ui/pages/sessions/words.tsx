import type { ReactNode } from 'react';
import type { CommandOutcome, RecordedText, SessionSummary } from '../../api/types.ts';
import { Status } from '../../parts/Status.tsx';
import { plural, spaced } from '../../parts/words.ts';

export function SessionState({ of: { live, state } }: { readonly of: Pick<SessionSummary, 'live' | 'state'> }): ReactNode {
  if (live) return <Status tone="ok">Live</Status>;
  if (state === 'lost') return <Status tone="wait">Lost</Status>;
  return <Status tone="off">{state === 'open' ? 'Open elsewhere' : 'Closed'}</Status>;
}

const REFUSED: Readonly<Record<string, string>> = {
  denied: 'policy',
  not_granted: 'not granted',
  not_understood: 'not understood',
  masking: 'masking',
  write_back: 'masked value written back',
  approval_required: 'approval needed',
  limit: 'limit',
};

/** The reason of a refusal in few words. */
export const refusalWord = (code: string): string => REFUSED[code] ?? spaced(code);

export function Decision({ of }: { readonly of: string }): ReactNode {
  if (of === 'allow') return <Status tone="ok">Allowed</Status>;
  if (of === 'require_approval') return <Status tone="info">Approved</Status>;
  return <Status tone="bad">Refused: {refusalWord(of)}</Status>;
}

const ABSENT: Readonly<Record<NonNullable<RecordedText['absent']>, string>> = {
  key_destroyed: 'Its key was destroyed: it can no longer be read by anyone.',
  lost: 'It was lost when the disk failed.',
  missing: 'It is not in the log.',
  altered: 'ALTERED: its key does not open it. Verify the evidence.',
};
export const absence = (why: NonNullable<RecordedText['absent']>): string => ABSENT[why];

/** What came of a command, in a line. */
export function outcomeWords({ status, code, tag, rowsReturned, rowsAffected, masked }: CommandOutcome): string {
  const cells = Object.entries(masked).map(([mask, cellCount]) => `${plural(cellCount, 'value')} by ${mask}`);
  return [
    status === 'ok' ? code : `${spaced(status)}${code === undefined ? '' : ` ${code}`}`,
    tag,
    rowsReturned === undefined ? undefined : `${plural(rowsReturned, 'row')} returned`,
    rowsAffected === undefined ? undefined : `${plural(rowsAffected, 'row')} changed`,
    cells.length === 0 ? undefined : `masked ${cells.join(', ')}`,
  ].filter((part) => part !== undefined).join(' · ');
}
