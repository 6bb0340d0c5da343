import type { EvidenceRecord } from '../log.ts';
import { formatNote, formatVkey, signNote, type Signer } from '../tlog/note.ts';

/** The text of the note with which an old key names the new one. */
export const rotationText = (log: string, vkey: string): string => `wicketgate/key-rotation/v1\n${log}\n${vkey}\n`;

/** The record with which the key in use names its successor. */
export const rotationRecord = (log: string, current: Signer, next: Signer): EvidenceRecord => {
  const vkey = formatVkey(next);
  const text = rotationText(log, vkey);
  return { kind: 'key_event', event: 'rotated', vkey, note: formatNote({ text, signatures: [signNote(text, current)] }) };
};
