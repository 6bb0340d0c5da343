import assert from 'node:assert/strict';
import { createServer, type Server, type Socket, connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { acceptClient, type Accepted } from './accept.ts';
import { judgeParameters } from './parameters.ts';
import { chooseConnection } from './startup.ts';

const MOST = 4096;
let server: Server;
/** What came of each connection, in the order in which they were made. */
const waiting: { readonly resolve: (accepted: Accepted) => void; readonly reject: (error: unknown) => void }[] = [];
before(async () => {
  const options = { secureContext: () => createSecureContext({}), plaintextAllowed: true, deadlineMs: 5_000, maxBytes: MOST };
  server = createServer({ pauseOnConnect: true }, (socket) => {
    const { resolve, reject } = waiting.shift()!;
    acceptClient(socket, options).then(resolve, reject);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => server.close());

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const packet = (code: number, body: Buffer): Buffer => Buffer.concat([int32(8 + body.length), int32(code), body]);
const words = fc.constantFrom('user', 'database', 'options', 'application_name', 'replication', 'client_encoding', '_pq_.x', 'a', 'billing', '-c search_path=x', 'true', '\u00e9', '', 'x'.repeat(300));
const startup = fc.tuple(fc.constantFrom(196608, 196610, 196611, 131072, 0x7fffffff), fc.array(words, { maxLength: 10 })).map(([version, parts]) => packet(version, Buffer.from(`${parts.join('\0')}\0\0`)));
const cancel = fc.uint8Array({ minLength: 0, maxLength: 260 }).map((key) => packet(80877102, Buffer.concat([int32(7), key])));
const ask = fc.constantFrom(packet(80877103, Buffer.alloc(0)), packet(80877104, Buffer.alloc(0)));
const password = fc.string({ maxLength: 20 }).map((text) => Buffer.concat([Buffer.from('p'), int32(5 + Buffer.byteLength(text)), Buffer.from(`${text}\0`)]));
const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const stream = fc
  .tuple(fc.array(fc.oneof(startup, startup, cancel, ask, password, noise), { minLength: 1, maxLength: 4 }), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }))
  .map(([parts, changes]) => {
    const bytes = Buffer.concat(parts);
    for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
    return bytes;
  });

/** Sends the pieces, then ends; gives what the gateway made of it. */
const meet = (pieces: readonly Buffer[]): Promise<{ accepted: Accepted; client: Socket }> =>
  new Promise((resolve, reject) => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    client.resume();
    client.setNoDelay(true);
    waiting.push({ resolve: (accepted) => resolve({ accepted, client }), reject });
    const send = (at: number): void => {
      if (at < pieces.length) client.write(pieces[at]!, () => send(at + 1));
      else client.end();
    };
    client.on('connect', () => send(0));
  });

test('whatever a client sends first, in whatever pieces: a login, a cancel request or a reason, and never an error', () =>
  campaign(
    fc.asyncProperty(stream, fc.array(fc.nat(), { maxLength: 3 }), async (bytes, places) => {
      const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
      const pieces = [...at, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : at[index - 1], end)).filter(({ length }) => length > 0);
      const { accepted, client } = await meet(pieces);
      if (accepted.kind === 'startup') {
        const settings = judgeParameters(accepted.parameters);
        if (settings.kind !== 'refused') chooseConnection({ offered: [], elsewhere: [], user: settings.user, database: settings.database });
        const answer = await accepted.requestPassword();
        if (Buffer.isBuffer(answer)) {
          assert.ok(!answer.includes(0));
          accepted.release();
        }
        accepted.stream.destroy();
      } else if (accepted.kind === 'cancel') {
        assert.ok(accepted.key.length >= 4 && accepted.key.length <= 256);
        accepted.stream.destroy();
      }
      client.destroy();
    }),
  ));
