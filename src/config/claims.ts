/** What is wrong with the name of a claim, `a`, `a.b` for member b of a, `\.` for a dot in a name; if anything. */
export const claimNameProblem = (name: string): { readonly message: string; readonly suggestion?: string } | undefined => {
  if (/^\s|\s$/.test(name)) return { message: 'begins or ends with a space' };
  return claimParts(name) === undefined ? { message: 'has an empty part', suggestion: 'write a\\.b for a claim whose name has a dot' } : undefined;
};

/** The same for one that is written `claims.NAME`. */
export const claimProblem = (written: string): { readonly message: string; readonly suggestion?: string } | undefined =>
  /^claims\.[^\s.]/.test(written) ? claimNameProblem(written.slice('claims.'.length)) : { message: 'expected claims.NAME', suggestion: 'such as claims.actor' };

/** The parts of a name; undefined when one is empty. */
export function claimParts(claim: string): readonly string[] | undefined {
  const parts = claim.replaceAll('\\\\', '\u0001').replaceAll('\\.', '\u0000').split('.');
  return parts.includes('') ? undefined : parts;
}
