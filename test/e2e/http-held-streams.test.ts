import assert from 'node:assert/strict';
import * as http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { PATIENT } from './approvals-scene.ts';
import { startHttpPeople, type HttpPeople } from './http-approval-scene.ts';
import { startHttpScene, type HttpScene } from './http-scene.ts';
import { http2Client } from './http2-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * Requests whose bodies come after they were approved, or while people think.
 */

const WHOLE = 64 * 1024;
let people: HttpPeople;
let scene: HttpScene;
before(async () => {
  people = await startHttpPeople();
  scene = await startHttpScene({
    http: { wholeBody: '64KiB' },
    policies: [
      { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'puts', match: { verbs: ['put'] }, effect: 'require_approval', reason: 'what is put stays', approval: PATIENT }] },
    ],
    control: people.control,
  });
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  people?.stop();
});

for (const version of ['HTTP/1.1', 'HTTP/2'] as const) {
  test(`${version}: a body that waits for 100 (Continue) is sent whole once people have approved it`, { timeout: 60_000 }, async () => {
    scene.target.clear();
    const size = 40 * WHOLE;
    const authorization = `Bearer ${await scene.token('writer')}`;
    let status = 0;
    let continued = 0;
    const body = Buffer.alloc(size, 'b');
    if (version === 'HTTP/2') {
      const session = http2Client(scene);
      const stream = session.request({ ':method': 'PUT', ':path': '/large', authorization, expect: '100-continue', 'content-length': size }, { endStream: false });
      stream.on('error', () => {});
      stream.once('continue', () => {
        continued += 1;
        stream.end(body);
      });
      stream.once('response', (head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader) => (status = head[':status'] ?? 0));
      stream.resume();
      stream.once('close', () => session.close());
    } else {
      const socket = await scene.dial();
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (continued === 0 && text.startsWith('HTTP/1.1 100 ')) {
          continued += 1;
          socket.write(body);
        }
        status = Number(/HTTP\/1\.1 ([2-5]\d\d) /.exec(text)?.[1] ?? 0);
      });
      socket.write(`PUT /large HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nExpect: 100-continue\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`);
    }
    const request = await people.request(scene);
    assert.match(request.notCovered ?? '', /body/);
    assert.equal(continued, 0);
    assert.equal(scene.target.requests.length, 0);
    await people.approve(scene, request.id);
    await until(() => status !== 0, 30_000, 'the answer');
    assert.equal(status, 200);
    assert.equal(scene.target.requests[0]?.bytes, size);
  });
}

test('the log verifies', () => stopAndVerify(scene));
