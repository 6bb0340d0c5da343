const color = process.stdout.isTTY === true;
const paint = (code: string, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);

/** One line for the person who watches. */
export const say = (text: string): boolean => process.stdout.write(`${text}\n`);
/** A line that stands out. */
export const heading = (text: string): boolean => say(paint('1', text));
/** What the next step of the walk shows. */
export const title = (text: string): boolean => say(`\n${paint('1', text)}`);
/** A command, as one would type it. */
export const command = (text: string): boolean => say(paint('36', `  $ ${text}`));
/** What a program printed. */
export const output = (text: string): boolean => say(text.trimEnd().replaceAll(/^(?=.)/gm, '    '));
