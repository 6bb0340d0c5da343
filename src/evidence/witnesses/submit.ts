import { NoAnswer, send, type Incoming } from '../send.ts';
import { parseDecimal } from '../tlog/checkpoint.ts';
import { cosignatureTime } from '../tlog/cosignature.ts';
import { BadNote, parseNote, parseSignature, type NoteSignature, type Verifier } from '../tlog/note.ts';

/**
 * What can be wrong with a witness.
 * - `unreachable`, `slow`: no connection, no whole answer in time.
 * - `refused`: it answered that it does not cosign this log's checkpoints (not configured there, or it is out of order).
 * - `bad_answer`: what it answers is not the protocol.
 * - `wrong_key`: no cosignature by the configured key. `bad_signature`: one by that key's name and id that does not verify: it lies.
 * - `wrong_time`: the cosignature's time is not near ours.
 * - `went_back`: it cosigned a larger tree before, and says now that it knows a smaller one: it forgot, or is not the one it was.
 * - `ahead`: it cosigned a larger tree than this log has: this log was restored from an older copy, or another one signs with its key.
 * - `inconsistent`: what it cosigned is not the beginning of this log: this log forked. Or it only says so, when it shows no proof.
 * - `contradicts`: it refuses a checkpoint, and shows that it cosigned one which that contains: it lies, or is broken.
 * - `no_proof`: the gateway could not make the proof.
 */
export type FaultKind = 'unreachable' | 'slow' | 'refused' | 'bad_answer' | 'wrong_key' | 'bad_signature' | 'wrong_time' | 'went_back' | 'ahead' | 'inconsistent' | 'contradicts' | 'no_proof';

/** What came of one request. */
export type Submitted =
  | { readonly is: 'cosigned'; readonly signature: NoteSignature; /** POSIX seconds. */ readonly time: number }
  /** It knows a tree of that size. */
  | { readonly is: 'conflict'; readonly size: number }
  | { readonly is: 'fault'; readonly kind: FaultKind; /** Words of ours. */ readonly detail: string };

export interface Submission {
  readonly url: string;
  readonly ca?: string;
  readonly verifier: Verifier;
  readonly note: string;
  readonly old: number;
  readonly proof: readonly Buffer[];
  /** POSIX seconds. */
  readonly now: () => number;
  readonly timeoutMs: number;
}

/** How far a cosignature's time may be from ours, in seconds: clocks differ, and the answer took a while. */
const MOST_SKEW = 120;
const MOST_ANSWER = 64 * 1024;

const fault = (kind: FaultKind, detail: string): Submitted => ({ is: 'fault', kind, detail });

/** Submits a checkpoint to a witness once (c2sp.org/tlog-witness) and judges the answer. Never rejects. */
export const submit = async (submission: Submission): Promise<Submitted> => {
  const { url, ca, note, old, proof, timeoutMs } = submission;
  const body = Buffer.from(`old ${old}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`, 'utf8');
  let answer: Incoming;
  try {
    answer = await send({ url: `${url}/add-checkpoint`, method: 'POST', headers: { 'content-type': 'text/plain; charset=utf-8' }, body, timeoutMs, mostBytes: MOST_ANSWER, ...(ca === undefined ? {} : { ca }) });
  } catch (error) {
    return fault(error instanceof NoAnswer && error.slow ? 'slow' : 'unreachable', error instanceof Error ? error.message : 'failed');
  }
  switch (answer.status) {
    case 200:
      return cosigned(answer.body, submission);
    case 409:
      return conflict(answer);
    case 422:
      return fault('inconsistent', 'it answered that the checkpoint does not contain what it cosigned');
    case 403:
      return fault('refused', 'it does not know the key of this log (403)');
    case 404:
      return fault('refused', 'it does not witness this log, or the address is wrong (404)');
    default:
      return fault('refused', `it answered ${answer.status}`);
  }
};

const conflict = ({ type, body }: Incoming): Submitted => {
  // Version 1.0.0 of the protocol says with a plain 409 what later ones say with 422: another root of the same size.
  if (type !== 'text/x.tlog.size') return fault('inconsistent', 'it answered that it cosigned another tree of this size');
  const text = body.toString('latin1');
  const size = text.endsWith('\n') ? parseDecimal(text.slice(0, -1)) : undefined;
  return size === undefined ? fault('bad_answer', 'it answered a conflict without a size') : { is: 'conflict', size };
};

const cosigned = (body: Buffer, { verifier, note, now }: Submission): Submitted => {
  let signatures: readonly NoteSignature[];
  try {
    const text = body.toString('utf8');
    if (!text.endsWith('\n')) throw new BadNote('not lines');
    signatures = text.slice(0, -1).split('\n').map(parseSignature);
  } catch (error) {
    if (!(error instanceof BadNote)) throw error;
    return fault('bad_answer', 'its answer is not signature lines');
  }
  const signature = signatures.find(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId);
  if (signature === undefined) return fault('wrong_key', 'none of its signatures is by the key that is configured for it');
  if (!verifier.verify(Buffer.from(parseNote(note).text, 'utf8'), signature.signature)) return fault('bad_signature', 'its cosignature does not verify');
  const time = cosignatureTime(signature) ?? 0;
  const off = time - now();
  if (Math.abs(off) > MOST_SKEW) return fault('wrong_time', `its cosignature is of ${off > 0 ? `${off} s ahead of` : `${-off} s behind`} this clock`);
  return { is: 'cosigned', signature, time };
};
