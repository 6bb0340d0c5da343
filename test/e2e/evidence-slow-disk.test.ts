import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Gateway } from '../kit/gateway.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startHttpScene } from './http-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { startScene } from './scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * Answers that are recorded fill a segment before the next is made: clients wait until it is, and none is refused, nor is anything left out of
 * the record.
 */

/** 4 MiB, of which packing leaves 3. */
const ANSWER = randomBytes(3 * 1024 * 1024).toString('base64');
/** Together more than one and a half of the two segments that are ready. */
const [CLIENTS, EACH] = [8, 5];

const slow = (held: string) => ({ nodeArgs: ['--import', join(import.meta.dirname, '../kit/held-disk.ts')], env: { HELD_DISK: held }, connection: { evidence: { recordAnswers: '8MiB' } } });

const metric = async ({ control }: Gateway, name: string): Promise<number> => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await (await fetch(`${control}/metrics`, { headers: { connection: 'close' } })).text())?.[1]);

/** Clients that read one answer after the other, while the next segment is not ready, and from when they wait for it on it is. */
const read = async (gateway: Gateway, held: string, one: () => Promise<void>): Promise<void> => {
  const reading = Promise.all(Array.from({ length: CLIENTS }, one));
  await Promise.race([reading, until(async () => (await metric(gateway, 'wicketgate_evidence_waits_total')) > 0, 60_000, 'clients that wait for the disk')]);
  assert.equal(await metric(gateway, 'wicketgate_evidence_available'), 1, 'it is merely slow');
  rmSync(held);
  await reading;
};

/** The log verifies, and each answer is recorded to its end. */
const whole = async (scene: { readonly gateway: Gateway }): Promise<void> => {
  await stopAndVerify(scene);
  const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
  const answers = leaves.flatMap(({ record }) => (record.kind === 'outcome' && record.answer ? [record.answer] : [])).filter(({ bytes }) => bytes > ANSWER.length);
  assert.equal(answers.length, CLIENTS * EACH);
  assert.ok(answers.every(({ truncated }) => !truncated), 'an answer was not recorded to its end');
};

test('PostgreSQL: answers that are recorded faster than the disk takes them slow their clients down', async () => {
  using folder = tempFolder('held-disk');
  const held = folder.file('held');
  writeFileSync(held, '');
  await using scene = await startScene(slow(held));
  const direct = await scene.target.client();
  await direct.query('CREATE TABLE large (a text)');
  await direct.query('INSERT INTO large VALUES ($1)', [ANSWER]);
  await direct.query('GRANT SELECT ON large TO app');
  await direct.end();
  await read(scene.gateway, held, async () => {
    const client = await scene.client('reader');
    for (let n = 0; n < EACH; n++) assert.ok((await client.query<{ readonly a: string }>('SELECT a FROM large')).rows[0]?.a === ANSWER, 'another answer');
    await client.end();
  });
  await whole(scene);
});

test('HTTP: the same', async () => {
  using folder = tempFolder('held-disk');
  const held = folder.file('held');
  writeFileSync(held, '');
  await using scene = await startHttpScene(slow(held));
  scene.target.handler = (_, response) => response.setHeader('content-type', 'application/octet-stream').end(ANSWER);
  await read(scene.gateway, held, async () => {
    const agent = new Agent({ keepAlive: true });
    for (let n = 0; n < EACH; n++) {
      const { status, text } = await scene.ask('reader', '/large', { agent });
      assert.equal(status, 200, text.slice(0, 500));
      assert.ok(text === ANSWER, 'another answer');
    }
    agent.destroy();
  });
  await whole(scene);
});
