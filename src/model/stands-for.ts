/**
 * What a name in a command stands for, ahead of the command's own recorded form. A recorded form holds no comments and begins with no
 * blank, so that a first line `-- ...` is always ours, whatever a literal of the client's makes look like one further down.
 */
export const standsFor = (name: string, recorded: string): string => `-- ${oneLine(name)} stands for:\n${recorded};\n\n`;

const oneLine = (name: string): string => JSON.stringify(name).replace(/[\u2028\u2029]/g, ' ');
