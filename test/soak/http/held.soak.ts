import { PATIENT } from '../../e2e/approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from '../../e2e/http-approval-scene.ts';
import { ask2, http2Client } from '../../e2e/http2-scene.ts';
import type { HttpScene } from '../../e2e/http-scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { atATime } from './at-a-time.ts';
import { startHttpWork, tokenOf } from './http-work.ts';

/** Each of them has one request of each kind: about a hundred wait at a time. */
const WORKERS = 20;
/** One of so many has one that nobody answers. A round goes on until it has lapsed: a gateway takes only so many new requests a second. */
const UNANSWERED = 5;
const NAMES = Array.from({ length: WORKERS }, (_, n) => `worker-${n}`);
const ANSWERS_AT_A_TIME = 6;
const BRIEF = { ...PATIENT, hold: '2s' };

const rule = (name: string, approval: Readonly<Record<string, unknown>>): Record<string, unknown> => ({ name, match: { verbs: ['delete'], request: { paths: [`/${name}/**`] } }, effect: 'require_approval', reason: 'what is deleted is gone', approval });
const POLICIES = [{ name: 'deleting', identities: NAMES, connections: ['*'], allow: ['read', 'write'], rules: [rule('approved', PATIENT), rule('denied', PATIENT), rule('left', PATIENT), rule('late', BRIEF), rule('never', { ...BRIEF, expires: '10s' })] }];

/** What people do with a request, by its path. */
class Answering {
  /** Requests that were looked at, by path. */
  readonly seen = new Set<string>();
  /** Those whose client waits no longer: some are answered only then. */
  readonly due = new Set<string>();
  readonly answered = new Set<string>();
  readonly #paths = new Map<string, string>();
  readonly #people: HttpPeople;
  readonly #scene: HttpScene;

  constructor(people: HttpPeople, scene: HttpScene) {
    this.#people = people;
    this.#scene = scene;
  }

  /** Once through all that are there. @returns whether there are none */
  async look(): Promise<boolean> {
    const waiting = await this.#people.pending(this.#scene);
    await atATime(ANSWERS_AT_A_TIME, waiting.length, async (nth) => this.#one(waiting[nth]!.id));
    return waiting.length === 0;
  }

  async #one(id: string): Promise<void> {
    const path = this.#paths.get(id) ?? /^DELETE (\S+)\n/.exec((await this.#people.show(this.#scene, id)).text ?? '')?.[1] ?? '';
    this.#paths.set(id, path);
    this.seen.add(path);
    const kind = path.split('/')[1];
    if (kind === 'never' || ((kind === 'left' || kind === 'late') && !this.due.has(path))) return;
    if (kind === 'denied' || kind === 'left') await this.#people.deny(this.#scene, id);
    else await this.#people.approve(this.#scene, id);
    this.answered.add(path);
  }
}

/** Jobs whose requests wait for people by the hundred: approved, denied, approved too late and sent again, never answered, and given up by their clients. */
export const soak: Soak = {
  name: 'http-held',
  // Few requests a round: it takes longer until what they run is compiled.
  warm: 6,
  async start(nodeArgs) {
    const people = await startHttpPeople();
    let rounds = 0;
    const work = await startHttpWork(nodeArgs, {
      identities: NAMES.map((name) => ({ name, owner: { contact: 'workers@acme.example' }, provider: 'ci', claims: { job: name } })),
      policies: POLICIES,
      control: people.control,
    }, async ({ scene, count }) => {
      const mark = `${(rounds += 1)}`;
      const answering = new Answering(people, scene);
      let done = false;
      const answers = until(async () => await answering.look() && done, 120_000, 'an answer to all that can be answered');
      answers.catch(() => {});
      await Promise.race([answers, together(WORKERS, (n) => jobs(scene, answering, n, mark))]);
      done = true;
      await answers;
      for (const { url } of scene.target.requests) if (!/^\/(?:approved|late)\//.test(url)) throw new Error(`the target was sent ${url}`);
      if (scene.target.requests.length !== 2 * WORKERS) throw new Error(`the target was sent ${scene.target.requests.length} requests`);
      count(WORKERS * 5 + WORKERS / UNANSWERED);
    });
    return {
      ...work,
      [Symbol.asyncDispose]: async () => {
        await work[Symbol.asyncDispose]();
        people.stop();
      },
    };
  },
};

/** One of each kind, at the same time; every other job by HTTP/2. */
const jobs = async (scene: HttpScene, answering: Answering, n: number, mark: string): Promise<void> => {
  const authorization = `Bearer ${await tokenOf(scene, NAMES[n]!)}`;
  const session = n % 2 === 0 ? undefined : http2Client(scene);
  const pathOf = (kind: string): string => `/${kind}/${mark}-${n}`;
  const ask = async (kind: string, status: number, code?: string): Promise<void> => {
    const { status: said, problem, text } = session ? await ask2(session, { ':method': 'DELETE', ':path': pathOf(kind), authorization }) : await scene.ask(undefined, pathOf(kind), { method: 'DELETE', headers: { authorization } });
    if (said !== status || problem['code'] !== code) throw new Error(`${kind}: ${said} instead of ${status}: ${text}`);
  };
  await Promise.all([
    ask('approved', 200),
    ask('denied', 403, 'denied'),
    ...(n % UNANSWERED === 0 ? [ask('never', 403, 'approval_required')] : []),
    (async () => {
      await ask('late', 403, 'approval_required');
      answering.due.add(pathOf('late'));
      await until(() => answering.answered.has(pathOf('late')), 60_000, 'somebody who approves what came too late');
      await ask('late', 200);
    })(),
    leave(scene, answering, pathOf('left'), authorization, session),
  ]);
  session?.close();
};

/** Gives up once people see it. */
const leave = async (scene: HttpScene, answering: Answering, path: string, authorization: string, session: ReturnType<typeof http2Client> | undefined): Promise<void> => {
  const seen = (): Promise<boolean> => until(() => answering.seen.has(path), 60_000, 'somebody who looks at what is left');
  if (session) {
    const stream = session.request({ ':method': 'DELETE', ':path': path, authorization });
    stream.on('error', () => {});
    await seen();
    stream.close(8);
  } else {
    const aborting = new AbortController();
    const asked = scene.ask(undefined, path, { method: 'DELETE', headers: { authorization }, signal: aborting.signal }).then(() => 'answered', () => 'gone');
    await seen();
    aborting.abort();
    if (await asked !== 'gone') throw new Error('what nobody answered was answered');
  }
  answering.due.add(path);
};
