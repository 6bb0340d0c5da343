import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttpScene, type HttpScene } from '../e2e/http-scene.ts';
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

/** One answer as a client got it. */
export interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

/** What an answer comes to. A session that was ended says so with its last answer. */
export const meaning = ({ status, body }: Reply): Said => {
  const text = body.toString('utf8');
  if (status >= 400 && /"code":"(?:revoked|target_unavailable|evidence_unavailable)"/.test(text)) return { kind: 'ended', text };
  if (status >= 400) return { kind: 'error', refusal: status === 403 && /"session":"[0-9a-z]{26}"/.test(text), text };
  const { value, ssn } = JSON.parse(text) as { readonly value?: string | null; readonly ssn?: string | null };
  return { kind: 'answer', values: [value ?? ssn ?? null] };
};

/** A column of HTTP, for clients that speak it in one of its versions. */
export const httpStage = async (version: string, connect: (scene: HttpScene) => Promise<Client>): Promise<Stage> => {
  const trigger = join(tmpdir(), `wicketgate-failing-sync-${version}-${process.pid}`);
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
      const opened = await connect(scene);
      // A session begins with its first request.
      const first = await opened.read();
      if (first.kind !== 'answer') {
        opened.leave();
        throw new Error(`no session: ${JSON.stringify(first)}`);
      }
      return opened;
    },
    changes: async () => changes,
    running: async () => slow.size > 0,
    loseTarget: () => target.down(),
    regainTarget: () => target.start(),
    ...operating(scene, trigger),
  };
};
