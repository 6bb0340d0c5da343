import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { unwrapKek } from './key-command.ts';
import { KeysFolder, KeysUnusable } from './keys.ts';
import { nodeDisk } from './node-disk.ts';
import { openEvidenceLog } from './open.ts';
import { sessionTimeline } from './sessions.ts';
import { durable, intent, sessionOpen, statement } from './testdata/records.ts';
import { openBodies } from './unseal.ts';

/** OpenSSL plays the key service: it alone holds the private key that unwraps. */
const keyService = (folder: string): { readonly unwrap: readonly string[]; wrap(bytes: Buffer): Buffer } => {
  const key = join(folder, 'service.pem');
  execFileSync('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key], { stdio: 'ignore' });
  const openssl = execFileSync('/bin/sh', ['-c', 'command -v openssl'], { encoding: 'utf8' }).trim();
  const how = ['-inkey', key, '-pkeyopt', 'rsa_padding_mode:oaep'];
  return { unwrap: [openssl, 'pkeyutl', '-decrypt', ...how], wrap: (input) => execFileSync(openssl, ['pkeyutl', '-encrypt', ...how], { input }) };
};

const folders = (t: TestContext): { base: string; keys: string; log: string } => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-kek-'));
  t.after(() => fs.rmSync(base, { recursive: true, force: true }));
  fs.mkdirSync(join(base, 'keys'), { mode: 0o700 });
  return { base, keys: join(base, 'keys'), log: join(base, 'evidence') };
};

test('a key that a key service unwraps seals and opens, and stands nowhere in clear', async (t) => {
  const { base, keys, log: folder } = folders(t);
  const service = keyService(base);
  // What was sealed while the key lay there in clear stays readable: the same key is wrapped.
  const clear = await openEvidenceLog({ folder, keysFolder: keys, instance: 'gw', build: 'b', config: 'c' });
  clear.append(sessionOpen('s'));
  await durable(clear.append(intent('s', 1), [statement('select 1')]));
  await clear.close();
  const text = fs.readFileSync(join(keys, 'sealing.kek'));
  fs.writeFileSync(join(keys, 'sealing.kek.wrapped'), service.wrap(text), { mode: 0o600 });
  const kek = await unwrapKek(service.unwrap, keys);
  assert.throws(() => KeysFolder.open(nodeDisk, keys, false, kek), /in clear beside the wrapped one/);
  fs.rmSync(join(keys, 'sealing.kek'));
  assert.throws(() => openBodies(keys), /opens with gateway\.keyCommand/);
  await assert.rejects(openEvidenceLog({ folder, keysFolder: keys, instance: 'gw', build: 'b', config: 'c' }), KeysUnusable);
  const log = await openEvidenceLog({ folder, keysFolder: keys, kek, instance: 'gw', build: 'b', config: 'c' });
  await durable(log.append(intent('s', 2), [statement('select 2')]));
  await log.close();
  const opened = (await sessionTimeline(folder, 's', openBodies(keys, nodeDisk, await unwrapKek(service.unwrap, keys))))?.flatMap(({ bodies }) => bodies.map((body) => ('bytes' in body ? body.bytes.toString() : body.absent)));
  assert.deepEqual(opened, ['select 1', 'select 2']);
  const secret = text.toString().trim().split(' ')[1] as string;
  for (const name of fs.readdirSync(base, { recursive: true, encoding: 'utf8' })) {
    const path = join(base, name);
    if (!fs.statSync(path).isFile()) continue;
    const bytes = fs.readFileSync(path);
    assert.ok(!bytes.includes(secret) && !bytes.includes(Buffer.from(secret, 'base64')), name);
  }
});

test('a command that fails, hangs, says too much or prints something else is refused, and what it printed is not shown', async (t) => {
  const { keys } = folders(t);
  await assert.rejects(unwrapKek(['/bin/cat'], keys), /there is no .*sealing\.kek\.wrapped/);
  fs.writeFileSync(join(keys, 'sealing.kek.wrapped'), 'SECRET-INPUT', { mode: 0o600 });
  const sh = (script: string): readonly string[] => ['/bin/sh', '-c', script];
  const cases: readonly [readonly string[], RegExp][] = [
    [['/nonexistent/kms'], /cannot be run \(ENOENT\)/],
    [sh('echo SECRET-ERROR >&2; exit 3'), /ended with 3: run it by hand/],
    [sh('exec sleep 60'), /did not end within 0\.3 seconds/],
    [sh('yes SECRET-OUTPUT'), /printed more than a key/],
    [['/bin/cat'], /printed something that is not a key-encryption key/],
    [sh('true'), /printed something that is not a key-encryption key/],
    [sh('kill -TERM $$'), /ended with SIGTERM/],
    [sh('printf "wicketgate-kek-1 c2hvcnQ=\\n"'), /not a key-encryption key/],
  ];
  for (const [command, why] of cases) {
    const began = performance.now();
    await assert.rejects(unwrapKek(command, keys, { deadline: command.at(-1)?.includes('sleep') ? 300 : 30_000 }), (error: Error) => {
      assert.ok(error instanceof KeysUnusable);
      assert.match(error.message, why);
      assert.doesNotMatch(error.message, /SECRET/);
      return true;
    });
    assert.ok(performance.now() - began < 20_000);
  }
});

test('it is started without a shell: nothing in an argument is run', async (t) => {
  const { base, keys } = folders(t);
  fs.writeFileSync(join(keys, 'sealing.kek.wrapped'), `wicketgate-kek-1 ${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
  await assert.rejects(unwrapKek(['/bin/cat', `$(touch ${join(base, 'ran')})`], keys), /ended with 1/);
  assert.ok(!fs.existsSync(join(base, 'ran')));
  assert.deepEqual(await unwrapKek(['/bin/cat'], keys), Buffer.alloc(32, 7));
});
