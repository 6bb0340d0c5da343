import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttpScene } from '../e2e/http-scene.ts';
import { FAILING_SYNC, operating } from './operating.ts';
import type { Client, MaskedValue, Said, Stage } from './scenarios.ts';

const SECRET = '123-45-6789';

/** As JSON. It has no binary form: there, every character is an escape. */
const VALUES: Readonly<Record<MaskedValue, string>> = {
  text: JSON.stringify(SECRET),
  binary: `"${SECRET.split('').map((character) => `\\u00${character.charCodeAt(0).toString(16)}`).join('')}"`,
  null: 'null',
  large: JSON.stringify(`${SECRET} `.repeat(40_000)),
  'too large': JSON.stringify(`${SECRET} `.repeat(2_000_000)),
};

/** One answer, as it stands in the bytes of a connection. */
interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

/** The first whole answer in these bytes, and what is behind it. Only what the gateway writes: a length, or chunks. */
const replyIn = (bytes: Buffer): { readonly reply: Reply; readonly rest: Buffer } | undefined => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.subarray(0, end).toString('latin1');
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const to = end + 4 + Number(length);
    return bytes.length < to ? undefined : { reply: { status, body: bytes.subarray(end + 4, to) }, rest: bytes.subarray(to) };
  }
  const pieces: Buffer[] = [];
  for (let at = end + 4; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (bytes.length < line + 2 + size + 2) return undefined;
    if (size === 0) return { reply: { status, body: Buffer.concat(pieces) }, rest: bytes.subarray(line + 4) };
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
};

const meaning = ({ status, body }: Reply): Said => {
  const text = body.toString('utf8');
  if (status >= 400) return { kind: 'error', refusal: status === 403 && /"session":"[0-9a-z]{26}"/.test(text), text };
  const { value, ssn } = JSON.parse(text) as { readonly value?: string | null; readonly ssn?: string | null };
  return { kind: 'answer', values: [value ?? ssn ?? null] };
};

const client = (socket: Socket, token: string): Client => {
  let bytes: Buffer = Buffer.alloc(0);
  let over = false;
  let look = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    look();
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    over = true;
    look();
  });
  const result = (): Promise<Said> => new Promise((resolve) => {
    look = () => {
      const found = replyIn(bytes);
      if (found) {
        bytes = found.rest;
        // A session that was ended says so with its last answer.
        const said = meaning(found.reply);
        resolve(said.kind === 'error' && /"code":"(?:revoked|target_unavailable|evidence_unavailable)"/.test(said.text) ? { kind: 'ended', text: said.text } : said);
      } else if (over) resolve({ kind: 'ended', text: bytes.toString('latin1') });
      else return;
      look = () => {};
    };
    look();
  });
  const request = (method: string, path: string, body = ''): string => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const ask = (method: string, path: string, body = ''): Promise<Said> => {
    if (over) return Promise.resolve({ kind: 'ended', text: '' });
    socket.write(request(method, path, body));
    return result();
  };
  return {
    idle: () => ask('GET', '/name'),
    read: () => ask('GET', '/name'),
    write: () => ask('POST', '/changes', '{}'),
    forbidden: () => ask('POST', '/forbidden', '{}'),
    unit: async (refusedAt) => {
      const requests = [request('POST', '/changes', '{}'), request('POST', '/changes', '{}')];
      requests.splice(refusedAt, 0, request('POST', '/forbidden', '{}'));
      socket.write(requests.join(''));
      return [await result(), await result(), await result()];
    },
    masked: (which) => ask('GET', `/values/${encodeURIComponent(which)}`),
    withheld: () => ask('GET', '/opaque'),
    begin: async () => void socket.write(request('POST', '/slow', '{}')),
    result,
    nonsense: async () => {
      socket.write('~~~\r\n\r\n');
      await new Promise<void>((resolve) => (over ? resolve() : socket.once('close', () => resolve())));
      return { kind: 'ended', text: bytes.toString('latin1') };
    },
    leave: () => void socket.destroy(),
  };
};

/** HTTP's column. */
export const httpStage = async (): Promise<Stage> => {
  const trigger = join(tmpdir(), `wicketgate-failing-sync-http-${process.pid}`);
  let changes = 0;
  let next = 0;
  const slow = new Set<number>();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '' } = request;
    const say = (value: unknown): void => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ value }));
    };
    request.resume();
    if (url === '/slow') {
      const id = (next += 1);
      slow.add(id);
      const later = setTimeout(() => {
        slow.delete(id);
        changes += 1;
        say('late');
      }, 60_000);
      response.once('close', () => {
        clearTimeout(later);
        slow.delete(id);
      });
      return;
    }
    request.once('end', () => {
      if (url === '/changes' || url === '/forbidden') {
        changes += 1;
        say('done');
      } else if (url.startsWith('/values/')) {
        response.setHeader('Content-Type', 'application/json');
        response.end(`{"ssn":${VALUES[decodeURIComponent(url.slice(8)) as MaskedValue]}}`);
      } else if (url === '/opaque') {
        response.setHeader('Content-Type', 'application/octet-stream');
        response.end(SECRET);
      } else say('Ada');
    });
  };
  const scene = await startHttpScene({
    target: { handler: answer },
    nodeArgs: ['--import', FAILING_SYNC],
    env: { FAILING_SYNC: trigger },
    policies: [
      {
        name: 'jobs', identities: ['writer'], connections: ['*'], allow: ['read', 'write'],
        rules: [{ name: 'no', match: { request: { paths: ['/forbidden'] } }, effect: 'deny', reason: 'not for jobs' }],
        mask: [{ fields: ['ssn'], transform: { partial: 4 } }],
      },
    ],
  });
  const { target } = scene;
  return {
    secret: SECRET,
    together: 'each',
    open: async () => {
      const opened = client(await scene.dial(), await scene.token('writer'));
      // A session begins with its first request.
      const first = await opened.read();
      if (first.kind !== 'answer') throw new Error(`no session: ${JSON.stringify(first)}`);
      return opened;
    },
    changes: async () => changes,
    running: async () => slow.size > 0,
    loseTarget: () => target.down(),
    regainTarget: () => target.start(),
    ...operating(scene, trigger),
  };
};
