import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { startPeople } from '../kit/people.ts';
import { peopleCommands } from './people-commands.ts';

/** What the browser sends, with whatever Host. */
const call = (url: string, options: { readonly method?: string; readonly host?: string } = {}): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method: options.method ?? 'GET', agent: false, ...(options.host === undefined ? {} : { headers: { host: options.host } }) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });

const keptIn = (stateHome: string): string[] => (existsSync(join(stateHome, 'wicketgate')) ? readdirSync(join(stateHome, 'wicketgate')).map((name) => join(stateHome, 'wicketgate', name)) : []);

test('login in a browser keeps the ID token for this user only and never prints it; logout forgets it', async () => {
  await using provider = await startPeople();
  for (const open of [false, true]) {
    using commands = await peopleCommands([provider.login({ public: open })], provider);
    const login = await commands.browse(['login', '--json']);
    const asked = new URL(login.url).searchParams;
    assert.deepEqual([asked.get('response_type'), asked.get('code_challenge_method'), asked.get('scope')], ['code', 'S256', 'openid profile']);
    assert.match(login.callback, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    assert.ok((asked.get('state') ?? '').length >= 32 && (asked.get('nonce') ?? '').length >= 32);
    const seen = await call(await provider.complete(login.url, 'alice'));
    assert.equal(seen.status, 200);
    assert.match(seen.text, /You are logged in/);
    const { code, output } = await login.ended();
    assert.equal(code, 0, output);
    const said = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    assert.deepEqual([said['ok'], said['login'], said['subject'], said['name'], said['groups'], said['accounts']], [true, 'okta', 'alice', 'Alice Ames', ['okta/dba', 'okta/oncall'], { github: 'alice-gh' }]);
    const [file = '', ...more] = keptIn(commands.stateHome);
    assert.deepEqual(more, []);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(commands.stateHome, 'wicketgate')).mode & 0o777, 0o700);
    const token = readFileSync(file, 'latin1');
    assert.equal(token.split('.').length, 3);
    for (const part of token.split('.')) assert.ok(!output.includes(part), 'the token is not printed');
    assert.match((await commands.run(['logout'])).stdout, /logged out of okta/);
    assert.deepEqual(keptIn(commands.stateHome), []);
    assert.match((await commands.run(['logout'])).stdout, /nobody was logged in/);
  }
});

test('whatever else calls the waiting terminal neither logs in nor ends the login', async () => {
  await using provider = await startPeople();
  using commands = await peopleCommands([provider.login()], provider);
  const login = await commands.browse();
  const state = new URL(login.url).searchParams.get('state') ?? '';
  const { port } = new URL(login.callback);
  for (const [what, url, options, status] of [
    ['another state', `${login.callback}?code=x&state=${'a'.repeat(state.length)}`, {}, 400],
    ['no state', `${login.callback}?code=x`, {}, 400],
    ['the state twice', `${login.callback}?code=x&state=${state}&state=${state}`, {}, 400],
    ['another path', `http://127.0.0.1:${port}/other?code=x&state=${state}`, {}, 404],
    ['a name that was rebound', `${login.callback}?code=x&state=${state}`, { host: `evil.example:${port}` }, 404],
    ['another method', `${login.callback}?code=x&state=${state}`, { method: 'POST' }, 404],
  ] as const) assert.equal((await call(url, options)).status, status, what);
  await call(await provider.complete(login.url, 'bob'));
  const { code, output } = await login.ended();
  assert.equal(code, 0, output);
  assert.match(output, /logged in as Bob Burns at okta until .*; groups: okta\/dba/);
});

test('a login that does not end well keeps nothing and says why', async (t) => {
  await using provider = await startPeople();
  using commands = await peopleCommands([provider.login()], provider);
  const failed = async (begun: Awaited<ReturnType<typeof commands.browse>>, why: RegExp): Promise<void> => {
    const { code, output } = await begun.ended();
    assert.equal(code, 1, output);
    assert.match(output, why);
    assert.deepEqual(keptIn(commands.stateHome), []);
  };
  await t.test('the code of another login with the right state', async () => {
    const [mine, theirs] = [await commands.browse(), await commands.browse()];
    const swapped = new URL(await provider.complete(theirs.url, 'mallory'));
    const callback = new URL(mine.callback);
    for (const [name, value] of swapped.searchParams) callback.searchParams.set(name, value);
    callback.searchParams.set('state', new URL(mine.url).searchParams.get('state') ?? '');
    assert.match((await call(callback.href)).text, /not logged in/);
    await failed(mine, /the provider said invalid_grant/);
    theirs.service.signal('SIGTERM');
    await theirs.service.wait();
  });
  await t.test('another nonce', async () => {
    const login = await commands.browse();
    const url = new URL(login.url);
    url.searchParams.set('nonce', 'of-somebody-else');
    await call(await provider.complete(url.href, 'alice'));
    await failed(login, /not accepted/);
  });
  await t.test('the person says no', async () => {
    const login = await commands.browse();
    await call(`${login.callback}?error=access_denied&state=${new URL(login.url).searchParams.get('state')}&iss=${encodeURIComponent(provider.issuer)}`);
    await failed(login, /the provider said access_denied/);
  });
  await t.test('nobody comes', async () => failed(await commands.browse(['login', '--timeout', '1']), /nobody logged in within 1 seconds/));
  await t.test('the provider is down', async () => {
    await using gone = await startPeople();
    using others = await peopleCommands([gone.login()], gone);
    await gone.stop();
    const ran = await others.run(['login']);
    assert.deepEqual([ran.code, ran.stdout], [1, '']);
    assert.match(ran.stderr, /ECONNREFUSED/);
  });
  await t.test('the secret of the client is not there', async () => {
    const ran = await commands.run(['login'], { PEOPLE_SECRET: '' });
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /env:PEOPLE_SECRET is empty/);
  });
});

test('an ID token from elsewhere is kept only when the gateway would accept it', async (t) => {
  await using provider = await startPeople();
  await using foreign = await startPeople();
  using commands = await peopleCommands([provider.login({ more: { maxTokenAge: '1h' } })], provider);
  const login = (token: string): ReturnType<typeof commands.run> => commands.run(['login', '--id-token', 'env:TOKEN'], { TOKEN: token });
  for (const [what, token, why] of [
    ['of a foreign issuer', await foreign.idToken('alice'), /not verified/],
    ['of a foreign issuer that says it is this one', await foreign.idToken('alice', { iss: provider.issuer }), /not verified/],
    ['of a program', await provider.machineToken(), /not an ID token/],
    ['of a program, typed as an ID token', await provider.idToken('alice', { sub: provider.clientId }), /stands for a program/],
    ['expired', await provider.idToken('alice', { issuedIn: -600, expiresIn: -300 }), /expired/],
    ['too old', await provider.idToken('alice', { issuedIn: -7200, expiresIn: 300 }), /too old/],
    ['for another audience', await provider.idToken('alice', { aud: 'another-service' }), /another audience/],
    ['not a token', 'hunter2', /not a signed JWT/],
  ] as const) {
    await t.test(what, async () => {
      const ran = await login(token);
      assert.deepEqual([ran.code, ran.stdout], [1, ''], ran.stderr);
      assert.match(ran.stderr, why);
      assert.ok(!ran.stderr.includes(token.slice(0, 30)));
    });
  }
  assert.deepEqual(keptIn(commands.stateHome), []);
  const good = await provider.idToken('carol');
  assert.equal((await login(good)).code, 0);
  writeFileSync(commands.folder.file('token'), `${good}\n`);
  assert.equal((await commands.run(['login', '--id-token', `file:${commands.folder.file('token')}`])).code, 0);
  assert.equal((await commands.run(['login', '--id-token', good])).code, 2, 'a token does not belong on a command line');
  assert.equal(keptIn(commands.stateHome).length, 1);
});

test('the kept token is used only from a file and a folder that nobody else can touch', async () => {
  await using provider = await startPeople();
  using commands = await peopleCommands([provider.login()], provider);
  const approve = (): ReturnType<typeof commands.run> => commands.run(['approvals', 'approve', 'some-request', '--reason', 'x', '--yes']);
  assert.match((await approve()).stderr, /you are not logged in/);
  const token = await provider.idToken('alice');
  assert.equal((await commands.run(['login', '--id-token', 'env:TOKEN'], { TOKEN: token })).code, 0);
  assert.match((await approve()).stderr, /no gateway runs/, 'the token is good; now a gateway is missing');
  const [file = ''] = keptIn(commands.stateHome);
  chmodSync(file, 0o640);
  assert.match((await approve()).stderr, /only you can read and write/);
  chmodSync(file, 0o600);
  chmodSync(join(commands.stateHome, 'wicketgate'), 0o777);
  assert.match((await commands.run(['login', '--id-token', 'env:TOKEN'], { TOKEN: token })).stderr, /closed to others/);
  chmodSync(join(commands.stateHome, 'wicketgate'), 0o700);
  writeFileSync(file, 'x'.repeat(20_000));
  assert.match((await approve()).stderr, /larger than an ID token/);
  await commands.run(['logout']);
  writeFileSync(commands.folder.file('elsewhere'), token, { mode: 0o600 });
  symlinkSync(commands.folder.file('elsewhere'), file);
  assert.match((await approve()).stderr, /ELOOP/);
});

test('behind sudo, where one user is several people, nothing is kept and nothing kept is used', async () => {
  await using provider = await startPeople();
  using commands = await peopleCommands([provider.login()], provider);
  const env = { TOKEN: await provider.idToken('alice'), SUDO_USER: 'bob' };
  const kept = await commands.run(['login', '--id-token', 'env:TOKEN'], env);
  assert.equal(kept.code, 2);
  assert.match(kept.stderr, /behind sudo/);
  assert.deepEqual(keptIn(commands.stateHome), []);
  assert.equal((await commands.run(['login', '--id-token', 'env:TOKEN'], { TOKEN: env.TOKEN })).code, 0);
  const answer = ['approvals', 'approve', 'some-request', '--reason', 'x', '--yes'];
  assert.match((await commands.run(answer, env)).stderr, /behind sudo/);
  assert.match((await commands.run([...answer, '--id-token', 'env:TOKEN'], env)).stderr, /no gateway runs/, 'it was taken; now a gateway is missing');
  assert.equal((await commands.run([...answer, '--login', '--id-token', 'env:TOKEN'], env)).code, 2);
});

test('wrong use is exit code 2, and several logins must be told apart', async () => {
  await using provider = await startPeople();
  await using second = await startPeople();
  using commands = await peopleCommands([provider.login(), second.login({ more: { name: 'entra' } })], provider);
  for (const words of [['--port', '0'], ['--timeout', 'soon'], ['--nonsense']]) assert.equal((await commands.run(['login', ...words])).code, 2);
  assert.equal((await commands.run(['approvals', 'approve', 'id', '--reason', 'x'])).code, 2, 'without a terminal --yes is required');
  assert.equal((await commands.run(['approvals', 'approve', 'id', '--yes'])).code, 2, 'a reason is required');
  assert.equal((await commands.run(['approvals', 'list', '--state', 'lost'])).code, 2);
  const unclear = await commands.run(['login']);
  assert.equal(unclear.code, 2);
  assert.match(unclear.stderr, /--provider: okta, entra/);
  assert.match((await commands.run(['login', '--provider', 'nobody'])).stderr, /no provider nobody/);
  mkdirSync(commands.stateHome, { recursive: true });
  const ran = await commands.run(['login', '--provider', 'entra', '--id-token', 'env:TOKEN', '--json'], { TOKEN: await provider.idToken('alice') });
  assert.deepEqual([ran.code, (JSON.parse(ran.stdout) as { ok: boolean }).ok], [1, false], 'a token of okta is not one of entra');
});
