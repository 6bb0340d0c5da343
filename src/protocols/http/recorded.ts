import { STATUS_CODES } from 'node:http';
import { BodyRecorder } from '../../masking/bodies/recorded-body.ts';
import type { BodyMasks } from '../../masking/bodies/masks.ts';
import type { RequestFacts } from '../../model/request.ts';
import { addressWithoutSecrets, starred, starredBytes } from './commands.ts';
import type { AnswerHead } from './exchange.ts';
import { fieldName } from './field-names.ts';
import { aboutBody } from './mask.ts';

/** Bytes of the recorded head of an answer. */
const LONGEST_HEAD = 32 * 1024;
/** Of a challenge the scheme says what is wanted; what is behind it may be of use to somebody else. */
const CHALLENGES: ReadonlySet<string> = new Set(['www-authenticate', 'proxy-authenticate']);

/**
 * The head of an answer as it is written down, before the bytes of its body: `HTTP 200 OK`, a line for each header field, an empty line. Values of cookies
 * and of fields that are called as secrets are are left out.
 */
export const recordedHead = ({ status, fields, length }: Pick<AnswerHead, 'status' | 'fields' | 'length'>): Buffer => {
  let text = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  for (const [name, value] of fields) text += `\r\n${name}: ${shownValue(name, value)}`;
  if (length !== undefined) text += `\r\nContent-Length: ${length}`;
  return text.length <= LONGEST_HEAD ? starredBytes(`${text}\r\n\r\n`) : Buffer.from(`${starred(text).slice(0, LONGEST_HEAD)} ...\r\n\r\n`, 'utf8');
};

export const shownValue = (written: string, value: string): string => {
  const { lower: name, secret } = fieldName(written);
  if (name === 'set-cookie') return value.replace(/^([^=;]*)=[^;]*/, '$1=*');
  if (CHALLENGES.has(name)) return value.replace(/^([A-Za-z][\w-]{0,40})\s.*$/s, '$1 *');
  if (secret) return '*';
  return addressWithoutSecrets(value);
};

/** What writes down the body of a request as it passes. @param most bytes of it that are kept; 0: nothing is written down */
export const requestRecorder = (masks: BodyMasks, facts: RequestFacts, most: number): BodyRecorder | undefined => {
  if (most === 0) return undefined;
  const coded = (facts.headers.get('content-encoding') ?? []).some((value) => value.trim().toLowerCase() !== 'identity');
  return new BodyRecorder(masks, { ...aboutBody(facts), coded }, most);
};
