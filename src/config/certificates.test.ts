import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { makeAuthority, makeRevocationList } from '../../test/kit/client-certificates.ts';
import { tempFolder, type TempFolder } from '../../test/kit/temp.ts';
import { compare } from './compare.ts';
import { loadSources } from './load.ts';
import { print } from './print.ts';
import { formatProblem } from './problems.ts';
import type { Config } from './resolved.ts';
import { asSource } from './source.ts';

const sound = `version: 1
identityProviders:
  - { name: ci, issuer: https://ci.example, audience: wicketgate }
  - name: mesh
    certificates: { ca: ./ca.pem, crl: ./crl.pem, trustDomain: acme.example, maxLifetime: 90d }
identities:
  - { name: job, owner: { contact: a@b.example }, provider: ci, claims: { project: 7 }, groups: [jobs] }
  - { name: svc, owner: { contact: a@b.example }, provider: mesh, claims: { uri: "spiffe://acme.example/x" }, groups: [jobs] }
connections:
  - { name: api, protocol: http, listen: "127.0.0.1:8443", target: { host: api.internal, port: 443 }, credential: { type: none } }
policies:
  - { name: jobs, groups: [jobs], connections: [api], allow: [read] }
`;

let folder: TempFolder;
before(async () => {
  folder = tempFolder('config');
  const ca = await makeAuthority('CN=Mesh CA', { notAfter: new Date(Date.now() + 400 * 86_400_000) });
  writeFileSync(folder.file('ca.pem'), ca.certPem);
  writeFileSync(folder.file('crl.pem'), await makeRevocationList(ca, []));
});
after(() => folder.remove());

const load = async (text: string) => loadSources([{ file: folder.file('w.yaml'), text }], folder.path, {});
const loaded = async (text: string): Promise<Config> => {
  const result = await load(text);
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.warnings, []);
  return result.config;
};

test('a provider of certificates is resolved, printed, compared, and comes back from what is printed', async () => {
  const config = await loaded(sound);
  assert.deepEqual(config.identityProviders.map(({ name }) => name), ['ci']);
  const [mesh] = config.certificateProviders ?? [];
  assert.deepEqual([mesh?.name, mesh?.ca, mesh?.crl, mesh?.trustDomain, mesh?.maxLifetime, mesh?.origin.line], ['mesh', folder.file('ca.pem'), folder.file('crl.pem'), 'acme.example', 90 * 86_400_000, 4]);
  assert.match(print(config), /certificate providers\n {2}mesh {2}\(.*w\.yaml:4\)\n.*ca +.*ca\.pem\n.*revoked by +.*crl\.pem\n.*accepted +SPIFFE ids of acme\.example, living at most 90d/);
  assert.equal((await loaded(stringify(asSource(config)))).digest, config.digest);
  const [short] = (await loaded(sound.replace('{ ca: ./ca.pem, crl: ./crl.pem, trustDomain: acme.example, maxLifetime: 90d }', '{ ca: ./ca.pem }'))).certificateProviders ?? [];
  assert.deepEqual([short?.maxLifetime, short?.crl, short?.trustDomain], [25 * 3_600_000, undefined, undefined]);
  const without = await loaded(sound.replace(/ {2}- name: mesh\n.*\n/, '').replace(/ {2}- \{ name: svc.*\n/, ''));
  assert.equal(without.certificateProviders, undefined);
  assert.ok(compare(config, without).includes('certificate provider removed: mesh'));
  assert.ok(compare(config, await loaded(sound.replace('maxLifetime: 90d', 'maxLifetime: 91d'))).includes('certificate provider changed: mesh (maxLifetime)'));
});

describe('what is wrong is said', () => {
  const bad: readonly (readonly [string, readonly [string, string], RegExp])[] = [
    ['keys of tokens', ['  - name: mesh\n', '  - name: mesh\n    audience: x\n    maxTokenAge: 1h\n'], /audience: is for tokens[^]*maxTokenAge: is for tokens/],
    ['ca beside certificates', ['  - name: mesh\n', '  - name: mesh\n    ca: ./ca.pem\n'], /ca: is for tokens.*write it inside certificates/],
    ['neither kind', ['    certificates: { ca: ./ca.pem, crl: ./crl.pem, trustDomain: acme.example, maxLifetime: 90d }\n', ''], /issuer is missing.*certificates[^]*audience is missing/],
    ['no CA', ['ca: ./ca.pem, ', ''], /ca is missing/],
    ['a file that is not there', ['./ca.pem', './none.pem'], /none\.pem cannot be read/],
    ['a file that is no certificate', ['./ca.pem', './crl.pem'], /holds no PEM certificate/],
    ['a list that is not there', ['./crl.pem', './none.pem'], /revocation list .*none\.pem cannot be read/],
    ['a trust domain with its scheme', ['trustDomain: acme.example', 'trustDomain: "spiffe://acme.example"'], /expected a SPIFFE trust domain/],
    ['no life at all', ['90d', '0s'], /is zero/],
    ['an unknown key', ['maxLifetime: 90d', 'maxLife: 90d'], /maxLife: unknown key/],
    ['a claim that no certificate has', ['uri: "spiffe', 'sub: "spiffe'], /a certificate has no claim "sub"/],
    ['a misspelt attribute', ['uri: "spiffe://acme.example/x"', 'subject.cm: x'], /did you mean subject\.cn/],
    ['a list', ['uri: "spiffe', 'uris: "spiffe'], /is a list.*write uri, .*in claims\.uris/],
    ['a number', ['uri: "spiffe://acme.example/x"', 'serial: 12'], /is a text in every certificate/],
    ['a fingerprint with colons', ['uri: "spiffe://acme.example/x"', 'fingerprint: "AA:BB"'], /64 hexadecimal digits/],
    ['a list that objects have', ['uri: "spiffe://acme.example/x"', 'constructor: x'], /no claim "constructor"/],
    ['two of one name', ['name: mesh', 'name: ci'], /already taken/],
  ];
  for (const [name, [from, to], expected] of bad) {
    test(name, async () => {
      assert.ok(sound.includes(from));
      const result = await load(sound.replace(from, to));
      assert.ok(!result.ok, 'it was accepted');
      assert.match(result.problems.map(formatProblem).join('\n'), expected);
    });
  }
});

test('what is doubtful is warned of', async () => {
  const warnings = async (from: string | RegExp, to: string): Promise<string> => {
    const result = await load(sound.replace(from, to));
    assert.ok(result.ok, JSON.stringify(result));
    return result.warnings.map(formatProblem).join('\n');
  };
  assert.match(await warnings('uri: "spiffe://acme.example/x"', 'issuer: "CN=Mesh CA"'), /nothing of whose certificate it is/);
});
