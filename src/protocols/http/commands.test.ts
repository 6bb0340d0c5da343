import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownValue } from './recorded.ts';
import { sectionFacts, withoutSecrets } from './commands.ts';
import { readSection, type HeaderSection } from './header-section.ts';

test('of a query, values of what lets somebody in are left out, whatever its name is written as', () => {
  for (const name of ['access_token', 'api_key', 'apikey', 'X-Amz-Signature', 'sig', 'key', 'code', 'upload_id', 'Upload%5Fid', 'password', 'pwd', 'pass', 'PIN', 'otp', 'jwt', 'cookie', 'user[pin]', 'user%5Bpwd%5D', 'user.otp', 'client%5Fsecret', 'api%20key', 'api+key', 'sessionCookie', 'subscription-key']) {
    assert.equal(withoutSecrets(`a=1&${name}=canary&b=2`), `a=1&${name}=*&b=2`, name);
  }
  for (const query of ['', 'a', 'page=2&pinned=1', 'keyboard=x&passenger=y&monkey=z', 'spin=1', 'uploadId=7']) assert.equal(withoutSecrets(query), query);
});

test('of a header field that is a key, its value; not of one that names something', () => {
  for (const name of ['x-amz-server-side-encryption-customer-key', 'x-amz-copy-source-server-side-encryption-customer-key', 'x-goog-encryption-key', 'x-ms-encryption-key', 'Ocp-Apim-Subscription-Key', 'x-functions-key', 'x-auth-key', 'meili-master-key', 'X-Otp']) {
    assert.equal(shownValue(name, 'canary'), '*', name);
  }
  for (const name of ['idempotency-key', 'x-idempotency-key', 'surrogate-key', 'x-amz-server-side-encryption-customer-key-md5', 'monkey']) assert.equal(shownValue(name, 'seen'), 'seen', name);
});

test('of the address of what is to be copied, neither', () => {
  const section = readSection(['Host', 'a', 'x-ms-copy-source', 'https://account.blob.example/c/b?sv=1&sig=canary', 'x-amz-copy-source', '/b/k?versionId=3'], '1.1', { tls: true }) as HeaderSection;
  assert.equal(sectionFacts(section).recorded, 'Host: a\nx-amz-copy-source: /b/k?versionId=3\nx-ms-copy-source: https://account.blob.example/c/b?sv=1&sig=*');
});
