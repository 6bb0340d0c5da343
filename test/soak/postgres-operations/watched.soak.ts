import { setTimeout } from 'node:timers/promises';
import { startControlScene } from '../../e2e/control-scene.ts';
import type { Browser } from '../../e2e/control-browser.ts';
import type { Soak } from '../soak.ts';
import { one, session } from '../expected.ts';
import { counted } from '../together.ts';

const CLIENTS = 4;
const COMMANDS = 80;
const LOOKS = 10;

interface Listed {
  readonly items: readonly { readonly id: string }[];
}

/** Clients that work while people look on: lists of sessions, what a session did, its replay, and searches. Who asks too often is told when to come again, and does. */
export const soak: Soak = {
  name: 'postgres-watched',
  async start(nodeArgs) {
    const control = await startControlScene({ nodeArgs });
    const { scene } = control;
    const people = [await control.signedIn('carol'), await control.signedIn('alice')];
    const ask = async (browser: Browser, path: string): Promise<Listed> => {
      const { status, headers, text } = await browser.get(path);
      if (status === 429) {
        await setTimeout(Number(headers.get('retry-after')) * 1000);
        return ask(browser, path);
      }
      if (status !== 200) throw new Error(`${path}: ${status} ${text.slice(0, 300)}`);
      return JSON.parse(text) as Listed;
    };
    const looks = async (browser: Browser): Promise<void> => {
      for (let n = 0; n < LOOKS; n++) {
        const { items } = await ask(browser, '/sessions');
        const id = items[n % Math.max(1, items.length)]?.id;
        if (id === undefined) continue;
        for (const path of [`/sessions/${id}`, `/sessions/${id}/timeline`, `/sessions/${id}/replay`, '/commands?text=note', '/sessions?state=live', '/overview']) await ask(browser, path);
      }
    };
    return {
      gateway: scene.gateway,
      async round() {
        const working = counted(CLIENTS, async (n) => {
          const client = await session(scene, n % 2 === 0 ? 'writer' : 'reader');
          for (let each = 0; each < COMMANDS; each++) await one(client, `SELECT note FROM audit WHERE id = $1 AND ${each} = ${each}`, 'n1', [1]);
          await client.end();
          return COMMANDS;
        });
        const [done] = await Promise.all([working, ...people.map(looks)]);
        return done;
      },
      [Symbol.asyncDispose]: () => control[Symbol.asyncDispose](),
    };
  },
};
