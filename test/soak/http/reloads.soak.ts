import * as https from 'node:https';
import { ask2 } from '../../e2e/http2-scene.ts';
import { HTTP_POLICIES } from '../../e2e/http-scene.ts';
import { until } from '../../kit/until.ts';
import type { Soak } from '../soak.ts';
import { atATime } from './at-a-time.ts';
import { eventsOrOk, listen } from './events.ts';
import { startHttp2Stage } from './http2-stage.ts';

const AT_A_TIME = 12;
const REQUESTS = 600;
const RELOADS = 4;
const LISTENERS = 10;

/** Clients that work on while the configuration is changed again and again in ways that do not concern them: none of them notices, nor do those who listen to events. */
export const soak: Soak = {
  name: 'http-reloads',
  async start(nodeArgs) {
    const stage = await startHttp2Stage({
      nodeArgs,
      newer: eventsOrOk,
    });
    const { scene } = stage;
    let changes = 0;
    return {
      gateway: scene.gateway,
      async round() {
        const [reader, writer] = await Promise.all([stage.authorization('reader'), stage.authorization('writer')]);
        const session = await stage.connect('new');
        const agent = new https.Agent({ keepAlive: true, maxSockets: AT_A_TIME, ca: scene.ca });
        const events = Array.from({ length: LISTENERS }, () => listen(session, { ':path': '/events', authorization: reader }));
        let asked = 0;
        const work = atATime(2 * AT_A_TIME, REQUESTS, async (nth) => {
          asked += 1;
          const { status, text } = nth % 2 === 0 ? await ask2(session, { ':path': `/things/${nth}`, authorization: reader }) : await scene.ask(undefined, '/things', { method: 'POST', body: `thing ${nth}`, agent, port: scene.gateway.port('old'), headers: { authorization: writer } });
          if (status !== 200) throw new Error(`status ${status}: ${text}`);
        });
        const reloads = async (): Promise<void> => {
          for (let n = 1; n <= RELOADS; n++) {
            await until(() => asked >= (REQUESTS * n) / (RELOADS + 1), 60_000, 'some requests');
            changes += 1;
            await scene.gateway.reloaded({ ...scene.config, policies: [...HTTP_POLICIES, { name: `change-${changes}`, identities: ['writer'], connections: ['*'], allow: ['read'], limits: { commandsPerMinute: 1_000_000 + changes } }] });
          }
        };
        await Promise.all([work, reloads()]);
        const heard = events.map((listening) => listening.heard);
        await until(() => events.every((listening, index) => listening.heard > (heard[index] as number)), 20_000, 'events after the reloads');
        for (const listening of events) listening.leave();
        for (const { status, reset } of await Promise.all(events.map(({ over }) => over))) if (status !== 200 || reset !== 0) throw new Error(`events ended with status ${status}, reset ${reset}`);
        session.close();
        agent.destroy();
        scene.target.clear();
        return REQUESTS + LISTENERS;
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};
