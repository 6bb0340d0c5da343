import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';

/** A stream of events that somebody listens to. */
export interface Listening {
  /** How many came so far. */
  readonly heard: number;
  /** Ends it from this side. */
  leave(): void;
  /** It is over. */
  readonly over: Promise<{ readonly status: number | undefined; readonly reset: number | undefined }>;
}

/** Listens to events in HTTP/2. */
export const listen = (session: ClientHttp2Session, headers: OutgoingHttpHeaders): Listening => {
  const stream = session.request(headers);
  let heard = 0;
  let status: number | undefined;
  stream.on('error', () => {});
  stream.once('response', (head) => (status = head[':status']));
  stream.on('data', () => (heard += 1));
  const over = new Promise<{ readonly status: number | undefined; readonly reset: number | undefined }>((resolve) => stream.once('close', () => resolve({ status, reset: stream.rstCode })));
  return { get heard() { return heard; }, leave: () => stream.close(), over };
};

/** A target's answer: events without end at `/events`, ok elsewhere. */
export const eventsOrOk = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
  stream.respond({ ':status': 200 });
  if (headers[':path'] !== '/events') {
    stream.end('ok\n');
    return;
  }
  const more = setInterval(() => stream.write('data: 1\n\n'), 50);
  stream.once('close', () => clearInterval(more));
};
