import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { ask2, http2Client, type Answer2 } from './http2-scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

/** As in the README of HTTP. */
const MOST_RUNNING = 256;
const MOST_WAITING = 1024;
const MOST_STREAMS = 128;

let scene: HttpScene;
/** Requests that the target has and does not answer yet. */
let unanswered: ServerResponse[] = [];
before(async () => {
  scene = await startHttpScene();
  scene.target.handler = (request, response) => {
    unanswered.push(response);
    response.once('close', () => (unanswered = unanswered.filter((one) => one !== response)));
    request.resume();
  };
});
after(() => scene?.[Symbol.asyncDispose]());

const answerAll = (): void => {
  for (const response of unanswered.splice(0)) response.end('ok\n');
};

/** So many requests of one token at once, on as few connections as they fit on. */
const askMany = async (many: number, path: string): Promise<{ readonly all: Promise<unknown>; readonly answered: Answer2[]; readonly clients: readonly ClientHttp2Session[] }> => {
  const authorization = `Bearer ${await scene.token('reader')}`;
  const clients = Array.from({ length: Math.ceil(many / MOST_STREAMS) }, () => http2Client(scene));
  // One at first: of somebody who is not known a connection takes fewer.
  const first = clients.map((client) => ask2(client, { ':path': '/first', authorization }));
  await until(() => unanswered.length === clients.length, 20_000, 'the first of each connection');
  answerAll();
  await Promise.all(first);
  scene.target.clear();
  const answered: Answer2[] = [];
  const all = Promise.allSettled(Array.from({ length: many }, async (_, n) => answered.push(await ask2(clients[n % clients.length] as ClientHttp2Session, { ':path': `${path}/${n}`, authorization }))));
  return { all, answered, clients };
};

test('a client with three connections of a hundred streams each is answered: what is too much at a time waits until others end', async () => {
  const { all, answered, clients } = await askMany(300, '/waits');
  await until(() => unanswered.length === MOST_RUNNING, 20_000, 'as many as may run');
  answerAll();
  await until(() => unanswered.length === 300 - MOST_RUNNING, 20_000, 'those that waited');
  answerAll();
  await all;
  assert.deepEqual([answered.length, ...new Set(answered.map(({ status }) => status))], [300, 200]);
  for (const client of clients) client.close();
});

test('more than may wait are told at once to come again soon, and so are those whose turn does not come in time', { timeout: 90_000 }, async () => {
  const { all, answered, clients } = await askMany(MOST_RUNNING + MOST_WAITING + 6, '/late');
  const soon = (why: string): void => {
    for (const { status, headers, problem } of answered.splice(0)) assert.deepEqual([status, headers['retry-after'], problem['code'], String(problem['detail'])], [429, '1', 'limit', `wicketgate: too many requests of one session at a time: ${why}`]);
  };
  await until(() => answered.length === 6, 20_000, 'refusals');
  soon('too many wait already');
  await until(() => answered.length === MOST_WAITING, 40_000, 'those whose turn did not come');
  soon('others did not end in time');
  await until(() => unanswered.length === MOST_RUNNING, 20_000, 'those that run');
  answerAll();
  await all;
  assert.deepEqual([answered.length, scene.target.requests.length, ...new Set(answered.map(({ status }) => status))], [MOST_RUNNING, MOST_RUNNING, 200]);
  for (const client of clients) client.close();
});

test('what waits takes the place of one whose client has left', async () => {
  const { clients } = await askMany(2 * MOST_RUNNING, '/left');
  await until(() => unanswered.length === MOST_RUNNING, 20_000, 'as many as may run');
  // A half of those that run, and a half of those that wait.
  for (const client of clients.slice(0, 2)) client.destroy();
  await until(() => unanswered.length === MOST_RUNNING && unanswered.every(({ req }) => Number(req.url?.split('/').at(-1)) % clients.length >= 2), 20_000, 'those that waited');
  for (const client of clients) client.destroy();
  await until(() => unanswered.length === 0, 20_000, 'the end of all');
});

test('those that wait end with their session', async () => {
  const { all, answered, clients } = await askMany(MOST_RUNNING + 5, '/revoked');
  await until(() => unanswered.length === MOST_RUNNING, 20_000, 'as many as may run');
  await scene.gateway.reload({ ...scene.config, policies: [{ name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'] }] });
  await all;
  assert.deepEqual([answered.length, ...new Set(answered.map(({ status, problem }) => `${status} ${String(problem['code'])}`))], [MOST_RUNNING + 5, '403 revoked']);
  assert.equal(scene.target.requests.length, MOST_RUNNING);
  for (const client of clients) client.close();
});

test('the log has what ran, and verifies', async () => {
  await stopAndVerify(scene);
  assert.equal((await recorded(scene, '/waits/')).length, 300);
});
