import { readFile } from 'node:fs/promises';
import { Agent as PlainAgent, request as requestPlain, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';

/** One request to somebody else's server. */
export interface Outgoing {
  readonly url: string;
  readonly method: 'POST' | 'PUT' | 'HEAD' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** PEM file of the CAs to trust instead of the system's. Read each time, so that it can be replaced. */
  readonly ca?: string;
  /** From the look-up of the name to the last byte. */
  readonly timeoutMs: number;
  /** Most bytes of the answer. */
  readonly mostBytes: number;
}

export interface Incoming {
  readonly status: number;
  /** Content type as sent, or empty. */
  readonly type: string;
  /** A header by its name in small letters. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

/** No whole answer came. The message is for the log: a code or words of ours, nothing that the other side chose. */
export class NoAnswer extends Error {
  /** The time was over. */
  readonly slow: boolean;

  constructor(message: string, slow = false) {
    super(message);
    this.slow = slow;
  }
}

// Addresses here are the operator's own choice. No proxy of the environment is used, and no redirect followed.
const plain = new PlainAgent({ keepAlive: true, maxSockets: 4, maxFreeSockets: 1, timeout: 60_000 });
const tls = new TlsAgent({ keepAlive: true, maxSockets: 4, maxFreeSockets: 1, timeout: 60_000 });

/** Sends one request and reads the answer, bounded in bytes and time. Rejects with NoAnswer. */
export const send = async (outgoing: Outgoing): Promise<Incoming> => {
  const { url, method, body, timeoutMs } = outgoing;
  const ca = outgoing.ca === undefined ? undefined : await caOf(outgoing.ca);
  const headers = { ...outgoing.headers, 'content-length': String(body.length), 'accept-encoding': 'identity', 'user-agent': 'wicketgate' };
  const options = { method, headers, maxHeaderSize: 16 * 1024, signal: AbortSignal.timeout(timeoutMs) };
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(cause instanceof NoAnswer ? cause : noAnswer(cause, timeoutMs));
    const request = url.startsWith('https:')
      ? requestTls(url, { ...options, agent: tls, minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) })
      : requestPlain(url, { ...options, agent: plain });
    request.on('error', fail);
    request.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= outgoing.mostBytes) chunks.push(chunk);
        else {
          fail(new NoAnswer(`the answer is larger than ${outgoing.mostBytes} bytes`));
          request.destroy();
        }
      });
      response.on('error', fail);
      response.on('aborted', () => fail(new NoAnswer('the answer was cut')));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', header: (name) => only(response.headers[name]), body: Buffer.concat(chunks) }));
    });
    request.end(body);
  });
};

const caOf = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    throw new NoAnswer(`the CA file cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
};

const only = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header);

const noAnswer = (cause: unknown, timeoutMs: number): NoAnswer => {
  if (!(cause instanceof Error)) return new NoAnswer('failed');
  if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return new NoAnswer(`no answer within ${timeoutMs / 1000} s`, true);
  // The agent's own limit for idle sockets does not end requests; a system error has a code.
  const { code } = cause as NodeJS.ErrnoException;
  return new NoAnswer(code ?? cause.name);
};
