/** Splits the path of a claim: `a.b` is member b of a; `\.` is a dot in a name and `\\` a backslash. Throws on an empty name. */
export const parseClaimPath = (path: string): readonly string[] => {
  const names: string[] = [];
  let name = '';
  for (let index = 0; index < path.length; index += 1) {
    const character = path.charAt(index);
    const next = path.charAt(index + 1);
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next;
      index += 1;
    } else if (character === '.') {
      names.push(name);
      name = '';
    } else {
      name += character;
    }
  }
  names.push(name);
  if (names.includes('')) throw new Error(`claim path ${JSON.stringify(path)} has an empty name`);
  return names;
};

/** The claim at a path, or undefined. Only members that the token itself has count, and only of objects. */
export const claimAt = (claims: Readonly<Record<string, unknown>>, path: readonly string[]): unknown => {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
};
