import { ask2 } from '../../e2e/http2-scene.ts';
import { HTTP_POLICIES } from '../../e2e/http-scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';
import { eventsOrOk, listen } from './events.ts';
import { startHttp2Stage } from './http2-stage.ts';

const AT_A_TIME = 20;
const REQUESTS = 600;
const LISTENERS = 10;
/** Seconds; shorter than a round. */
const LIFETIME = 2;

/** Workers whose tokens end while they work: told so by 401, they go on with the next one. Meanwhile an identity is no longer let in, and what it listens to ends; others do not notice. */
export const soak: Soak = {
  name: 'http-ends',
  async start(nodeArgs) {
    const stage = await startHttp2Stage({
      nodeArgs,
      provider: { clockSkew: '0s' },
      newer: eventsOrOk,
    });
    const { scene } = stage;
    const short = async (): Promise<string> => `Bearer ${await scene.issuer.token({ claims: { job: 'writer' }, expiresIn: LIFETIME })}`;
    return {
      gateway: scene.gateway,
      async round() {
        const [session, others] = await Promise.all([stage.connect('new'), stage.connect('new')]);
        const reader = await stage.authorization('reader');
        const listened = Array.from({ length: LISTENERS }, () => listen(others, { ':path': '/events', authorization: reader }));
        await until(() => listened.every(({ heard }) => heard > 0), 20_000, 'events');
        let current = short();
        const work = async (to: number): Promise<void> => atATime(AT_A_TIME, to, async (nth) => {
          for (let tries = 0; tries < 5; tries++) {
            const shown = current;
            const { status, text } = await ask2(session, { ':path': `/things/${nth}`, ':method': nth % 2 === 0 ? 'GET' : 'POST', authorization: await shown }, nth % 2 === 0 ? undefined : 'a thing');
            if (status === 200) return;
            if (status !== 401) throw new Error(`status ${status}: ${text}`);
            if (shown === current) current = short();
          }
          throw new Error('no token is good');
        });
        const working = work(REQUESTS);
        await scene.gateway.reloaded({ ...scene.config, policies: HTTP_POLICIES.slice(1) });
        for (const { status } of await Promise.all(listened.map(({ over }) => over))) if (status !== 200) throw new Error(`events began with status ${status}`);
        const { status } = await ask2(others, { ':path': '/things', authorization: reader });
        if (status !== 403) throw new Error(`status ${status} of one who is not let in`);
        await scene.gateway.reloaded(scene.config);
        await working;
        // By now the first token is over.
        await work(AT_A_TIME);
        session.close();
        others.close();
        return REQUESTS + AT_A_TIME + LISTENERS + 1;
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};
