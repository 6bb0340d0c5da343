import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startCloudStorage, type CloudStorage } from '../kit/gcs.ts';
import { requireProgram, skipUnless } from '../kit/present.ts';
import { run } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { startHttpScene, type Answered, type HttpRole, type HttpScene } from './http-scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

/** More than gcloud and gsutil send in one piece. */
const LARGE = Buffer.alloc(12 * 1024 * 1024, 'a large file goes in pieces ');

let storage: CloudStorage;
let scene: HttpScene;
let folder: TempFolder;
before(async () => {
  folder = tempFolder('http-gcloud');
  storage = await startCloudStorage();
  writeFileSync(folder.file('key.json'), storage.account.json(), { mode: 0o600 });
  const connection = {
    protocol: 'http',
    target: { host: '127.0.0.1', port: storage.port, tls: 'disable' },
    credential: { type: 'google', key: `file:${folder.file('key.json')}`, tokenUrl: storage.tokenUrl, allowPrivate: true },
  };
  scene = await startHttpScene({
    connectionsAt: () => [
      { ...connection, name: 'gcs', http: { apis: ['gcs'], host: 'storage.googleapis.com' } },
      ...['kept', 'streamed'].map((name) => ({ ...connection, name, http: { apis: ['gcs'], host: 'storage.googleapis.com' } })),
      { ...connection, name: 'prefixed', http: { apis: ['gcs'], host: 'storage.googleapis.com', prefix: '/gcs' } },
    ],
  });
  for (const role of ['reader', 'writer'] as const) writeFileSync(folder.file(role), await scene.token(role));
  writeFileSync(folder.file('small'), 'one small file\n');
  writeFileSync(folder.file('large'), LARGE);
});
after(async () => {
  await scene?.[Symbol.asyncDispose]();
  await storage?.[Symbol.asyncDispose]();
  folder?.remove();
});

const gcloud = async (role: HttpRole, ...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> => {
  const ran = await run(requireProgram('gcloud'), ['storage', ...args], {
    timeoutMs: 120_000,
    env: {
      HOME: folder.path, CLOUDSDK_CONFIG: folder.file('gcloud'), CLOUDSDK_CORE_DISABLE_PROMPTS: '1', CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1', CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
      CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `${scene.url}/storage/v1/`, CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: folder.file(role), CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE: scene.gateway.caFile,
    },
  });
  return { code: ran.code, said: ran.stdout + ran.stderr };
};
const ok = async (role: HttpRole, ...args: readonly string[]): Promise<string> => {
  const { code, said } = await gcloud(role, ...args);
  assert.equal(code, 0, `gcloud storage ${args.join(' ')}\n${said}\n${storage.seen.join('\n')}\n${scene.gateway.log().slice(-2_000)}`);
  return said;
};

/** How Google's libraries are told who they are: the token is in a file, and the gateway is who exchanges it. */
const externalAccount = (role: HttpRole, base: string): Readonly<Record<string, unknown>> => ({
  type: 'external_account', audience: '//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/none/providers/none', subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: `${base}/v1/token`, credential_source: { file: folder.file(role) },
});

test('gcloud storage: up, resumable, list, down, remove, by an endpoint, a token file and a CA file', { skip: skipUnless('gcloud') }, async () => {
  await ok('writer', 'cp', folder.file('small'), folder.file('large'), 'gs://acme-exports/dir/');
  assert.ok(storage.objects.get('acme-exports/dir/large')?.equals(LARGE));
  assert.ok(storage.seen.some((line) => line.startsWith('PUT /resumable/upload/') && line.endsWith('upload_id=* 200')));
  assert.match(await ok('reader', 'ls', 'gs://acme-exports/dir/'), /gs:\/\/acme-exports\/dir\/large\ngs:\/\/acme-exports\/dir\/small\n/);
  await ok('reader', 'cp', 'gs://acme-exports/dir/large', folder.file('large.back'));
  assert.ok(readFileSync(folder.file('large.back')).equals(LARGE));
  const refused = await gcloud('reader', 'rm', 'gs://acme-exports/dir/small');
  assert.match(refused.said, /HTTPError 403: .*wicketgate: delete on object acme-exports\/dir\/small refused/);
  await ok('writer', 'rm', 'gs://acme-exports/dir/small');
  assert.ok(!storage.objects.has('acme-exports/dir/small'));
});

test('gsutil: up and down, by a boto file and an external account', { skip: skipUnless('gsutil') }, async () => {
  const gsutil = async (role: HttpRole, ...args: readonly string[]): Promise<string> => {
    writeFileSync(folder.file('account.json'), JSON.stringify(externalAccount(role, scene.url)));
    writeFileSync(folder.file('boto'), `[Credentials]\ngs_external_account_file = ${folder.file('account.json')}\ngs_json_host = localhost\ngs_json_port = ${scene.gateway.port('gcs')}\n[Boto]\nca_certificates_file = ${scene.gateway.caFile}\n[GSUtil]\nstate_dir = ${folder.file(`state-${role}`)}\nresumable_threshold = 1048576\nsoftware_update_check_period = 0\n`);
    const ran = await run(requireProgram('gsutil'), ['-q', ...args], { timeoutMs: 120_000, env: { HOME: folder.path, BOTO_CONFIG: folder.file('boto'), CLOUDSDK_CONFIG: folder.file('gcloud'), CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL: 'false', REQUESTS_CA_BUNDLE: scene.gateway.caFile } });
    assert.equal(ran.code, 0, `gsutil ${args.join(' ')}\n${ran.stdout}${ran.stderr}\n${storage.seen.join('\n')}`);
    return ran.stdout;
  };
  await gsutil('writer', 'cp', folder.file('large'), 'gs://acme-exports/by-gsutil');
  assert.ok(storage.objects.get('acme-exports/by-gsutil')?.equals(LARGE));
  await gsutil('reader', 'cp', 'gs://acme-exports/by-gsutil', folder.file('by-gsutil.back'));
  assert.ok(readFileSync(folder.file('by-gsutil.back')).equals(LARGE));
});

test('@google-cloud/storage: an external account, below a prefix; the pieces of an upload come back through the gateway', async () => {
  const program = `
import { Storage } from '@google-cloud/storage';
import { readFileSync } from 'node:fs';
const { BASE, FOLDER, ACCOUNT } = process.env;
// Its uploads show a token only where the endpoint is of the universe's domain.
const storage = new Storage({ apiEndpoint: BASE, universeDomain: 'localhost', useAuthWithCustomEndpoint: true, keyFilename: ACCOUNT, projectId: 'acme', retryOptions: { autoRetry: false } });
const bucket = storage.bucket('acme-exports');
await bucket.upload(FOLDER + '/large', { destination: 'node/large', resumable: true, chunkSize: 4 * 1024 * 1024 });
await bucket.file('node/small one').save('small', { resumable: false });
const [files] = await bucket.getFiles({ prefix: 'node/' });
console.log(files.map(({ name }) => name).join());
const [bytes] = await bucket.file('node/large').download();
console.log(bytes.equals(readFileSync(FOLDER + '/large')));
await bucket.file('node/small one').delete();
const [left] = await bucket.file('node/small one').exists();
console.log(left);
`;
  const base = `https://localhost:${scene.gateway.port('prefixed')}/gcs`;
  writeFileSync(folder.file('node.json'), JSON.stringify({ ...externalAccount('writer', base), universe_domain: 'localhost' }));
  const from = storage.seen.length;
  const ran = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname, env: { NODE_EXTRA_CA_CERTS: scene.gateway.caFile, BASE: base, FOLDER: folder.path, ACCOUNT: folder.file('node.json') } });
  assert.equal(ran.stdout, 'node/large,node/small one\ntrue\nfalse\n', `${ran.stderr}\n${storage.seen.slice(from).join('\n')}`);
  assert.deepEqual(storage.seen.slice(from).filter((line) => line.startsWith('PUT /upload/')).map((line) => line.slice(-3)), ['308', '308', '200']);
});

test('links in metadata lead through the gateway, also below a prefix; a stored object is passed as it is', async () => {
  const port = scene.gateway.port('prefixed');
  const base = `https://localhost:${port}/gcs`;
  const stored = JSON.stringify({ mediaLink: 'https://storage.googleapis.com/download/storage/v1/b/acme-exports/o/x?alt=media' });
  const put = await scene.ask('writer', '/gcs/upload/storage/v1/b/acme-exports/o?uploadType=media&name=links', { port, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: stored });
  const links = JSON.parse(put.text) as { mediaLink: string; selfLink: string };
  assert.ok(links.mediaLink.startsWith(`${base}/download/storage/v1/b/acme-exports/o/links?`), put.text);
  assert.equal(links.selfLink, `${base}/storage/v1/b/acme-exports/o/links`);
  const listed = await scene.ask('reader', '/gcs/storage/v1/b/acme-exports/o?prefix=links', { port, headers: { 'Accept-Encoding': 'gzip' } });
  assert.deepEqual((JSON.parse(listed.text) as { items: { mediaLink: string }[] }).items.map(({ mediaLink }) => mediaLink), [links.mediaLink]);
  for (const link of [links.mediaLink, `${links.selfLink}?alt=media`]) assert.equal((await scene.ask('reader', link.slice(`https://localhost:${port}`.length), { port })).text, stored);
});

test('what the target refuses with 401 goes once more with a new token, where it has no body or all of it is kept', async () => {
  const port = scene.gateway.port('gcs');
  assert.equal((await scene.ask('reader', '/storage/v1/b/acme-exports', { port })).status, 200);
  const given = storage.tokens.given;
  storage.tokens.revoke();
  const from = storage.seen.length;
  assert.equal((await scene.ask('reader', '/storage/v1/b/acme-exports', { port })).status, 200);
  assert.equal(storage.tokens.given, given + 1);
  assert.deepEqual(storage.seen.slice(from), ['GET /storage/v1/b/acme-exports 401', 'GET /storage/v1/b/acme-exports 200']);
  // At most one new token in ten seconds: a target that refuses everybody is told to the client.
  storage.tokens.revoke();
  assert.equal((await scene.ask('reader', '/storage/v1/b/acme-exports', { port })).status, 401);
  assert.equal(storage.tokens.given, given + 1);

  // A body that rules look into is kept; any other was sent, and is not there any more. Each connection has a token of its own.
  const post = (connection: string, path: string, type: string): Promise<Answered> => scene.ask('writer', `/upload/storage/v1/b/acme-exports/o?${path}`, { port: scene.gateway.port(connection), method: 'POST', headers: { 'Content-Type': type }, body: '{"name":"again"}' });
  for (const connection of ['kept', 'streamed']) assert.equal((await scene.ask('reader', '/storage/v1/b/acme-exports', { port: scene.gateway.port(connection) })).status, 200);
  storage.tokens.revoke();
  assert.equal((await post('streamed', 'uploadType=media&name=first', 'text/plain')).status, 401);
  assert.equal((await post('streamed', 'uploadType=media&name=second', 'text/plain')).status, 200);
  const kept = await post('kept', 'uploadType=resumable', 'application/json');
  assert.equal(kept.status, 200, kept.text);
  const place = new URL(kept.headers.location ?? '');
  assert.equal(place.origin + place.pathname, `https://localhost:${scene.gateway.port('kept')}/upload/storage/v1/b/acme-exports/o`);
  assert.equal((await scene.ask('writer', place.pathname + place.search, { port: scene.gateway.port('kept'), method: 'PUT', body: 'what it holds' })).status, 200);
  assert.equal(storage.objects.get('acme-exports/again')?.toString(), 'what it holds');
});

test('an exchange that asks for more than who it is, or brings no good token, is refused', async () => {
  const exchange = (form: Readonly<Record<string, string>>): Promise<Answered> => scene.ask(undefined, '/v1/token', { port: scene.gateway.port('gcs'), method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() });
  const good = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token_type: 'urn:ietf:params:oauth:token-type:jwt', subject_token: await scene.token('reader') };
  const given = await exchange(good);
  assert.equal(given.status, 200, given.text);
  assert.equal((JSON.parse(given.text) as { access_token: string }).access_token, good.subject_token);
  assert.equal(given.headers['cache-control'], 'no-store');
  for (const [form, error] of [
    [{ ...good, subject_token: `${good.subject_token.slice(0, -6)}AAAAAA` }, 'invalid_grant'],
    [{ ...good, subject_token: '' }, 'invalid_request'],
    [{ ...good, subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 'invalid_request'],
    [{ ...good, actor_token: good.subject_token }, 'invalid_request'],
    [{ gone: '' }, 'unsupported_grant_type'],
    [{ ...good, grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    [{ ...good, more: 'x'.repeat(40_000) }, 'invalid_request'],
  ] as const) {
    const refused = await exchange(form);
    assert.equal(refused.status, 400, refused.text);
    assert.equal((JSON.parse(refused.text) as { error: string }).error, error);
  }
  assert.equal((await exchange({ ...good, subject_token: await scene.token('stranger') })).status, 403);
});

test('no client was ever led past the gateway, nor its token; the log of all that verifies', async () => {
  assert.ok([...storage.shown].every((value) => value.startsWith('Bearer ya29.')));
  await stopAndVerify(scene);
});
