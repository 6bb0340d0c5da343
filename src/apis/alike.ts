import type { RequestFacts } from '../model/request.ts';

/**
 * A text in one case. Readers that fold each letter by itself (Go's JSON, Java) take `ſ` for `s`, the sign of Kelvin for `k`, and the Turkish `ı` and `İ` for `i`:
 * no other letters stand for one of ASCII.
 */
export const caseless = (text: string): string => {
  const lower = text.toLowerCase();
  return ODD_CASE.test(lower) ? lower.replaceAll('ſ', 's').replaceAll('ı', 'i').replaceAll(DOTTED, 'i') : lower;
};

/** `İ` in lower case: with its dot behind it. */
const DOTTED = 'i\u0307';
const ODD_CASE = /[ſı\u0307]/;

/**
 * A name as the most forgiving readers take it: Go and .NET do not tell upper from lower case in JSON, Google's APIs take `push_config` for `pushConfig`, PHP
 * makes `_` of dots and blanks and cuts a parameter at its bracket. Two names with the same may be one to the target.
 */
export const folded = (name: string): string => caseless((name.split('[', 1)[0] ?? '').trim()).replace(/[_. -]/g, '');

/**
 * Values of a header field (lower-case name) as the most forgiving servers read it: where names become variables, whatever is neither letter nor digit is the same, so
 * that `x_amz_copy_source` stands for `x-amz-copy-source`. Undefined: it did not come under any of its names.
 */
export const headerValues = (headers: RequestFacts['headers'], name: string): readonly string[] | undefined => {
  let found = headers.get(name);
  for (const [other, values] of headers) {
    if (other !== name && !(USUAL.test(other) && USUAL.test(name)) && asVariable(other) === asVariable(name)) found = [...(found ?? []), ...values];
  }
  return found;
};

/** Of these two are only alike where they are the same. */
const USUAL = /^[a-z0-9-]*$/;

/** A name in lower case as servers for which names become variables have it: whatever is neither letter nor digit is the same. */
export const asVariable = (lower: string): string => lower.replace(/[^a-z0-9]/g, '_');
