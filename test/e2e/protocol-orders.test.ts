import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { postgresVersions } from '../kit/postgres.ts';
import { recordedAll } from './orders-evidence.ts';
import { compare } from './orders-play.ts';
import { startOrders, type Orders } from './orders-scene.ts';
import { scripts } from './orders-script.ts';

/*
 * Messages in orders that no driver would send: pipelined, in pieces, out of turn, cancelled, refused in the middle. Always the same few here;
 * `npm run fuzz -- test/e2e` goes on from where these end.
 */

/** Scripts for each version. */
const SESSIONS = 30;

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let orders: Orders;
    before(async () => {
      orders = await startOrders(version);
    });
    after(() => orders[Symbol.asyncDispose]());

    test('orders of messages have the consequences that they have at a server', async () => {
      await fc.assert(
        fc.asyncProperty(scripts, async (script) => void (await compare(orders, script))),
        { seed: version, numRuns: SESSIONS, endOnFailure: true },
      );
    });

    test('all of it is on record, and nothing refused came to the target', async () => {
      assert.deepEqual(await recordedAll(orders), []);
    });
  });
}
