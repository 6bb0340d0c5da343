import * as https from 'node:https';
import type { ClientHttp2Session, ServerHttp2Stream } from 'node:http2';
import { PATIENT } from '../../e2e/approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from '../../e2e/http-approval-scene.ts';
import type { HttpScene } from '../../e2e/http-scene.ts';
import type { Handler } from '../../kit/http-target.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { startHttp2Stage, type Http2Stage } from './http2-stage.ts';

/** Clients of HTTP/1.1, each with a kept connection; connections of HTTP/2, and streams at a time on each of them. */
const WORKERS = 12;
const CONNECTIONS = 3;
const STREAMS = 10;
const LISTENERS = 4;
/** Requests that wait for people, of each version. */
const HELD = 5;
const PIECES = 5;
const EVERY_MS = 10;
const TARGETS = ['new', 'old'] as const;
const POLICIES = [{ name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'held', match: { request: { paths: ['/held/**'] } }, effect: 'require_approval', reason: 'people look at it', approval: PATIENT }] }];

const pieceOf = (path: string, piece: number): string => `${path} ${piece} ${'.'.repeat(500)}\n`;
const textOf = (path: string): string => Array.from({ length: PIECES }, (_, piece) => pieceOf(path, piece)).join('');

/** A target's answer: events without end, or so many pieces once the whole body has come. */
const answer = (path: string, write: (text: string) => void, end: () => void): NodeJS.Timeout => {
  let piece = 0;
  const timer = setInterval(() => {
    if (path.startsWith('/events')) write('data: 1\n\n');
    else if (piece < PIECES) write(pieceOf(path, piece++));
    else {
      clearInterval(timer);
      end();
    }
  }, EVERY_MS);
  return timer;
};

/**
 * A deployment that replaces the gateway while requests run: each is answered whole, told that the gateway stops, or was never sent on, as all are that wait for
 * people; what has no end is seen to break off, and not taken for an answer.
 */
export const soak: Soak = {
  name: 'http-drains',
  async start(nodeArgs) {
    /** Requests that came to a target. */
    const came = new Set<string>();
    const older: Handler = (request, response) => {
      const path = request.url ?? '';
      came.add(path);
      request.resume().once('end', () => {
        const timer = answer(path, (text) => response.write(text), () => response.end());
        response.once('close', () => clearInterval(timer));
      });
    };
    const newer = (stream: ServerHttp2Stream, { ':path': path = '' }: Readonly<Record<string, unknown>>): void => {
      came.add(String(path));
      stream.respond({ ':status': 200 });
      stream.resume().once('end', () => {
        const timer = answer(String(path), (text) => stream.write(text), () => stream.end());
        stream.once('close', () => clearInterval(timer));
      });
    };
    const people = await startHttpPeople();
    const stage = await startHttp2Stage({ nodeArgs, older, newer, policies: POLICIES, control: people.control });
    let rounds = 0;
    return {
      gateway: stage.scene.gateway,
      async round() {
        came.clear();
        return stopped(stage, people, came, `${(rounds += 1)}`);
      },
      [Symbol.asyncDispose]: async () => {
        await stage[Symbol.asyncDispose]();
        people.stop();
      },
    };
  },
};

const stopped = async (stage: Http2Stage, people: HttpPeople, came: ReadonlySet<string>, mark: string): Promise<number> => {
  const { scene } = stage;
  const authorization = await stage.authorization('writer');
  let whole = 0;
  /** One client, a request behind the other until the gateway is gone. */
  const work = async (name: string, ask: (path: string, nth: number) => Promise<Said>): Promise<number> => {
    for (let nth = 0; ; nth++) {
      const path = `/${mark}/${name}/${nth}`;
      const said = await ask(path, nth);
      if (said.kind === 'gone') {
        // Whoever is not answered sends it again, to the next gateway.
        if (came.has(path)) throw new Error(`${path} was not answered (${said.why}), and had come to the target`);
        return nth;
      }
      if (said.kind === 'cut') throw new Error(`the answer to ${path} broke off: ${said.why}`);
      if (said.status === 200 && said.text === textOf(path)) whole += 1;
      else if (said.status !== 503 || !said.text.includes('"shutting_down"') || came.has(path)) throw new Error(`${path}: ${said.status} ${said.text.slice(0, 200)}`);
    }
  };
  const agents: https.Agent[] = [];
  const sessions: ClientHttp2Session[] = [];
  const working: Promise<number>[] = [];
  const listening: Promise<Said>[] = [];
  const waiting: Promise<Said>[] = [];
  let listened = 0;
  const heard = (): void => void (listened += 1);
  for (const to of TARGETS) {
    const port = scene.gateway.port(to);
    // What comes in HTTP/1.1 goes on in it: to the target that speaks nothing else.
    for (let n = 0; to === 'old' && n < WORKERS; n++) {
      const agent = new https.Agent({ keepAlive: true, ca: scene.ca, maxSockets: 1 });
      agents.push(agent);
      working.push(work(`one-${to}-${n}`, (path, nth) => ask1({ scene, port, agent, authorization }, path, nth % 3 === 0)));
    }
    for (let n = 0; n < CONNECTIONS; n++) {
      const session = await stage.connect(to);
      sessions.push(session);
      for (let stream = 0; stream < STREAMS; stream++) working.push(work(`two-${to}-${n}-${stream}`, (path, nth) => ask2(session, authorization, path, nth % 3 === 0)));
    }
    const session = await stage.connect(to);
    sessions.push(session);
    for (let n = 0; n < LISTENERS; n++) {
      listening.push(ask2(session, authorization, `/events/${mark}/two-${to}-${n}`, false, heard));
      if (to === 'old') listening.push(ask1({ scene, port, agent: new https.Agent({ ca: scene.ca }), authorization }, `/events/${mark}/one-${to}-${n}`, false, heard));
    }
  }
  const [session] = sessions;
  for (let n = 0; session && n < HELD; n++) {
    waiting.push(ask2(session, authorization, `/held/${mark}/two-${n}`, n % 2 === 0));
    waiting.push(ask1({ scene, port: scene.gateway.port('old'), agent: new https.Agent({ ca: scene.ca }), authorization }, `/held/${mark}/one-${n}`, n % 2 === 0));
  }
  await until(async () => (await people.pending(scene)).filter(({ waiting: clients }) => clients > 0).length === waiting.length, 60_000, 'requests that wait for people');
  const all = Promise.all(working);
  await Promise.race([all, until(() => whole >= 2 * working.length && listened >= listening.length, 60_000, 'requests at work, and events')]);
  const code = await scene.gateway.terminate(30_000);
  if (code !== 0) throw new Error(`the gateway ended with ${code}`);
  const sent = (await all).reduce((sum, each) => sum + each, 0);
  for (const { kind } of await Promise.all(listening)) if (kind !== 'cut') throw new Error(`events without end were ${kind}`);
  for (const said of await Promise.all(waiting)) if (said.kind !== 'whole' || said.status !== 503 || !said.text.includes('"shutting_down"')) throw new Error(`a request that waited for people: ${JSON.stringify(said)}`);
  for (const path of came) if (path.startsWith('/held')) throw new Error(`${path} was sent on, and nobody had approved it`);
  for (const agent of agents) agent.destroy();
  for (const session of sessions) session.destroy();
  await scene.gateway.start();
  for (const { id } of await people.pending(scene)) await people.deny(scene, id);
  return sent + listening.length + waiting.length;
};

/** What came of a request: a whole answer, one that broke off, or none. */
type Said = { readonly kind: 'whole'; readonly status: number; readonly text: string } | { readonly kind: 'cut'; readonly why: string } | { readonly kind: 'gone'; readonly why: string };

const UPLOAD = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(1_000));
/** Gives a body as slowly as it is read from somewhere. */
const upload = (write: (text: string) => unknown, end: () => unknown): void => {
  let piece = 0;
  const timer = setInterval(() => {
    const next = UPLOAD[piece++];
    if (next !== undefined) return void write(next);
    clearInterval(timer);
    end();
  }, EVERY_MS);
};

interface Over1 { readonly scene: HttpScene; readonly port: number; readonly agent: https.Agent; readonly authorization: string }

const ask1 = ({ scene, port, agent, authorization }: Over1, path: string, uploads: boolean, heard?: () => void): Promise<Said> => new Promise((resolve) => {
  let begun = false;
  const broken = ({ message: why }: Error): void => resolve(begun ? { kind: 'cut', why } : { kind: 'gone', why });
  const request = https.request({ host: 'localhost', port, ca: scene.ca, agent, path, method: uploads ? 'POST' : 'GET', headers: { authorization, ...(uploads ? { 'content-length': UPLOAD.join('').length } : {}) } }, (response) => {
    begun = true;
    const chunks: Buffer[] = [];
    if (heard) response.once('data', heard);
    response.on('data', (chunk: Buffer) => { if (!heard) chunks.push(chunk); });
    response.once('error', broken);
    response.once('end', () => resolve({ kind: 'whole', status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
  });
  request.on('error', broken);
  if (uploads) upload((text) => request.write(text), () => request.end());
  else request.end();
});

const ask2 = (session: ClientHttp2Session, authorization: string, path: string, uploads: boolean, heard?: () => void): Promise<Said> => new Promise((resolve) => {
  if (session.closed || session.destroyed) return resolve({ kind: 'gone', why: 'the connection is closed' });
  const stream = session.request({ ':path': path, ':method': uploads ? 'POST' : 'GET', authorization }, { endStream: !uploads });
  let status: number | undefined;
  let ended = false;
  let why = '';
  const chunks: Buffer[] = [];
  stream.once('response', (head) => (status = head[':status']));
  if (heard) stream.once('data', heard);
  stream.on('data', (chunk: Buffer) => { if (!heard) chunks.push(chunk); });
  stream.once('end', () => (ended = !stream.aborted));
  stream.on('error', (error: Error) => (why = error.message));
  stream.once('close', () => {
    if (status === undefined) resolve({ kind: 'gone', why: `${why} ${stream.rstCode}` });
    else if (ended && stream.rstCode === 0 && why === '') resolve({ kind: 'whole', status, text: Buffer.concat(chunks).toString() });
    else resolve({ kind: 'cut', why: `${why} ${stream.rstCode}` });
  });
  if (uploads) upload((text) => stream.destroyed || stream.write(text), () => stream.destroyed || stream.end());
});
