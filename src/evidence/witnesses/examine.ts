import { createHash } from 'node:crypto';
import { NoAnswer, send } from '../send.ts';
import { parseCheckpointText } from '../tlog/checkpoint.ts';
import { verifyConsistency } from '../tlog/merkle.ts';
import { BadNote, MOST_NOTE, noteVerifier, openNote, parseNote, parseVkey, type Note, type Verifier } from '../tlog/note.ts';
import type { CheckpointSource, SignedCheckpoint } from './source.ts';

/** What a witness that disagrees shows when it is asked for the last checkpoint that it cosigned. */
export type Shown =
  /** A checkpoint with the signature of this log's key that this log does not contain: the proof that the log forked, or was put back. */
  | { readonly is: 'fork'; readonly size: number; readonly note: string }
  /** One that this log contains: what it refused contains what it cosigned. It contradicts itself. */
  | { readonly is: 'contained'; readonly size: number }
  /** One that this log contains and that is larger than the refused one: another request of this gateway was quicker. */
  | { readonly is: 'overtaken' }
  /** Nothing that says anything. */
  | { readonly is: 'nothing'; readonly why: string };

export interface Examination {
  readonly url: string;
  readonly ca?: string;
  readonly verifier: Verifier;
  /** The checkpoint that it refused. */
  readonly checkpoint: SignedCheckpoint;
  readonly source: Pick<CheckpointSource, 'consistency' | 'latest' | 'vkey'>;
  readonly timeoutMs: number;
}

const nothing = (why: string): Shown => ({ is: 'nothing', why });

/** Asks a witness for the last checkpoint that it cosigned, and holds it against this log. Never rejects. */
export const examine = async ({ url, ca, verifier, checkpoint, source, timeoutMs }: Examination): Promise<Shown> => {
  const refused = parseCheckpointText(parseNote(checkpoint.note).text);
  const hash = createHash('sha256').update(refused.origin, 'utf8').digest('hex');
  try {
    const answer = await send({ url: `${url}/${hash}/checkpoint`, method: 'GET', headers: {}, body: Buffer.alloc(0), timeoutMs, mostBytes: MOST_NOTE, ...(ca === undefined ? {} : { ca }) });
    if (answer.status !== 200) return nothing(`it does not show what it cosigned (${answer.status})`);
    const note = parseNote(answer.body);
    const shown = parseCheckpointText(note.text);
    // The log may have grown since, and a reload may have put another link to this witness in the place of the one that asks.
    const own = parseCheckpointText(parseNote((source.latest() ?? checkpoint).note).text);
    if (shown.origin !== own.origin || !signedBy(note, verifier)) return nothing('what it shows is not a checkpoint of this log that it cosigned');
    if (shown.size <= own.size && verifyConsistency(shown.size, shown.root, own.size, own.root, source.consistency(shown.size, own.size))) return shown.size > refused.size ? { is: 'overtaken' } : { is: 'contained', size: shown.size };
    if (!signedBy(note, noteVerifier(parseVkey(source.vkey)))) return nothing('what it shows is not signed with the present key of this log');
    return { is: 'fork', size: shown.size, note: answer.body.toString('utf8') };
  } catch (error) {
    return nothing(error instanceof NoAnswer ? `what it cosigned cannot be had: ${error.message}` : 'what it shows is no checkpoint');
  }
};

const signedBy = (note: Note, verifier: Verifier): boolean => {
  try {
    return openNote(note, [verifier]).verified.length > 0;
  } catch (error) {
    if (error instanceof BadNote) return false;
    throw error;
  }
};
