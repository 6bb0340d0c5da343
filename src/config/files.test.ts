import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { processorTime } from '../../test/kit/processor-time.ts';
import { load } from './load.ts';
import { formatProblem } from './problems.ts';
import { sound } from './testdata/sound.ts';

let folder: string;
let next = 0;
before(async () => { folder = await mkdtemp(path.join(tmpdir(), 'wicketgate-files-')); });
after(() => rm(folder, { recursive: true }));

async function place(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const where = path.join(folder, String((next += 1)));
  await mkdir(where);
  for (const [file, content] of Object.entries(files)) await writeFile(path.join(where, file), content);
  return where;
}

async function refused(where: string, options = {}): Promise<string[]> {
  const result = await load(where, { DB: 'x' }, options);
  assert(!result.ok, 'it was accepted');
  return result.problems.map((problem) => formatProblem(problem).replaceAll(`${where}/`, '').replaceAll(where, '.'));
}

describe('files that cannot be read', () => {
  test('nothing there', async () => {
    assert.deepEqual(await refused(path.join(folder, 'nowhere')), ['.:1:1: cannot be read: it does not exist']);
  });
  test('an empty folder', async () => {
    assert.deepEqual(await refused(await place({ 'readme.md': '' })), ['.:1:1: no *.yaml or *.yml in this folder']);
  });
  test('not UTF-8', async () => {
    assert.deepEqual(await refused(await place({ 'a.yaml': Uint8Array.of(0x61, 0x3a, 0xff) })), ['a.yaml:1:1: is not UTF-8 text']);
  });
  test('too large', async () => {
    assert.deepEqual(await refused(await place({ 'a.yaml': `# ${'x'.repeat(1024 * 1024)}` })), ['a.yaml:1:1: larger than 1 MiB']);
  });
  test('too large together', async () => {
    const large = `# ${'x'.repeat(1024 * 1024 - 16)}`;
    assert.deepEqual((await refused(await place({ 'a.yaml': large, 'b.yaml': large, 'c.yaml': large, 'd.yaml': large, 'e.yaml': sound }))).at(-1), 'e.yaml:1:1: the files together are larger than 4 MiB');
  });
  test('a device', async () => {
    assert.deepEqual(await refused('/dev/zero'), ['.:1:1: cannot be read: not a file or a folder']);
  });
});

describe('merging', () => {
  const [head, tail] = sound.split('policies:');

  test('a name in two files is an error that says both places', async () => {
    const where = await place({ 'a.yaml': sound, 'b.yaml': 'identities:\n  - { name: job, owner: { contact: c }, provider: ci, claims: { project: 9 } }\n' });
    assert.deepEqual(await refused(where), ['b.yaml:2:7: identities[job].name: the name is already taken at a.yaml:5 (names are unique)']);
  });
  test('a single value in two files is an error that says both places', async () => {
    const where = await place({ 'a.yaml': `${head}gateway: { data: /srv/a }\npolicies:${tail}`, 'b.yaml': 'version: 1\ngateway:\n  data: /srv/a\n' });
    assert.deepEqual(await refused(where), ['b.yaml:3:3: gateway.data: was already given at a.yaml:12 (keep it in one file)']);
  });
  test('a section against a list', async () => {
    const where = await place({ 'a.yaml': sound, 'b.yaml': 'identities: { name: x }\n' });
    assert.deepEqual(await refused(where), ['b.yaml:1:1: identities: was already given at a.yaml:4 (there it is a list, here a section)']);
  });
  test('a version in each file must be the same', async () => {
    assert.deepEqual(await refused(await place({ 'a.yaml': sound, 'b.yaml': 'version: 2\n' })), ['b.yaml:1:1: version: was already given at a.yaml:1 (keep it in one file)']);
  });
  test('one file that does not parse refuses all, and all that does not parse is said', async () => {
    assert.deepEqual(await refused(await place({ 'a.yaml': 'a: [', 'b.yaml': sound, 'c.yaml': 'a: 1\na: 2\n' })), [
      'a.yaml:1:5: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
      'c.yaml:2:1: the key "a" was already given on line 1 (keep one of them)',
    ]);
  });
});

describe('hostile YAML is refused at once', () => {
  const within = async (text: string): Promise<string[]> => {
    const where = await place({ 'a.yaml': text });
    const started = processorTime();
    const problems = await refused(where);
    assert(processorTime() - started < 15_000, 'it took too long');
    return problems;
  };
  test('aliases of aliases', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`);
    const [first] = await within(`l0: &l0 x\n${levels.join('\n')}\n`);
    assert.match(first ?? '', /^a\.yaml:\d+:\d+: more than 100000 values, aliases expanded$/);
  });
  test('deep nesting', async () => {
    for (const text of ['['.repeat(500_000), '{a: '.repeat(200_000), '- '.repeat(200_000), `${'a: '.repeat(200_000)}1`]) {
      assert.match((await within(text))[0] ?? '', /^a\.yaml:1:\d+: nested deeper than 32 levels$/);
    }
    assert.match((await within(`a: ${'['.repeat(40)}${']'.repeat(40)}\n`))[0] ?? '', /nested deeper than 32 levels/);
  });
  test('many keys, documents, anchors, quotes', async () => {
    await within(Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n'));
    await within('---\n'.repeat(100_000));
    await within(Array.from({ length: 50_000 }, (_, i) => `- &a${i} x`).join('\n'));
    await within(`- &a x\n${'- *a\n'.repeat(100_000)}`);
    await within('"'.repeat(500_001));
    await within(`k: |\n${' \n'.repeat(300_000)}`);
  });
});

describe('files that are referred to', () => {
  const change = (text: string, by: string): string => {
    assert(sound.includes(text));
    return sound.replace(text, by);
  };
  const withTls = change('version: 1', 'version: 1\ngateway: { tls: { cert: cert.pem, key: key.pem } }');
  let cert: string;
  let key: string;
  let otherKey: string;
  before(async () => {
    const where = await place({});
    const [certFile, keyFile] = [path.join(where, 'cert.pem'), path.join(where, 'key.pem')];
    const make = (): void => {
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile, '-subj', '/CN=gw', '-days', '400'], { stdio: 'ignore' });
    };
    make();
    [cert, key] = [await readFile(certFile, 'utf8'), await readFile(keyFile, 'utf8')];
    make();
    otherKey = await readFile(keyFile, 'utf8');
  });

  test('a certificate with its key is accepted, with another key refused', async () => {
    const good = await place({ 'a.yaml': withTls, 'cert.pem': cert, 'key.pem': key });
    await chmod(path.join(good, 'key.pem'), 0o600);
    const result = await load(good, { DB: 'x' });
    assert(result.ok, JSON.stringify(result));
    assert.deepEqual(result.warnings, []);
    assert.deepEqual(result.config.gateway.tls, { cert: path.join(good, 'cert.pem'), key: path.join(good, 'key.pem') });
    assert.deepEqual(await refused(await place({ 'a.yaml': withTls, 'cert.pem': cert, 'key.pem': otherKey })), ['a.yaml:2:35: gateway.tls.key: is not the key of the certificate']);
    assert.deepEqual(await refused(await place({ 'a.yaml': withTls, 'cert.pem': key, 'key.pem': cert })), [
      'a.yaml:2:19: gateway.tls.cert: cert.pem holds no PEM certificate that can be read',
      'a.yaml:2:35: gateway.tls.key: key.pem holds no PEM private key that can be read (a key without a passphrase)',
    ]);
  });
  test('a key set that is not one', async () => {
    const text = change('audience: wicketgate', 'audience: wicketgate, jwksFile: keys.json');
    assert.deepEqual(await refused(await place({ 'a.yaml': text, 'keys.json': '{"keys": []}' })), ['a.yaml:3:67: identityProviders[ci].jwksFile: keys.json is not a key set: it has no list of keys']);
    assert.deepEqual(await refused(await place({ 'a.yaml': text, 'keys.json': 'x' })), ['a.yaml:3:67: identityProviders[ci].jwksFile: keys.json is not JSON']);
    assert.deepEqual(await refused(await place({ 'a.yaml': text, 'keys.json': 'null' })), ['a.yaml:3:67: identityProviders[ci].jwksFile: keys.json is not a key set: it has no list of keys']);
    assert((await load(await place({ 'a.yaml': text, 'keys.json': '{"keys": [{}]}' }), { DB: 'x' })).ok);
  });
  test('a credential file that is empty or that everybody can read', async () => {
    const text = change('env:DB', 'file:./pw');
    assert.deepEqual(await refused(await place({ 'a.yaml': text, pw: '\n' })), ['a.yaml:11:34: connections[db].credential.password: the credential file pw is empty']);
    const where = await place({ 'a.yaml': text, pw: 'hunter2\n' });
    await chmod(path.join(where, 'pw'), 0o644);
    const open = await load(where, {});
    assert(open.ok);
    assert.match(open.warnings[0]?.message ?? '', /^everybody on this machine can read /);
    assert(!JSON.stringify(open).includes('hunter2'));
    await chmod(path.join(where, 'pw'), 0o600);
    assert.deepEqual((await load(where, {})).warnings, []);
  });
  test('none of them is looked at when asked not to', async () => {
    const where = await place({ 'a.yaml': withTls.replace('database: app', 'database: app, ca: ca.pem').replace('audience: wicketgate', 'audience: wicketgate, jwksFile: keys.json, ca: ca.pem') });
    assert((await load(where, {}, { checkSecrets: false })).ok);
    assert.equal((await refused(where)).length, 5);
  });
  test('keys that reach data through a link are inside data', async () => {
    const where = await place({ 'a.yaml': change('version: 1', 'version: 1\ngateway: { data: ./data, keys: ./link/keys }') });
    await mkdir(path.join(where, 'data'));
    await symlink('data', path.join(where, 'link'));
    assert.deepEqual(await refused(where), ['a.yaml:2:26: gateway.keys: keys lies inside data (keep the keys apart: who copies data must not get them)']);
  });
  test('a folder that begins like data is not inside it', async () => {
    for (const keys of ['./data-keys', '../data-keys', './..keys']) {
      assert((await load(await place({ 'a.yaml': change('version: 1', `version: 1\ngateway: { data: ./data, keys: ${keys} }`) }), { DB: 'x' })).ok);
    }
  });
});
