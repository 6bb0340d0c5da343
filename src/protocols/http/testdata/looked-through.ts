import type { Readable } from 'node:stream';
import { AnswerWithheld } from '../mask.ts';

/** What a client gets of an answer that is looked through, and whether it was refused. Rejects with any other error. */
export const receivedOf = async (looked: Readable): Promise<{ readonly got: Buffer; readonly refused: boolean }> => {
  const got: Buffer[] = [];
  looked.on('data', (chunk: Buffer) => got.push(chunk));
  const refused = await new Promise<boolean>((resolve, reject) => {
    looked.once('end', () => resolve(false));
    looked.once('error', (error) => (error instanceof AnswerWithheld ? resolve(true) : reject(error)));
  });
  return { got: Buffer.concat(got), refused };
};
