import type { Outcome } from '../model/outcome.ts';
import { canonical, canonicalInteger, canonicalString } from './canonical.ts';
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

const intentText = ({ approval, bytes, command, connection, decision, effects, masks, session, timing, verb }: Intent): TextOf<Intent, 'approval' | 'bytes' | 'command' | 'connection' | 'decision' | 'effects' | 'kind' | 'masks' | 'session' | 'timing' | 'verb'> =>
  `{${approval === undefined ? '' : `"approval":${canonicalString(approval)},`}"bytes":${canonicalInteger(bytes)},"command":${canonicalInteger(command)},"connection":${canonicalString(connection)},"decision":${canonical(decision)},"effects":${canonical(effects)},"kind":"intent","masks":${canonical(masks)},"session":${canonicalString(session)},"timing":${canonicalString(timing)},"verb":${canonicalString(verb)}}`;

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
