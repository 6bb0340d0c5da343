import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { logFolderName } from '../../src/evidence/anchors/anchor.ts';
import type { EvidenceStatus } from '../../src/evidence/elsewhere.ts';
import { parseCheckpointText } from '../../src/evidence/tlog/checkpoint.ts';
import { noteVerifier, openNote, parseVkey } from '../../src/evidence/tlog/note.ts';
import type { Gateway } from '../kit/gateway.ts';
import { skipUnless } from '../kit/present.ts';
import { startS3 } from '../kit/s3.ts';
import { tempFolder } from '../kit/temp.ts';
import { timestampAuthority } from '../kit/timestamp-authority.ts';
import { until } from '../kit/until.ts';
import { plainClient, plainConfig, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

const status = async (gateway: Gateway): Promise<EvidenceStatus> => JSON.parse((await gateway.cli('evidence', 'status', '--config', gateway.configFile, '--json')).stdout) as EvidenceStatus;
const kept = (now: EvidenceStatus, name: string): number => now.anchors.find((anchor) => anchor.name === name)?.kept?.size ?? 0;
const sizeIn = (note: string): number => parseCheckpointText(`${note.split('\n\n')[0]}\n`).size;

test('a gateway\'s checkpoints in a folder elsewhere, at a webhook and under time-stamps that OpenSSL verifies; one that fails is named and holds nothing up', { skip: skipUnless('openssl') }, async () => {
  using elsewhere = tempFolder('elsewhere');
  using authority = await timestampAuthority({ intermediate: true });
  const got: { headers: IncomingHttpHeaders; body: string }[] = [];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      got.push({ headers: request.headers, body });
      response.end();
    });
  });
  await new Promise<void>((resolve) => { hook.listen(0, '127.0.0.1', resolve); });
  const anchors = [
    { name: 'copies', type: 'file', path: elsewhere.file('copies'), every: '10s' },
    { name: 'hook', type: 'webhook', url: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`, secret: 'env:HOOK_SECRET', every: '10s' },
    { name: 'stamps', type: 'rfc3161', url: authority.url, trust: authority.caFile, every: '10s' },
    { name: 'gone', type: 'webhook', url: 'http://127.0.0.1:9/', secret: 'env:HOOK_SECRET' },
  ];
  await using gateway = await startPlainGateway(plainConfig(around, { evidence: { anchors } }), { env: { HOOK_SECRET: 'hook-canary-7d1' } });
  await until(async () => {
    const now = await status(gateway);
    return ['copies', 'hook', 'stamps'].every((name) => kept(now, name) > 0);
  }, 30_000, 'each to keep a checkpoint');
  const first = await status(gateway);
  const client = await plainClient(around, gateway, 'writer');
  for (let i = 0; i < 20; i += 1) await client.query('SELECT 1');
  await client.end();
  await until(async () => {
    const now = await status(gateway);
    return ['copies', 'hook', 'stamps'].every((name) => kept(now, name) > kept(first, name) + 40);
  }, 40_000, 'what was recorded meanwhile');
  const said = await gateway.cli('evidence', 'status', '--config', gateway.configFile);
  assert.match(said.stdout, /gone +webhook +- +ECONNREFUSED/);
  assert.ok(gateway.logLines().some(({ level, anchor, fault }) => level === 40 && anchor === 'gone' && fault === 'ECONNREFUSED'));
  const metrics = await (await fetch(`${gateway.control}/metrics`)).text();
  assert.match(metrics, /wicketgate_anchor_age_seconds\{anchor="copies"\} \d/);
  assert.match(metrics, /wicketgate_anchor_age_seconds\{anchor="gone"\} -1/);
  assert.equal(await gateway.terminate(), 0);

  const last = readFileSync(join(gateway.dataDir, 'evidence', 'tlog', 'checkpoint'), 'utf8');
  const verifier = noteVerifier(parseVkey(first.key));
  const copies = elsewhere.file('copies', logFolderName(first.log));
  const copied = readFileSync(join(copies, 'checkpoint'), 'utf8');
  openNote(copied, [verifier]);
  assert.equal(sizeIn(copied), sizeIn(last), 'the last record is covered');
  const { body, headers } = got.at(-1) ?? { body: '', headers: {} };
  assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', 'hook-canary-7d1').update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`).digest('base64')}`);
  assert.equal((JSON.parse(body) as { data: { size: number } }).data.size, sizeIn(last));

  const tokens = join(gateway.dataDir, 'evidence', 'tlog', 'anchors', 'stamps');
  const names = [...new Set(readdirSync(tokens).map((name) => name.replace(/\.\w+$/, '')))];
  assert.ok(names.length >= 2);
  for (const name of names) {
    openNote(readFileSync(join(tokens, `${name}.note`)), [verifier]);
    assert.equal(await authority.verifies(join(tokens, `${name}.note`), join(tokens, `${name}.tsr`)), true, name);
  }
  writeFileSync(elsewhere.file('other'), readFileSync(join(tokens, `${names[0]}.note`), 'utf8').replace('\n', '\n1'));
  assert.equal(await authority.verifies(elsewhere.file('other'), join(tokens, `${names[0]}.tsr`)), false);
  assert.equal(gateway.log().includes('hook-canary-7d1'), false);
  const verified = await gateway.cli('evidence', 'verify', join(gateway.dataDir, 'evidence'), '--closed');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  hook.closeAllConnections();
  hook.close();
});

test('a gateway\'s checkpoints in S3 under Object Lock', { skip: skipUnless('moto') }, async () => {
  await using server = await startS3();
  const anchors = [{ name: 'worm', type: 's3', url: `${server.url}/locked/acme`, region: 'us-east-1', accessKey: 'env:S3_ID', secretKey: 'env:S3_KEY', retain: '30d', every: '10s' }];
  await using gateway = await startPlainGateway(plainConfig(around, { evidence: { anchors } }), { env: { S3_ID: server.accessKey, S3_KEY: server.secretKey } });
  await until(async () => kept(await status(gateway), 'worm') > 0, 30_000, 'the first object');
  assert.equal(await gateway.terminate(), 0);
  assert.equal(gateway.log().includes(server.secretKey), false);
  assert.match(server.log(), /"PUT \/locked\/acme\/[0-9a-f]{32}\/\d{16}\.note HTTP\/1\.1" 200/);
  assert.match(server.log(), /"HEAD \/locked\/acme\/[0-9a-f]{32}\/\d{16}\.note\?versionId=[^ ]+ HTTP\/1\.1" 200/);
});

test('a share that is not mounted is not written to, and a hung anchor does not hold up the stop', async () => {
  using elsewhere = tempFolder('elsewhere');
  mkdirSync(elsewhere.file('mnt'));
  const hangs = createServer(() => {});
  await new Promise<void>((resolve) => { hangs.listen(0, '127.0.0.1', resolve); });
  const anchors = [
    { name: 'share', type: 'file', path: elsewhere.file('mnt', 'share', 'wicketgate') },
    { name: 'hangs', type: 'webhook', url: `http://127.0.0.1:${(hangs.address() as AddressInfo).port}/`, secret: 'env:HOOK_SECRET' },
  ];
  await using gateway = await startPlainGateway(plainConfig(around, { evidence: { anchors } }), { env: { HOOK_SECRET: 's' } });
  await until(async () => (await status(gateway)).anchors[0]?.fault === 'mkdir: ENOENT', 30_000, 'the missing share to be named');
  assert.deepEqual(readdirSync(elsewhere.file('mnt')), []);
  const begun = performance.now();
  assert.equal(await gateway.terminate(), 0);
  assert.ok(performance.now() - begun < 20_000);
  hangs.closeAllConnections();
  hangs.close();
});
