import assert from 'node:assert/strict';
import { createHash, hash } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';

/*
 * What a target sends is read into memory that is used again as soon as nobody holds on to it. Whoever held on to it all the same would hold other bytes
 * later on: so large answers are compared to the last byte, by clients that read as they like.
 */
const SIZE = 24 * 1024 * 1024 + 1234;
/** No two places look alike, and here and there stands what the gateway looks for: its own credential, whole and begun. */
const SENT = Buffer.alloc(SIZE);
for (let at = 0; at + 4 <= SIZE; at += 4) SENT.writeUInt32LE((at * 2_654_435_761) % 0x1_0000_0000, at);
const STARS = Buffer.from(SENT);
for (let at = 65_530; at + 100 < SIZE; at += 777_777) {
  SENT.write(TARGET_TOKEN, at, 'latin1');
  STARS.fill('*', at, at + TARGET_TOKEN.length);
  SENT.write(TARGET_TOKEN.slice(0, 20), at + 60, 'latin1');
  STARS.write(TARGET_TOKEN.slice(0, 20), at + 60, 'latin1');
}

let scene: HttpScene;
before(async () => {
  scene = await startHttpScene({ connection: { plaintext: true, evidence: { recordAnswers: '1MiB' } } });
  scene.target.handler = (request, response) => {
    request.resume();
    if (request.url === '/length') response.setHeader('Content-Length', SIZE);
    // In pieces of all sizes: chunks that end anywhere.
    let at = 0;
    const more = (): void => {
      while (at < SIZE) {
        const end = Math.min(SIZE, at + 1 + ((at * 7) % 200_003));
        const room = response.write(SENT.subarray(at, end));
        at = end;
        if (!room) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  };
});
after(() => scene?.[Symbol.asyncDispose]());

/** The body of an answer, read with pauses of no rule. */
const read = async (path: string): Promise<Buffer> => {
  const socket = await scene.dial();
  const pieces: Buffer[] = [];
  let reads = 0;
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    reads += 1;
    if (reads % 13 !== 0) return;
    socket.pause();
    setImmediate(() => setImmediate(() => socket.resume()));
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${await scene.token('reader')}\r\n\r\n`);
  await once(socket, 'close');
  const all = Buffer.concat(pieces);
  const head = all.indexOf('\r\n\r\n');
  assert.match(all.toString('latin1', 0, head), /^HTTP\/1\.1 200 /);
  return all.subarray(head + 4);
};

const unchunked = (body: Buffer): Buffer => {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, line), 16);
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
};

const expected = hash('sha256', STARS);
for (const path of ['/length', '/chunks']) {
  test(`large answers come as they were sent: ${path}`, async () => {
    const bodies = await Promise.all(Array.from({ length: 3 }, async () => read(path)));
    for (const body of bodies) {
      const whole = path === '/chunks' ? unchunked(body) : body;
      assert.equal(whole.length, SIZE);
      assert.equal(createHash('sha256').update(whole).digest('hex'), expected);
    }
  });
}
