import type { BodyMasks } from '../../masking/bodies/masks.ts';
import type { RequestFacts } from '../../model/request.ts';
import { starred, TELLING } from './commands.ts';
import { requestRecorder, shownValue } from './recorded.ts';

/** Bytes of the header fields, and of the body, that people are shown. There is more to a body than anybody reads; the digest covers all of it. */
const LONGEST = 16 * 1024;

/**
 * What people who are asked see of a request beside its first lines: the other header fields that the approval is bound to, an empty line, and the body in its recorded form.
 * Empty where there is neither.
 */
export const shownToPeople = (fields: readonly (readonly [name: string, values: readonly string[]])[], facts: RequestFacts, body: Buffer | undefined, masks: BodyMasks): string => {
  const lines = fields.filter(([name]) => !TELLING.includes(name)).flatMap(([name, values]) => values.map((value) => `${name}: ${shownValue(name, value)}`));
  const head = short(starred(lines.join('\n')));
  const recorder = body && requestRecorder(masks, facts, LONGEST);
  if (!recorder) return head;
  const pieces = [recorder.push(body), recorder.end()].filter((piece) => piece !== undefined);
  // One long value comes as a whole.
  const text = short(Buffer.concat(pieces).toString('utf8'));
  return text === '' ? head : `${head}${head === '' ? '' : '\n'}\n${text}`;
};

const short = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} ... (${text.length - LONGEST} characters more)`);
