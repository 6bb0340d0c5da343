import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { skipUnless } from '../kit/present.ts';
import { SOON_MS, until } from '../kit/until.ts';
import { Failure, startPubSubScene, type Job, type Mode, type PubSubScene } from './pubsub-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

const SKIP = skipUnless('pubsub');
const { status } = grpc;

let pubsub: PubSubScene;
before(async () => {
  if (SKIP === false) pubsub = await startPubSubScene();
});
after(() => pubsub?.[Symbol.asyncDispose]());

const failing = async (performed: Promise<string>): Promise<Failure> => {
  const value = await performed.catch((error: unknown) => error);
  assert.ok(value instanceof Failure, String(value));
  return value;
};
const texts = (job: Job): readonly string[] => job.heard.flatMap((told) => (told.kind === 'message' ? [told.text] : []));
/** All that comes into a subscription, up to this text. */
const takenUpTo = async (subscription: string, last: string): Promise<readonly string[]> => {
  const taken: string[] = [];
  await until(async () => {
    taken.push(...(await pubsub.emulator.take('acme', subscription)));
    return taken.includes(last);
  });
  return taken;
};
const call = (method: string): Promise<Awaited<ReturnType<typeof recorded>>> => recorded(pubsub.scene, `POST /google.pubsub.v1.${method}\n`);

for (const mode of ['reverse proxy', 'forward proxy'] satisfies Mode[]) {
  describe(`@google-cloud/pubsub by the ${mode}`, { skip: SKIP }, () => {
    const name = mode.replace(' ', '-');
    let owner: Job;

    test('topic, subscription, publish, streaming pull, acknowledge', async () => {
      owner = await pubsub.job('writer', mode);
      assert.equal(await owner.perform({ do: 'createTopic', name }), `projects/acme/topics/${name}`);
      assert.equal(await owner.perform({ do: 'createSubscription', topic: name, name: `${name}-all` }), `projects/acme/subscriptions/${name}-all`);
      await owner.perform({ do: 'listen', name: `${name}-all` });
      const acknowledged = (await call('Subscriber/Acknowledge')).length;
      const large = 'm'.repeat(300_000);
      for (const text of ['one', 'two', large]) assert.notEqual(await owner.perform({ do: 'publish', topic: name, text }), '');
      await until(() => texts(owner).length >= 3);
      assert.deepEqual(new Set(texts(owner)), new Set(['one', 'two', large]));
      await until(async () => (await call('Subscriber/Acknowledge')).slice(acknowledged).some(({ end }) => end === 'ok'));
    });

    test('the records say what each call did; the client\'s own credential never went on', async () => {
      const { leaves } = await readEvidence(pubsub.scene.gateway.dataDir, join(pubsub.scene.gateway.folder, 'keys'));
      const connection = mode === 'reverse proxy' ? 'pubsub' : 'pubsub-proxied';
      const effects = leaves.flatMap(({ record }) => (record.kind === 'intent' && record.connection === connection ? [JSON.stringify(record.effects.map(({ class: kind, verb, object }) => `${kind} ${verb} ${object}`))] : []));
      for (const one of [
        ['schema create topic', 'admin configure topic'],
        ['schema create subscription', 'admin configure subscription'],
        ['write publish topic'],
        ['read pull subscription', 'write acknowledge subscription'],
        ['write acknowledge subscription'],
      ]) assert.ok(effects.includes(JSON.stringify(one)), `${JSON.stringify(one)} is not among ${effects.join('\n')}`);
      assert.ok(pubsub.tokensGiven() > 0);
    });

    test('a call that policy refuses is PERMISSION_DENIED at once, and the topic stays', async () => {
      const refused = await failing(owner.perform({ do: 'deleteTopic', name }));
      assert.equal(refused.code, status.PERMISSION_DENIED);
      assert.match(refused.message, /wicketgate: .*topics stay.*session [0-9a-z]{26}/);
      assert.ok((await pubsub.emulator.topics('acme')).includes(`projects/acme/topics/${name}`));
    });

    test('a publish that people have to approve waits, and goes through when they have', async () => {
      const { people, scene } = pubsub;
      await owner.perform({ do: 'createSubscription', topic: name, name: `${name}-held` });
      const asking = await pubsub.job('reader', mode);
      const published = asking.perform({ do: 'publish', topic: name, text: 'with leave' });
      const request = await people.request(scene);
      assert.match(request.text ?? '', /^POST \/google\.pubsub\.v1\.Publisher\/Publish\n/);
      assert.equal(request.notCovered, undefined, 'the message belongs to what is approved');
      assert.ok((request.data?.bytes ?? 0) > 'with leave'.length);
      assert.deepEqual(await pubsub.emulator.take('acme', `${name}-held`), []);
      await people.approve(scene, request.id);
      assert.notEqual(await published, '');
      const denied = failing(asking.perform({ do: 'publish', topic: name, text: 'without leave' }));
      await people.deny(scene, (await people.request(scene)).id);
      const { code, message } = await denied;
      assert.equal(code, status.PERMISSION_DENIED, message);
      assert.match(message, /agreed in the ticket/);
      await owner.perform({ do: 'publish', topic: name, text: 'afterwards' });
      assert.deepEqual(await takenUpTo(`${name}-held`, 'afterwards'), ['with leave', 'afterwards']);
      await asking.leave();
    });

    test('a client whose deadline is over first has left; its next try of the same message joins the request, and runs', async () => {
      const { people, scene } = pubsub;
      const asking = await pubsub.job('reader', mode);
      const late = await failing(asking.perform({ do: 'publish', topic: name, text: 'again', timeout: 1_500 }));
      assert.equal(late.code, status.DEADLINE_EXCEEDED, late.message);
      const request = await people.request(scene);
      await until(async () => (await people.request(scene)).waiting === 0);
      // Another deadline, and so another `grpc-timeout`.
      const again = asking.perform({ do: 'publish', topic: name, text: 'again' });
      await until(async () => (await people.request(scene)).waiting === 1);
      assert.equal((await people.request(scene)).id, request.id);
      await people.approve(scene, request.id);
      assert.notEqual(await again, '');
      assert.deepEqual(await takenUpTo(`${name}-held`, 'again'), ['again']);
      await asking.leave();
    });

    test('when nobody answers in time the status has the link; that very message runs later, and no other', async () => {
      const { people, scene } = pubsub;
      const asking = await pubsub.job('reader', mode, true);
      const refused = await failing(asking.perform({ do: 'publish', topic: name, text: 'patience' }));
      assert.equal(refused.code, status.PERMISSION_DENIED);
      const { id } = await people.request(scene);
      assert.match(refused.message, new RegExp(`https://wicketgate\\.test/approvals/${id}`));
      await people.approve(scene, id);
      const other = await failing(asking.perform({ do: 'publish', topic: name, text: 'Patience' }));
      assert.equal(other.code, status.PERMISSION_DENIED);
      await people.deny(scene, (await people.request(scene)).id);
      assert.notEqual(await asking.perform({ do: 'publish', topic: name, text: 'patience' }), '');
      assert.deepEqual(await takenUpTo(`${name}-held`, 'patience'), ['patience']);
      await asking.leave();
    });

    test('a streaming pull ends at once when its identity is revoked, with its status', async () => {
      const listener = await pubsub.job('writer', mode);
      await listener.perform({ do: 'createSubscription', topic: name, name: `${name}-last` });
      await listener.perform({ do: 'listen', name: `${name}-last` });
      await listener.perform({ do: 'publish', topic: name, text: 'heard' });
      await until(() => texts(listener).includes('heard'));
      const { gateway } = pubsub.scene;
      assert.equal((await gateway.cli('identities', 'revoke', 'writer', '--config', gateway.configFile)).code, 0);
      const from = performance.now();
      const over = await until(() => listener.heard.find((told) => told.kind === 'over'));
      assert.ok(performance.now() - from < SOON_MS);
      assert.equal(over.code, status.PERMISSION_DENIED);
      assert.match(over.message, /^wicketgate: .*revoked/);
      // In the reverse mode it does not get as far as a call: its token is exchanged no more, which is said by a status of HTTP. By a proxy that opens no
      // tunnel for it, it takes the target for unavailable, and tries again as long as it may.
      const refused = await failing(listener.perform({ do: 'publish', topic: name, text: 'no more', timeout: 2_000 }));
      assert.ok((mode === 'reverse proxy' ? [403, status.PERMISSION_DENIED] : [status.PERMISSION_DENIED, status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).includes(refused.code), String(refused.code));
      assert.equal((await gateway.cli('identities', 'restore', 'writer', '--config', gateway.configFile)).code, 0);
      // Those in which nothing had come yet may have acknowledged something all the same.
      await until(async () => (await call('Subscriber/StreamingPull')).every(({ end }) => end === 'aborted' || end === 'indeterminate'));
      await listener.leave();
      await owner.leave();
    });
  });
}

test('the log of all that verifies', { skip: SKIP }, () => stopAndVerify(pubsub.scene));
