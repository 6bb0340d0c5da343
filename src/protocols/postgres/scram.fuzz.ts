import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../../../test/kit/campaign.ts';
import { ScramClient, ScramError } from './scram.ts';

const PASSWORD = 'secret of the target';
const ITERATIONS = 4096;
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 5802 as a server: its first message, and the signature that only it can make. */
const honest = (start: string, nonce: string, salt: Buffer): { readonly first: string; final(clientFinal: string): string } => {
  const bare = start.slice(start.indexOf(',,') + 2);
  const first = `${bare.slice(bare.indexOf('r='))}${nonce},s=${salt.toString('base64')},i=${ITERATIONS}`;
  const salted = pbkdf2Sync(PASSWORD, salt, ITERATIONS, 32, 'sha256');
  return {
    first,
    final: (clientFinal) => {
      const withoutProof = clientFinal.slice(0, clientFinal.indexOf(',p='));
      const message = `${bare},${first},${withoutProof}`;
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
      const proof = Buffer.from(clientFinal.slice(clientFinal.indexOf(',p=') + 3), 'base64');
      assert.deepEqual(Buffer.from(proof.map((byte, at) => byte ^ signature[at]!)), clientKey, 'the proof is right');
      return `v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`;
    },
  };
};

const change = fc.tuple(fc.constantFrom('set', 'cut', 'insert'), fc.nat(), fc.oneof(fc.constantFrom(',', '=', 'r', 's', 'i', 'm', 'v', 'e', '0', '9', '\0', ' ', '\n', 'é'), fc.string({ maxLength: 3 })));
const changed = (message: string, changes: readonly (readonly [string, number, string])[]): string =>
  changes.reduce((text, [how, place, by]) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + (how === 'cut' ? '' : by) + text.slice(how === 'insert' ? at : how === 'cut' ? text.length : at + 1);
  }, message);

test('an exchange succeeds exactly when the server said what the protocol says, and fails with nothing but ScramError', () =>
  campaign(
    fc.asyncProperty(fc.stringMatching(/^[!-+\--~]{1,30}$/), fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.boolean(), fc.array(change, { maxLength: 2 }), fc.array(change, { maxLength: 2 }), async (nonce, salt, bound, inFirst, inFinal) => {
      const client = new ScramClient();
      const start = client.start(bound ? { mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'], endPoint: Buffer.alloc(32, 1) } : { mechanisms: ['SCRAM-SHA-256'] })!.message.toString();
      const server = honest(start, nonce, Buffer.from(salt));
      const first = changed(server.first, inFirst);
      let step = 'first';
      try {
        const clientFinal = (await client.proof(Buffer.from(first), Buffer.from(PASSWORD))).toString();
        // A first message that was changed and yet taken leads to another signature.
        const final = first === server.first ? server.final(clientFinal) : 'v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
        const given = changed(final, inFinal);
        step = 'final';
        client.verify(Buffer.from(given));
        assert.equal(first, server.first);
        assert.equal(given.split(',')[0], final);
      } catch (error) {
        if (!(error instanceof ScramError)) throw error;
        assert.ok(!error.message.includes(PASSWORD));
        assert.ok(inFirst.length + inFinal.length > 0, `an honest server is refused at its ${step} message: ${error.message}`);
      }
    }),
  ));

test('noise in the place of either message is refused, and never throws anything but ScramError', () =>
  campaign(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
      const client = new ScramClient();
      client.start({ mechanisms: ['SCRAM-SHA-256'] });
      await assert.rejects(client.proof(Buffer.from(bytes), Buffer.from(PASSWORD)), ScramError);
      assert.throws(() => client.verify(Buffer.from(bytes)), ScramError);
    }),
  ));
