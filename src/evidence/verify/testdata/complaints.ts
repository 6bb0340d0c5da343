import { parseVkey } from '../note.ts';
import type { Verdict, VerifyOptions } from '../verify.ts';
import type { NoteKey } from './made-log.ts';

/** An auditor who knows the log's key from elsewhere. */
export const given = ({ key }: { readonly key: NoteKey }): VerifyOptions => ({ trust: { keys: [parseVkey(key.vkey)], policy: undefined } });

/** Everything that a verdict complains of. */
export const found = ({ integrity, completeness }: Verdict): string => [integrity.fault, ...(integrity.further ?? []), ...completeness.gaps].map((one) => one?.what ?? '').join('\n');

export const failed = ({ integrity, completeness }: Verdict): boolean => !integrity.ok || completeness.verdict === 'incomplete';
