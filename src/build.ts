import { readFileSync } from 'node:fs';

const read = (): string => {
  // Beside src/ in a clone, beside dist/ in the published package.
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};

/** Version of this gateway, as in package.json. */
export const version: string = read();
