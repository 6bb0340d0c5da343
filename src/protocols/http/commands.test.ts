import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSecrets } from './commands.ts';

test('of a query, values of what lets somebody in are left out, whatever its name is written as', () => {
  for (const name of ['access_token', 'api_key', 'apikey', 'X-Amz-Signature', 'sig', 'key', 'code', 'password', 'pwd', 'pass', 'PIN', 'otp', 'jwt', 'cookie', 'user[pin]', 'user%5Bpwd%5D', 'user.otp', 'client%5Fsecret', 'api%20key', 'api+key', 'sessionCookie']) {
    assert.equal(withoutSecrets(`a=1&${name}=canary&b=2`), `a=1&${name}=*&b=2`, name);
  }
  for (const query of ['', 'a', 'page=2&pinned=1', 'keyboard=x&passenger=y&monkey=z', 'spin=1']) assert.equal(withoutSecrets(query), query);
});
