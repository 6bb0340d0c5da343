import { renderMessage } from './http/render.ts';
import { renderAnswer } from './postgres/render.ts';

/** Words what was recorded of a session, an answer or what was sent behind a command, as a client of its protocol would show it. Pure; never throws. */
export const render = (protocol: string, bytes: Buffer): string => (protocol === 'http' ? renderMessage(bytes) : renderAnswer(bytes));
