/**
 * A name as the most forgiving readers take it: Go and .NET do not tell upper from lower case in JSON, Google's APIs take `push_config` for `pushConfig`, PHP
 * makes `_` of dots and blanks and cuts a parameter at its bracket. Two names with the same may be one to the target.
 */
export const folded = (name: string): string => (name.split('[', 1)[0] ?? '').trim().toLowerCase().replace(/[_. -]/g, '');
