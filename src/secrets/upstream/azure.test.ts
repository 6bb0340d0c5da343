import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { tempFolder } from '../../../test/kit/temp.ts';
import { json, startHostileIssuer } from '../../identity/testdata/hostile-issuer.ts';
import { createInjector, type CredentialOf } from './injector.ts';
import { headOf, NEVER, testParts } from './testdata/parts.ts';
import { CredentialUnavailable } from './unavailable.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';
const CLIENT = '66666666-7777-8888-9999-000000000000';
const SECRET = 'canary~secret.8Q~';
const PATH = `/${TENANT}/oauth2/v2.0/token`;
const azure = (over: Partial<CredentialOf<'azure'>>): CredentialOf<'azure'> => ({
  type: 'azure', tenant: TENANT, clientId: CLIENT, scopes: ['https://storage.azure.com/.default'], authority: 'https://login.microsoftonline.com', allowPrivate: false, ...over,
});

/** The token endpoint of Entra: what it takes and how it answers, for one application. */
const startEntra = async () => {
  const server = await startHostileIssuer();
  const forms: URLSearchParams[] = [];
  let accepted: Readonly<Record<string, string>> = { client_secret: SECRET };
  server.answer(PATH, (response, request) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => {
      const form = new URLSearchParams(text);
      forms.push(form);
      const known = form.get('client_id') === CLIENT && form.get('grant_type') === 'client_credentials' && form.get('scope') === 'https://storage.azure.com/.default';
      if (known && Object.entries(accepted).every(([name, value]) => form.get(name) === value)) {
        json({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: `eyJ.entra.${forms.length}` })(response, request);
        return;
      }
      const error = { error: 'invalid_client', error_description: `AADSTS7000215: Invalid client secret provided: ${form.get('client_secret')}`, error_codes: [7000215], trace_id: 'canary' };
      response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(error));
    });
  });
  return { authority: server.issuer, forms, accept: (what: Readonly<Record<string, string>>) => { accepted = what; }, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

test('a client secret is exchanged for a token of the tenant', async () => {
  await using entra = await startEntra();
  for (const authority of [entra.authority, `${entra.authority}/`]) {
    const injector = createInjector(azure({ authority, clientSecret: { from: 'env', name: 'SECRET' } }), testParts({ SECRET }));
    assert.deepEqual(injector.owns, ['authorization', 'x-ms-authorization-auxiliary']);
    const head = headOf();
    await injector.inject(head, NEVER);
    assert.deepEqual(head.headers, [['authorization', `Bearer eyJ.entra.${entra.forms.length}`]]);
  }
});

test('a federated assertion is read anew for each exchange', async () => {
  await using entra = await startEntra();
  using folder = tempFolder('azure');
  const path = folder.file('assertion');
  const put = (assertion: string): void => {
    writeFileSync(`${path}.new`, `${assertion}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    entra.accept({ client_assertion: assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
  };
  put('canary.first.assertion');
  const parts = testParts();
  const injector = createInjector(azure({ authority: entra.authority, assertion: { from: 'file', path } }), parts);
  await injector.inject(headOf(), NEVER);
  put('canary.second.assertion');
  await injector.inject(headOf(), NEVER);
  assert.equal(entra.forms.length, 1);
  parts.pass(3_600_000);
  const head = headOf();
  await injector.inject(head, NEVER);
  assert.deepEqual(head.headers, [['authorization', 'Bearer eyJ.entra.2']]);
  assert.equal(entra.forms[1]?.get('client_assertion'), 'canary.second.assertion');
  assert.equal(entra.forms[1]?.has('client_secret'), false);
  assert.ok(!parts.lines.join().includes('canary'));
});

test('a refusal is told by its codes, never in the words of the answer', async () => {
  await using entra = await startEntra();
  const parts = testParts({ SECRET: 'canary-wrong' });
  await assert.rejects(async () => createInjector(azure({ authority: entra.authority, clientSecret: { from: 'env', name: 'SECRET' } }), parts).inject(headOf(), NEVER), (error) => {
    assert.ok(error instanceof CredentialUnavailable);
    assert.match(error.message, /answered 401 \(invalid_client, AADSTS7000215\)$/);
    assert.ok(!(inspect(error, { depth: 9, showHidden: true }) + parts.lines.join()).includes('canary'));
    return true;
  });
});

test('what cannot be asked is refused before anything is sent', async () => {
  const secret = { from: 'env', name: 'SECRET' } as const;
  const table: readonly [Partial<CredentialOf<'azure'>>, RegExp][] = [
    [{ clientSecret: secret, assertion: secret }, /either a clientSecret or an assertion$/],
    [{}, /either a clientSecret or an assertion$/],
    [{ clientSecret: secret, tenant: '../common' }, /neither a GUID nor a domain$/],
    [{ clientSecret: secret, tenant: 'a/b' }, /neither a GUID nor a domain$/],
    [{ clientSecret: secret, tenant: '' }, /neither a GUID nor a domain$/],
    [{ clientSecret: secret, authority: 'http://login.example' }, /only https/],
    [{ clientSecret: secret, authority: 'https://169.254.169.254' }, /forbidden address/],
    [{ clientSecret: { from: 'env', name: 'MISSING' } }, /env:MISSING is not set$/],
  ];
  for (const [over, message] of table) await assert.rejects(async () => createInjector(azure(over), testParts({ SECRET })).inject(headOf(), NEVER), message);
});
