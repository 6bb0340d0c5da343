type Headers = [name: string, value: string][];

/** Takes every header of a name (lower case) away, and puts one in their place. */
export const setHeader = (headers: Headers, name: string, value: string): void => {
  removeHeader(headers, name);
  headers.push([name, value]);
};

export const removeHeader = (headers: Headers, name: string): void => {
  for (let index = headers.length - 1; index >= 0; index -= 1) if (headers[index]?.[0].toLowerCase() === name) headers.splice(index, 1);
};

/** All values of a header (lower-case name). */
export const headerValues = (headers: readonly (readonly [name: string, value: string])[], name: string): readonly string[] =>
  headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
