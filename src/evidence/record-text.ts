import type { Outcome } from '../model/outcome.ts';
import { canonical, canonicalInteger, canonicalString, isFixed } from './canonical.ts';
import type { EvidenceRecord } from './log.ts';

type Intent = Extract<EvidenceRecord, { readonly kind: 'intent' }>;
type OutcomeRecord = Extract<EvidenceRecord, { readonly kind: 'outcome' }>;

/** A text, where no member is left out of it: were there one more, its function no longer compiles. */
type TextOf<Members, Written extends keyof Members> = [Exclude<keyof Members, Written>] extends [never] ? string : never;

/**
 * The canonical text of a record. The two of each command are by far the most: their members are known, and written one behind the other.
 * `canonical` gives the same text. Throws NotCanonical.
 */
export const recordText = (record: EvidenceRecord): string => {
  switch (record.kind) {
    case 'intent':
      return intentText(record);
    case 'outcome':
      return outcomeRecordText(record);
    default:
      return canonical(record);
  }
};

const intentText = (intent: Intent): TextOf<Intent, 'approval' | 'bytes' | 'command' | 'connection' | 'decision' | 'effects' | 'kind' | 'masks' | 'session' | 'timing' | 'verb'> => {
  const { approval, bytes, command, session } = intent;
  const { before, behind } = constantOf(intent);
  return `{${approval === undefined ? '' : `"approval":${canonicalString(approval)},`}"bytes":${canonicalInteger(bytes)},"command":${canonicalInteger(command)},${before}"session":${canonicalString(session)},${behind}`;
};

/** What commands of one shape have in common, as text, and what it was made of. */
interface Constant extends Pick<Intent, 'connection' | 'decision' | 'masks' | 'timing' | 'verb'> {
  readonly before: string;
  readonly behind: string;
}

/** By their effects, which are one value for each shape: what the last one of it had. */
const constants = new WeakMap<Intent['effects'], Constant>();

const constantOf = ({ connection, decision, effects, masks, timing, verb }: Intent): Constant => {
  const known = constants.get(effects);
  if (known && known.connection === connection && known.decision === decision && known.masks === masks && known.timing === timing && known.verb === verb) return known;
  // Kept as long as the shape is: joined, each is one string and not a tree of its parts.
  const before = ['"connection":', canonicalString(connection), ',"decision":', canonical(decision), ',"effects":', canonical(effects), ',"kind":"intent","masks":', canonical(masks), ','].join('');
  const behind = ['"timing":', canonicalString(timing), ',"verb":', canonicalString(verb), '}'].join('');
  const made = { connection, decision, masks, timing, verb, before, behind };
  // Only what cannot change any more.
  if (isFixed(effects) && isFixed(decision) && isFixed(masks)) constants.set(effects, made);
  return made;
};

const outcomeRecordText = ({ answer, command, data, outcome, session }: OutcomeRecord): TextOf<OutcomeRecord, 'answer' | 'command' | 'data' | 'kind' | 'outcome' | 'session'> =>
  `{${answer === undefined ? '' : `"answer":${canonical(answer)},`}"command":${canonicalInteger(command)},${data === undefined ? '' : `"data":${canonical(data)},`}"kind":"outcome","outcome":${outcomeText(outcome)},"session":${canonicalString(session)}}`;

const outcomeText = ({ bytesDown, bytesUp, code, masked, rowsAffected, rowsReturned, status, tag }: Outcome): TextOf<Outcome, 'bytesDown' | 'bytesUp' | 'code' | 'masked' | 'rowsAffected' | 'rowsReturned' | 'status' | 'tag'> => {
  let text = '{';
  if (bytesDown !== undefined) text += `"bytesDown":${canonicalInteger(bytesDown)},`;
  if (bytesUp !== undefined) text += `"bytesUp":${canonicalInteger(bytesUp)},`;
  if (code !== undefined) text += `"code":${canonicalString(code)},`;
  if (masked !== undefined) text += `"masked":${canonical(masked)},`;
  if (rowsAffected !== undefined) text += `"rowsAffected":${canonicalInteger(rowsAffected)},`;
  if (rowsReturned !== undefined) text += `"rowsReturned":${canonicalInteger(rowsReturned)},`;
  text += `"status":${canonicalString(status)}`;
  return `${tag === undefined ? text : `${text},"tag":${canonicalString(tag)}`}}`;
};
