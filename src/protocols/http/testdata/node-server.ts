import * as http from 'node:http';
import { Duplex } from 'node:stream';

/** A request that came whole. */
export interface Taken {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** A connection whose client sends such pieces, and then nothing more for now. What is written to it is thrown away. */
export const wireOf = (pieces: readonly Buffer[]): Duplex & { destroySoon(): void } => {
  const wire = new Duplex({ read() {}, write: (_, __, then) => then(), final: (then) => then(), allowHalfOpen: true });
  for (const piece of pieces) wire.push(piece);
  return Object.assign(wire, { destroySoon: () => void wire.destroy() });
};

/** So many turns of the loop are enough for all that has come to be read. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** The requests that Node's own server takes for whole, in order. */
export const takenByNode = async (bytes: Buffer): Promise<Taken[]> => {
  const taken: Taken[] = [];
  const server = http.createServer({ requireHostHeader: false, maxHeaderSize: 64 * 1024 });
  server.maxHeadersCount = 0;
  const take = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', () => {});
    request.on('end', () => {
      if (!request.complete) return;
      taken.push({ method: request.method ?? '', url: request.url ?? '', fields: request.rawHeaders, body: Buffer.concat(pieces).toString('latin1') });
      response.end();
    });
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, take);
  // What is behind a request that came whole does not undo it.
  server.on('clientError', () => {});
  const wire = wireOf([bytes]);
  wire.on('error', () => {});
  server.emit('connection', wire);
  await settled();
  wire.destroy();
  server.close();
  return taken;
};
