import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { recorded } from './whole-evidence.ts';

/*
 * What clients and targets may write into a terminal, by way of the record: nothing that it would obey, and no line that looks like one of ours.
 */

let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    connection: { evidence: { recordAnswers: '64KiB' } },
    policies: [{ name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'what is deleted is gone', approval: { ...PATIENT, hold: '1s' } }] }],
    control: people.control,
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

/** Escapes of 7 and 8 bits, what turns the direction of text, what overwrites a line, and what looks like the next record. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp\u2066\u200b\u2028\rforged\b\b\u007f';
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

test('neither bodies, header fields nor addresses reach a terminal as they are', async () => {
  const forged = '2026-01-01T00:00:00.000Z  #1 -> ok, 200';
  scene.target.handler = (request, response, socket) => {
    request.resume();
    if (request.url === '/plain') {
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${EVIL}\n${forged}\n`);
      return;
    }
    // What Node would not write itself.
    socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/\x9b31m\r\nX-Shown: \x9b2J\xe2\x80\xae\r\nConnection: close\r\n\r\n', 'latin1'), Buffer.from(`{"a":"${EVIL}"}`)]));
  };
  const ask = (path: string, method = 'POST', body = `${EVIL}\n${forged}`) => scene.ask('writer', path, { method, headers: { 'Content-Type': 'text/plain; x=\u009b2J' }, body });
  for (const path of ['/plain', '/fields', '/%E2%80%AEgnp?x=%1b%5b2J', '/%C2%9b', '/x?%E2%80%AE=%0a']) {
    const answer = await ask(path);
    assert.ok([200, 400].includes(answer.status), answer.text);
  }
  assert.equal((await scene.ask('writer', '/json', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ [EVIL]: EVIL }) })).status, 200);
  const refused = await ask('/held', 'DELETE');
  assert.equal(refused.status, 403);
  const request = await people.request(scene);

  const [command] = await until(async () => {
    const found = await recorded(scene, 'POST /json');
    return found.some(({ end }) => end !== undefined) ? found : undefined;
  });
  const config = ['--config', scene.gateway.configFile];
  const said = await Promise.all([
    scene.gateway.cli('sessions', 'show', command?.session ?? '', ...config),
    scene.gateway.cli('sessions', 'replay', command?.session ?? '', ...config),
    scene.gateway.cli('sessions', 'list', ...config),
    scene.gateway.cli('approvals', 'show', request.id, ...config),
    scene.gateway.cli('approvals', 'list', ...config),
  ]);
  for (const { stdout, stderr, code } of said) {
    assert.equal(code, 0, stderr);
    const at = OBEYED.exec(`${stdout}${stderr}`);
    assert.equal(at, null, JSON.stringify(stdout.slice(Math.max(0, (at?.index ?? 0) - 80), (at?.index ?? 0) + 40)));
  }
  const [show, replay] = said;
  assert.ok(show?.stdout.includes('POST /json') === true && replay?.stdout.includes('owned') === true, 'what is unseen is written out');
  // A line of a body stands below its record, and never where a record does.
  for (const line of `${show?.stdout}${replay?.stdout}`.split('\n')) assert.ok(!line.startsWith(forged), line);
  assert.equal(OBEYED.exec(scene.gateway.log().replaceAll('\n', '')), null);
  await people.deny(scene, request.id);
});
