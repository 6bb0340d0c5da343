import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { mintToken, signingKey, type SigningKey } from '../../test/kit/tokens.ts';
import { malleate } from './testdata/forge.ts';
import { parseToken, type ParsedToken } from './token.ts';
import { VerifiedSignatures } from './verified.ts';

const parsed = (token: string): ParsedToken => {
  const result = parseToken(token);
  if (typeof result === 'string') assert.fail(result);
  return result;
};
const publicKey = (key: SigningKey) => createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' });

test('a signature is remembered for the key that made it, not for another one of the same id', async () => {
  const verified = new VerifiedSignatures();
  const [old, next] = [await signingKey('ES256'), await signingKey('ES256')];
  const token = parsed(await mintToken('https://issuer.test', old));
  const key = publicKey(old);
  assert.equal(verified.verify(token, [key]), true);
  assert.equal(verified.verify(token, [key]), true);
  assert.equal(verified.verify(token, [publicKey(next)]), false);
  assert.equal(verified.verify(token, []), false);
});

test('an altered signature is verified for itself, and names the same token', async () => {
  const verified = new VerifiedSignatures();
  const key = await signingKey('ES256');
  const text = await mintToken('https://issuer.test', key);
  const [token, twin] = [parsed(text), parsed(malleate(text))];
  assert.equal(token.fingerprint, twin.fingerprint);
  assert.notDeepEqual(token.signature, twin.signature);
  const keys = [publicKey(key)];
  assert.equal(verified.verify(token, keys), true);
  assert.equal(verified.verify(twin, keys), true);
  assert.equal(verified.verify({ ...token, signature: Buffer.alloc(64, 1) }, keys), false);
});

test('no more is remembered than was allowed, the oldest goes first, failures not at all', async () => {
  const verified = new VerifiedSignatures(3);
  const key = await signingKey('ES256');
  const keys = [publicKey(key)];
  for (let index = 0; index < 10; index += 1) assert.equal(verified.verify(parsed(await mintToken('https://issuer.test', key)), keys), true);
  assert.equal(verified.size, 3);
  const stranger = await signingKey('ES256');
  const fresh = new VerifiedSignatures();
  assert.equal(fresh.verify(parsed(await mintToken('https://issuer.test', stranger)), keys), false);
  assert.equal(fresh.size, 0);
});
