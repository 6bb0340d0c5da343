import * as http from 'node:http';
import { Duplex } from 'node:stream';

/** What Node's own client makes of the bytes of an answer that comes at once, and after which the connection ends. */
export interface Seen {
  readonly status: number;
  readonly fields: readonly (readonly [string, string])[];
  /** Undefined: it did not come whole. */
  readonly body: Buffer | undefined;
}

/** Undefined: no answer at all. */
export const seenByNode = (bytes: Buffer, method: string): Promise<Seen | undefined> =>
  new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (_, __, then) => then(), final: (then) => then() });
    const request = http.request({ createConnection: () => wire, method, path: '/', host: 'a' });
    request.maxHeadersCount = 0;
    request.on('error', () => resolve(undefined));
    const fieldsOf = ({ rawHeaders }: http.IncomingMessage): [string, string][] => rawHeaders.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, rawHeaders[at + 1] as string]] : []));
    request.on('upgrade', (response) => resolve({ status: 101, fields: fieldsOf(response), body: Buffer.alloc(0) }));
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      const seen = (body: Buffer | undefined): void => resolve({ status: response.statusCode ?? 0, fields: fieldsOf(response), body });
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', () => seen(undefined));
      response.on('end', () => seen(Buffer.concat(pieces)));
    });
    request.end();
    wire.push(bytes);
    wire.push(null);
  });
