/** Headers that say how the message is framed, where it goes or how long a connection lives: a credential there would change the request itself. */
const framing: ReadonlySet<string> = new Set([
  'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
]);

/** Whether a target may be given its credential in the header of that name, in any case. */
export const mayCarryCredential = (name: string): boolean => !framing.has(name.toLowerCase());
