import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../kit/campaign.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { recordedAll } from './orders-evidence.ts';
import { compare } from './orders-play.ts';
import { startOrders, type Orders } from './orders-scene.ts';
import { scripts } from './orders-script.ts';

/* Every order of messages, for as long as is asked for: see orders-play.ts for what is compared. */

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let orders: Orders;
    const verdicts = new Map<string, number>();
    before(async () => {
      orders = await startOrders(version);
    });
    after(() => orders[Symbol.asyncDispose]());

    test('every order of messages has the consequences that it has at a server', async (context) => {
      await campaign(
        fc.asyncProperty(scripts, async (script) => {
          const verdict = await compare(orders, script);
          verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        }),
        { slowest: true },
      );
      context.diagnostic(`${orders.scripts.length} sessions: ${[...verdicts].map(([verdict, times]) => `${times} ${verdict}`).join(', ')}`);
      for (const [why, times] of orders.ownWays) context.diagnostic(`${times} ${why}`);
    });

    test('all of it is on record, and nothing refused came to the target', async () => {
      assert.deepEqual(await recordedAll(orders), []);
    });
  });
}
