import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { skipUnless } from '../../../test/kit/present.ts';
import { startS3, type S3Server } from '../../../test/kit/s3.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { until } from '../../../test/kit/until.ts';
import type { AnchorConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import { createSecrets } from '../../secrets/secrets.ts';
import { signWebhook } from '../../secrets/webhook-signature.ts';
import { GrowingLog } from '../../witness/testdata/log.ts';
import { logFolderName } from './anchor.ts';
import { FileAnchor } from './file.ts';
import { AnchorKeeper } from './keeper.ts';
import { S3Anchor } from './s3.ts';
import { signS3 } from './sigv4.ts';
import { WebhookAnchor } from './webhook.ts';

const origin = { file: 'w.yaml', line: 1 };
const LOG = 'acme/gateway-1/00c0ffee';
const checkpointOf = (log: GrowingLog) => ({ origin: LOG, size: log.size, note: log.checkpoint() });

const listen = async (server: Server): Promise<{ url: string; [Symbol.dispose](): void }> => {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, [Symbol.dispose]: () => { server.closeAllConnections(); server.close(); } };
};

test('file: the newest checkpoint, and a line for each in the file of its day; a line that a crash cut is left behind', async () => {
  using folder = tempFolder('copies');
  const log = new GrowingLog(LOG).grow(2);
  const anchor = new FileAnchor(folder.file('copies'), () => Date.parse('2026-11-22T23:59:59Z'));
  await anchor.keep(checkpointOf(log));
  const first = log.checkpoint();
  const day = folder.file('copies', logFolderName(LOG), 'checkpoints', '2026-11-22.jsonl');
  appendFileSync(day, '{"time":"2026-11-22T23:59');
  log.grow(5);
  await anchor.keep(checkpointOf(log));
  const lines = readFileSync(day, 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  assert.deepEqual([lines[0], lines[2]].map((line) => (JSON.parse(line ?? '') as { note: string }).note), [first, log.checkpoint()]);
  assert.equal(readFileSync(folder.file('copies', logFolderName(LOG), 'checkpoint'), 'utf8'), log.checkpoint());
  assert.deepEqual(readdirSync(folder.file('copies', logFolderName(LOG))).toSorted(), ['checkpoint', 'checkpoints']);
});

test('file: a folder whose place is not there (a share that is not mounted) is not made; what is in the way is named', async () => {
  using folder = tempFolder('copies');
  const log = new GrowingLog(LOG).grow(2);
  await assert.rejects(new FileAnchor(folder.file('share', 'copies')).keep(checkpointOf(log)), /mkdir: ENOENT/);
  assert.equal(existsSync(folder.file('share')), false);
  writeFileSync(folder.file('plain'), '');
  await assert.rejects(new FileAnchor(folder.file('plain')).keep(checkpointOf(log)), /ENOTDIR/);
});

test('webhook: signed as Standard Webhooks; the secret is read each time and told to nobody', async () => {
  const log = new GrowingLog(LOG).grow(2);
  const got: { headers: IncomingHttpHeaders; body: string }[] = [];
  let status = 204;
  using hook = await listen(createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      got.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
  }));
  const env: Record<string, string> = { HOOK: 'hunter2' };
  const anchor = new WebhookAnchor({ url: hook.url, secret: { from: 'env', name: 'HOOK' }, secrets: createSecrets(env) });
  const verify = (secret: Buffer): void => {
    const { headers, body } = got.at(-1) ?? { headers: {}, body: '' };
    const [id, time] = [headers['webhook-id'], headers['webhook-timestamp']];
    assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', secret).update(`${String(id)}.${String(time)}.${body}`).digest('base64')}`);
    assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 60);
    assert.deepEqual((JSON.parse(body) as { data: unknown }).data, { log: LOG, size: 2, note: log.checkpoint() });
    assert.equal(JSON.stringify(got.at(-1)).includes('hunter2'), false);
  };
  await anchor.keep(checkpointOf(log));
  verify(Buffer.from('hunter2'));
  const raw = randomBytes(24);
  env['HOOK'] = `whsec_${raw.toString('base64')}`;
  await anchor.keep(checkpointOf(log));
  verify(raw);
  for (const refused of [302, 401, 500]) {
    status = refused;
    await assert.rejects(anchor.keep(checkpointOf(log)), new RegExp(`it answered ${refused}`));
  }
  delete env['HOOK'];
  await assert.rejects(anchor.keep(checkpointOf(log)), /env:HOOK is not set/);
  await assert.rejects(new WebhookAnchor({ url: 'http://127.0.0.1:9/', secret: { from: 'env', name: 'X' }, secrets: createSecrets({ X: 'x' }) }).keep(checkpointOf(log)), /ECONNREFUSED/);
});

test('webhook: the example of the specification', () => {
  const body = Buffer.from('{"test": 2432232314}');
  assert.equal(signWebhook(Buffer.from('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, body), 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('s3: the signatures of the examples in Amazon\'s documentation', () => {
  const credentials = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: Buffer.from('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY') };
  const common = { region: 'us-east-1', now: new Date('2013-05-24T00:00:00Z') };
  const signature = (request: Parameters<typeof signS3>[0]): string | undefined => signS3(request, credentials)['authorization']?.split('Signature=')[1];
  assert.equal(
    signature({ ...common, method: 'PUT', url: new URL('https://examplebucket.s3.amazonaws.com/test%24file.text'), headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }, body: Buffer.from('Welcome to Amazon S3.') }),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  );
  assert.equal(
    signature({ ...common, method: 'GET', url: new URL('https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J'), headers: {}, body: Buffer.alloc(0) }),
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  );
});

const s3Config = (server: S3Server, more: Partial<Extract<AnchorConfig, { type: 's3' }>> = {}) => ({
  url: `${server.url}/locked/evidence`,
  region: 'us-east-1',
  accessKey: { from: 'env', name: 'ID' },
  secretKey: { from: 'env', name: 'KEY' },
  lock: 'compliance',
  retain: 30 * 86_400_000,
  ...more,
}) as const;

test('s3 with Object Lock: the checkpoint is there, locked until its day; it cannot be removed before', { skip: skipUnless('moto') }, async () => {
  await using server = await startS3();
  const log = new GrowingLog(LOG).grow(1234);
  const secrets = createSecrets({ ID: server.accessKey, KEY: server.secretKey, WRONG: 'x'.repeat(40) });
  const keep = (more: Parameters<typeof s3Config>[1] = {}): Promise<void> => new S3Anchor({ config: s3Config(server, more), secrets }).keep(checkpointOf(log));
  await keep();
  const path = `/locked/evidence/${logFolderName(LOG)}/0000000000001234.note`;
  const ask = async (method: string, query = ''): Promise<Response> => {
    const url = new URL(`${server.url}${path}${query}`);
    const headers = signS3({ method, url, headers: {}, body: Buffer.alloc(0), region: 'us-east-1', now: new Date() }, { accessKey: server.accessKey, secretKey: Buffer.from(server.secretKey) });
    return fetch(url, { method, headers });
  };
  const got = await ask('GET');
  assert.equal(await got.text(), log.checkpoint());
  assert.equal(got.headers.get('x-amz-object-lock-mode'), 'COMPLIANCE');
  const days = (Date.parse(got.headers.get('x-amz-object-lock-retain-until-date') ?? '') - Date.now()) / 86_400_000;
  assert.ok(days > 29.9 && days < 30.1, `${days} days`);
  const version = got.headers.get('x-amz-version-id') ?? '';
  assert.equal((await ask('DELETE', `?versionId=${version}`)).status, 403);
  assert.equal(await (await ask('GET', `?versionId=${version}`)).text(), log.checkpoint());

  await keep({ lock: 'governance', retain: 86_400_000 });
  await assert.rejects(keep({ secretKey: { from: 'env', name: 'WRONG' } }), /PUT answered 403 SignatureDoesNotMatch/);
  await assert.rejects(keep({ accessKey: { from: 'env', name: 'WRONG' } }), /PUT answered 403 InvalidAccessKeyId/);
  await assert.rejects(keep({ url: `${server.url}/nothing` }), /PUT answered 404 NoSuchBucket/);
  await assert.rejects(keep({ url: `${server.url}/plain` }), /PUT answered 400|keeps no versions|not locked/);
  await assert.rejects(keep({ secretKey: { from: 'env', name: 'UNSET' } }), /env:UNSET is not set/);
});

test('s3: a service that takes the lock and ignores it, or cannot be asked, is named', async () => {
  const log = new GrowingLog(LOG).grow(1);
  let answer: (method: string) => { status: number; headers?: Record<string, string>; body?: string } = () => ({ status: 200 });
  using service = await listen(createServer((request, response) => {
    request.resume().on('end', () => {
      const { status, headers = {}, body = '' } = answer(request.method ?? '');
      response.writeHead(status, headers).end(body);
    });
  }));
  const anchor = new S3Anchor({ config: s3Config({ url: service.url } as S3Server), secrets: createSecrets({ ID: 'a', KEY: 'b' }) });
  const versioned = { 'x-amz-version-id': 'v1' };
  const cases: readonly (readonly [typeof answer, RegExp])[] = [
    [() => ({ status: 200 }), /keeps no versions/],
    [() => ({ status: 200, headers: versioned }), /not locked as it should be/],
    [() => ({ status: 200, headers: { ...versioned, 'x-amz-object-lock-mode': 'COMPLIANCE' } }), /not locked/],
    [() => ({ status: 200, headers: { ...versioned, 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': '2999-01-01T00:00:00Z' } }), /not locked/],
    [() => ({ status: 200, headers: { ...versioned, 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': '2020-01-01T00:00:00Z' } }), /not locked/],
    [(method) => (method === 'PUT' ? { status: 200, headers: versioned } : { status: 403 }), /whether it is locked cannot be seen: HEAD answered 403/],
    [() => ({ status: 400, body: '<Error><Code>InvalidRequest</Code><Message>Bucket is missing Object Lock Configuration</Message></Error>' }), /PUT answered 400 InvalidRequest$/],
    [() => ({ status: 500, body: '<Code>\u001b[2J</Code>' }), /PUT answered 500$/],
  ];
  for (const [says, expected] of cases) {
    answer = says;
    await assert.rejects(anchor.keep(checkpointOf(log)), expected);
  }
});

test('the keeper: each in its time, what fails is tried again and told, one that hangs keeps nobody, a reload keeps what stays, the last checkpoint at the end', async () => {
  using folder = tempFolder('keeper');
  const log = new GrowingLog(LOG).grow(3);
  let up = true;
  using hook = await listen(createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(up ? 200 : 503).end());
  }));
  using hangs = await listen(createServer(() => {}));
  const lines: { level: string; fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string): void => void lines.push({ level, fields, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  let ahead = 0;
  const webhook = (name: string, url: string): AnchorConfig => ({ name, type: 'webhook', every: 60_000, origin, url, secret: { from: 'env', name: 'S' } });
  mkdirSync(folder.file('share'));
  const copies: AnchorConfig = { name: 'copies', type: 'file', every: 60_000, origin, path: folder.file('share', 'copies') };
  const keeper = new AnchorKeeper({
    config: [copies, webhook('hook', hook.url), webhook('hangs', hangs.url)],
    name: LOG, folder: folder.path, source: { latest: () => ({ note: log.checkpoint(), size: log.size }) },
    secrets: createSecrets({ S: 's' }), log: logger, elapsed: () => performance.now() + ahead, lookMs: 5,
  });
  const sizes = (): (number | undefined)[] => keeper.status.map(({ kept }) => kept?.size);
  keeper.start();
  await until(() => sizes()[0] === 3 && sizes()[1] === 3, 10_000, 'the first checkpoint');
  assert.equal(keeper.status[2]?.kept, undefined);
  log.grow(4);
  ahead += 30_000;
  assert.deepEqual(sizes().slice(0, 2), [3, 3], 'not before its time');
  up = false;
  ahead += 31_000;
  await until(() => sizes()[0] === 7 && keeper.status[1]?.fault === 'it answered 503', 10_000, 'the next; the hook fails');
  assert.equal(lines.filter(({ level, fields }) => level === 'warn' && fields['anchor'] === 'hook').length, 1);
  // Each line looks by itself, so the copies are kept in between and never late.
  for (let passed = 0; passed < 8; passed += 1) {
    ahead += 61_000;
    await until(() => (keeper.status[0]?.kept?.age ?? 99) < 60, 10_000, 'the copies');
  }
  await until(() => keeper.status[1]?.late === true && keeper.status[2]?.late === true && ['hook', 'hangs'].every((name) => lines.some(({ level, fields }) => level === 'error' && fields['anchor'] === name)), 10_000, 'the alerts');
  assert.equal(keeper.status[0]?.late, false);
  assert.match(lines.find(({ level }) => level === 'error')?.message ?? '', /kept no checkpoint for more than twice its interval/);
  up = true;
  ahead += 300_000;
  await until(() => keeper.status[1]?.kept?.size === 7 && !keeper.status[1].late, 10_000, 'the hook to be back');
  assert.ok(lines.some(({ message }) => message === 'the anchor keeps checkpoints again'));

  keeper.replace([copies]);
  assert.deepEqual(sizes(), [7]);
  log.grow(1);
  await keeper.finish();
  assert.deepEqual(sizes(), [8], 'the last one, although it was not its time');
  rmSync(folder.file('share'), { recursive: true });
});
