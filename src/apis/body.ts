import type { RequestFacts } from '../model/request.ts';
import { JsonRefused, readJson } from '../wire/json.ts';

/** Deeper or larger than this is no request that a rule about fields was written for. */
const BOUNDS = { depth: 100, values: 200_000 };

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]{1,100}\+)?json$/;

/** The media type without its parameters, lower case; undefined where there is none, or more than one. */
export const mediaType = (headers: RequestFacts['headers']): string | undefined => {
  const values = headers.get('content-type');
  return values?.length === 1 ? (values[0] ?? '').split(';', 1)[0]?.trim().toLowerCase() : undefined;
};

/** The `charset` parameter of a media type, as it is written. */
export const charsetParameter = (type: string): string | undefined => /;\s*charset\s*=\s*"?([^";\s]{1,40})/i.exec(type)?.[1];

export const isJson = (headers: RequestFacts['headers']): boolean => JSON_TYPE.test(mediaType(headers) ?? '');

/**
 * A body that was read as a whole, as rules see it. What two readers could read in two ways is `unread`: another charset or coding, a name that
 * stands twice. A body that is not called JSON is unread even where it is JSON.
 */
export const readBody = (bytes: Uint8Array, headers: RequestFacts['headers']): RequestFacts['body'] => {
  if (bytes.length === 0) return { kind: 'none' };
  if (!isJson(headers)) return { kind: 'unread', why: 'the body is not called JSON' };
  const charset = charsetParameter(headers.get('content-type')?.[0] ?? '');
  if (charset !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(charset)) return { kind: 'unread', why: 'the body is in another charset than UTF-8' };
  const coding = headers.get('content-encoding');
  if (coding !== undefined && coding.some((value) => value.trim().toLowerCase() !== 'identity')) return { kind: 'unread', why: 'the body is compressed' };
  try {
    return { kind: 'json', value: readJson(bytes, BOUNDS) };
  } catch (error) {
    if (error instanceof JsonRefused) return { kind: 'unread', why: `the body is not plain JSON: ${error.message}` };
    throw error;
  }
};
