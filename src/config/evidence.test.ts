import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { stringify } from 'yaml';
import { certificateAuthority } from '../../test/kit/certificates.ts';
import { tempFolder } from '../../test/kit/temp.ts';
import { compare } from './compare.ts';
import { loadSources, type LoadOptions } from './load.ts';
import { print } from './print.ts';
import { formatProblem } from './problems.ts';
import type { Config } from './resolved.ts';
import { asSource } from './source.ts';
import { sound } from './testdata/sound.ts';

const vkey = (name: string, fill: number, type = 4): string => {
  const key = Buffer.concat([Buffer.of(type), Buffer.alloc(32, fill)]);
  return `${name}+${createHash('sha256').update(`${name}\n`).update(key).digest('hex').slice(0, 8)}+${key.toString('base64')}`;
};
const witness = (name: string, fill: number): string => `{ name: ${name}, url: https://${name}.example/w/, key: "${vkey(`${name}.example/w`, fill)}" }`;

const read = async (evidence: string, base = '/etc/w', options: LoadOptions = { checkSecrets: false }) => {
  const loaded = await loadSources([{ file: path.join(base, 'w.yaml'), text: `${sound}evidence:\n${evidence}\n` }], base, { DB: 'x', HOOK: 'x' }, options);
  const said = [...(loaded.ok ? [] : loaded.problems), ...loaded.warnings].map((problem) => formatProblem(problem).replace(`${base}/`, ''));
  return { loaded, said };
};
const config = async (evidence: string, base?: string): Promise<Config> => {
  const { loaded, said } = await read(evidence, base);
  assert(loaded.ok, said.join('\n'));
  return loaded.config;
};

describe('witnesses', () => {
  test('are resolved, all of them the quorum unless it says less', async () => {
    const all = await config(`  witnesses: [${witness('a', 1)}, ${witness('b', 2)}]`);
    assert.deepEqual(all.evidence.witnesses.map(({ name, url }) => [name, url]), [['a', 'https://a.example/w'], ['b', 'https://b.example/w']]);
    assert.equal(all.evidence.quorum, 2);
    assert.equal((await config(`  witnesses: [${witness('a', 1)}, ${witness('b', 2)}]\n  quorum: 1`)).evidence.quorum, 1);
    assert.deepEqual((await config('  witnesses: []')).evidence, { witnesses: [], quorum: 0, anchors: [] });
  });

  const a = vkey('a.example/w', 1);
  const bad: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ['no key', '  witnesses: [{ name: a, url: https://a.example }]', [/witnesses\[a\]: key is missing/]],
    ['no vkey', '  witnesses: [{ name: a, url: https://a.example, key: hello }]', [/expected a key NAME\+KEYID\+BASE64/]],
    ['the key of another name', `  witnesses: [{ name: a, url: https://a.example, key: "${a.replace('a.example', 'b.example')}" }]`, [/the key id does not belong to this name and key/]],
    ['the key of a log', `  witnesses: [{ name: a, url: https://a.example, key: "${vkey('a', 1, 1)}" }]`, [/is not the key of an Ed25519 cosigner/]],
    ['one key twice', `  witnesses: [${witness('a', 1)}, { name: b, url: https://b.example, key: "${vkey('b', 1)}" }]`, [/witnesses\[b\]\.key: is the key of the witness at .*: one key would count as two/]],
    ['one name twice', `  witnesses: [${witness('a', 1)}, ${witness('a', 2)}]`, [/the name is already taken/]],
    ['a user in the address', `  witnesses: [{ name: a, url: "https://u:p@a.example", key: "${a}" }]`, [/is not the address of a witness/]],
    ['a query', `  witnesses: [{ name: a, url: "https://a.example/?x", key: "${a}" }]`, [/is not the address of a witness/]],
    ['a quorum of none', '  quorum: 1', [/quorum: there are no witnesses/]],
    ['a quorum that cannot be', `  witnesses: [${witness('a', 1)}]\n  quorum: 2`, [/is more than the 1 witnesses there are/]],
    ['too many', `  witnesses:\n${Array.from({ length: 17 }, (_, i) => `    - ${witness(`w${i}`, i)}`).join('\n')}`, [/17 are too many/]],
  ];
  for (const [name, text, says] of bad) {
    test(`refused: ${name}`, async () => {
      const { loaded, said } = await read(text);
      assert.equal(loaded.ok, false);
      assert.equal(said.length, says.length, said.join('\n'));
      says.forEach((pattern, index) => assert.match(said[index] ?? '', pattern));
    });
  }

  test('over plain http to another machine is a warning, on this one it is not', async () => {
    assert.match((await read(`  witnesses: [{ name: a, url: http://a.example, key: "${a}" }]`)).said.join(), /whoever is on the way can read and drop/);
    assert.deepEqual((await read(`  witnesses: [{ name: a, url: "http://127.0.0.1:7090", key: "${a}" }]`)).said, []);
  });

  test('a reload says who is gone and that fewer are enough', async () => {
    const before = await config(`  witnesses: [${witness('a', 1)}, ${witness('b', 2)}]\n  anchors: [{ name: x, type: file, path: /x }]`);
    const after = await config(`  witnesses: [${witness('a', 1).replace('a.example/w/', 'other.example')}]\n  anchors: [{ name: y, type: file, path: /x }]`);
    assert.deepEqual(compare(before, after), ['witness changed: a (url)', 'witness removed: b', 'anchor removed: x', 'anchor added: y', 'quorum of witnesses relaxed: 2 to 1']);
  });
});

describe('anchors', () => {
  const good = `  anchors:
    - { name: copies, type: file, path: ../elsewhere }
    - { name: hook, type: webhook, url: https://hook.example/x, secret: env:HOOK, every: 30s }
    - { name: tsa, type: rfc3161, url: http://tsa.example/tsr, trust: tsa.pem }
    - { name: worm, type: s3, url: "https://bucket.s3.eu-central-1.amazonaws.com/gw/", region: eu-central-1, accessKey: env:HOOK, secretKey: file:s3.key, retain: 400d }`;

  test('are resolved with their defaults, printed without secrets, and written down again the same', async () => {
    const loaded = await config(good);
    assert.deepEqual(loaded.evidence.anchors.map(({ origin: _origin, ...rest }) => rest), [
      { name: 'copies', type: 'file', every: 60_000, path: '/etc/elsewhere' },
      { name: 'hook', type: 'webhook', every: 30_000, url: 'https://hook.example/x', secret: { from: 'env', name: 'HOOK' } },
      { name: 'tsa', type: 'rfc3161', every: 3_600_000, url: 'http://tsa.example/tsr', trust: '/etc/w/tsa.pem' },
      {
        name: 'worm', type: 's3', every: 3_600_000, url: 'https://bucket.s3.eu-central-1.amazonaws.com/gw', region: 'eu-central-1',
        accessKey: { from: 'env', name: 'HOOK' }, secretKey: { from: 'file', path: '/etc/w/s3.key' }, lock: 'compliance', retain: 400 * 86_400_000,
      },
    ]);
    const witnesses = `\n  witnesses: [${witness('a', 1)}, ${witness('b', 2)}]\n  quorum: 1`;
    const both = await config(good + witnesses);
    assert.match(print(both), /anchors\n {2}copies .*\n {4,}file {8}\/etc\/elsewhere, every 1m/);
    assert.match(print(both), /1 of 2 make a checkpoint witnessed/);
    const again = await loadSources([{ file: '/etc/w/w.yaml', text: stringify(asSource(both)) }], '/etc/w', { DB: 'x' }, { checkSecrets: false });
    assert(again.ok);
    assert.equal(again.config.digest, both.digest);
  });

  const bad: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ['an unknown type', '{ name: x, type: ftp }', [/expected one of file, webhook, rfc3161, s3/]],
    ['what a type needs', '{ name: x, type: s3 }', [/url is missing, which s3 needs/, /region is missing/, /accessKey is missing/, /secretKey is missing/, /retain is missing/]],
    ['what a type has not', '{ name: x, type: file, path: /x, url: https://x.example }', [/url: is not a key of file/]],
    ['a literal secret', '{ name: x, type: webhook, url: https://x.example, secret: hunter2 }', [/a literal credential is not accepted/, /secret is missing|^$/]],
    ['a webhook over http', '{ name: x, type: webhook, url: http://x.example, secret: env:HOOK }', [/http is accepted for loopback addresses only/]],
    ['too often', '{ name: x, type: file, path: /x, every: 1s }', [/every: is shorter than 10s/]],
    ['a lock of an hour', '{ name: x, type: s3, url: https://x.example/b, region: r, accessKey: env:A, secretKey: env:B, retain: 1h }', [/retain: is shorter than a day/]],
    ['copies beside the log', '{ name: x, type: file, path: ./data/copies }', [/path: lies in gateway\.data/]],
    ['copies beside the keys', '{ name: x, type: file, path: ./keys }', [/path: lies in gateway\.keys/]],
  ];
  for (const [name, anchor, says] of bad) {
    test(`refused: ${name}`, async () => {
      const { loaded, said } = await read(`  anchors: [${anchor}]`);
      assert.equal(loaded.ok, false);
      assert.equal(said.join('\n').includes('hunter2'), false);
      for (const [index, line] of said.entries()) assert.match(line, says[index] ?? /^$/, said.join('\n'));
      assert.ok(said.length > 0);
    });
  }

  test('a folder that is a link into the data is seen through', async () => {
    using folder = tempFolder('config');
    mkdirSync(folder.file('data'));
    symlinkSync(folder.file('data'), folder.file('elsewhere'));
    assert.match((await read('  anchors: [{ name: x, type: file, path: elsewhere/copies }]', folder.path)).said.join(), /lies in gateway\.data/);
  });

  test('files and secrets that are not there, or are something else, are said', async () => {
    using folder = tempFolder('config');
    writeFileSync(folder.file('tsa.pem'), 'no certificate');
    const { said } = await read(good, folder.path, {});
    assert.match(said.join('\n'), /anchors\[worm\]\.secretKey: the credential file .*s3\.key cannot be read/);
    assert.match(said.join('\n'), /anchors\[tsa\]\.trust: .*tsa\.pem holds no PEM certificate/);
    writeFileSync(folder.file('tsa.pem'), (await certificateAuthority()).certPem);
    writeFileSync(folder.file('s3.key'), 'secret', { mode: 0o600 });
    const { loaded } = await read(good, folder.path, {});
    assert(loaded.ok);
    assert.match(loaded.warnings.map(formatProblem).join(), /tsa\.pem expires/, 'and what ends soon');
  });
});
