import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { load } from './load.ts';
import { isPostgres } from './protocols.ts';
import { peopleEnvironment, sound, soundWithPeople } from './testdata/sound.ts';

const examples = path.join(import.meta.dirname, '..', '..', 'examples');
let folder: string;
before(async () => { folder = await mkdtemp(path.join(tmpdir(), 'wicketgate-config-')); });
after(() => rm(folder, { recursive: true }));

async function place(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const where = path.join(folder, name);
  await mkdir(where);
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(where, file), text);
  return where;
}

describe('load', () => {
  test('fills in every default and makes paths absolute', async () => {
    const where = await place('defaults', { 'wicketgate.yaml': sound });
    const result = await load(path.join(where, 'wicketgate.yaml'), { DB: 'secret' });
    assert(result.ok, JSON.stringify(result));
    const { digest, ...config } = result.config;
    assert.match(digest, /^[0-9a-f]{64}$/);
    const at = (line: number) => ({ file: path.join(where, 'wicketgate.yaml'), line });
    assert.deepEqual(config, {
      files: [path.join(where, 'wicketgate.yaml')],
      gateway: {
        data: path.join(where, 'data'),
        keys: path.join(where, 'keys'),
        names: ['localhost', '127.0.0.1'],
        tls: 'auto',
        limits: { message: 16_777_216, statement: 1_048_576, connections: 5000, preAuth: { seconds: 10, bytes: 65_536 } },
        reload: 'signal',
      },
      control: { listen: { host: '127.0.0.1', port: 7080 }, login: [], roles: { admin: [], approver: [], auditor: [], viewer: [] }, channels: [] },
      approvals: { forbid: ['requester', 'owner', 'author'], breakGlass: [] },
      identityProviders: [{
        name: 'ci', issuer: 'https://ci.example', audience: 'wicketgate', keys: { from: 'discovery' }, algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
        once: false, maxTokenAge: 3_600_000, clockSkew: 30_000, maxKeyAge: 86_400_000, allowPrivate: false, origin: at(3),
      }],
      identities: [{ name: 'job', owner: { contact: 'a@b.example' }, provider: 'ci', claims: { project: 7 }, groups: ['jobs'], origin: at(5) }],
      connections: [{
        name: 'db', protocol: 'postgres', listen: { host: '127.0.0.1', port: 6432 }, plaintext: false,
        target: { host: 'db.internal', port: 5432, database: 'app', tls: 'verify-full' },
        credential: { username: 'app', password: { from: 'env', name: 'DB' } },
        evidence: { mode: 'effect', recordAnswers: 1_048_576 }, functions: [], origin: at(7),
      }],
      policies: [{
        name: 'jobs', groups: ['jobs'], identities: [], connections: ['db'], allow: ['read'],
        rules: [{ name: 'no-drop', match: { verbs: ['drop'] }, effect: 'deny', origin: at(18) }],
        mask: [{ name: 'jobs/1', columns: ['*.password'], fields: [], detect: [], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: at(20) }],
        limits: { sessionAge: 43_200_000 }, origin: at(13),
      }],
      retention: [],
      evidence: { witnesses: [], quorum: 0, anchors: [] },
    });
    assert(!JSON.stringify(result).includes('secret'));
  });

  test('reads the examples', async () => {
    const billing = await load(path.join(examples, 'billing'), { BILLING_PASSWORD: 'x' }, { checkSecrets: false });
    assert(billing.ok, JSON.stringify(billing));
    assert.deepEqual(billing.config.connections.map((connection) => (isPostgres(connection) ? connection.credential.password?.from : 'another protocol')), ['env', 'file']);
    const analytics = await load(path.join(examples, 'analytics'), {}, { checkSecrets: false });
    assert(analytics.ok, JSON.stringify(analytics));
    assert.equal(analytics.config.files.length, 3);
    assert.deepEqual(analytics.config.policies.flatMap(({ mask }) => mask.map(({ name, mode }) => `${name} ${mode}`)), ['reports/identity strict', 'reports/reachable strict', 'reports/found strict', 'support/phone display', 'support/identity strict']);
  });

  test('gives one digest to one meaning, wherever it stands', async () => {
    const one = await place('digest-one', { 'a.yaml': sound.replace('version: 1', 'version: 1\ngateway: { data: /srv/data, keys: /srv/keys }') });
    const two = await place('digest-two', { 'b.yml': `# moved\n\n${sound.replace('version: 1', 'version: 1\ngateway:\n  keys: /srv/keys\n  data: /srv/data')}` });
    const [a, b] = [await load(one, { DB: '1' }), await load(two, { DB: '2' })];
    assert(a.ok && b.ok);
    assert.equal(a.config.digest, b.config.digest);
    const other = await place('digest-other', { 'a.yaml': sound.replace('project: 7', 'project: 8') });
    const c = await load(other, { DB: '1' });
    assert(c.ok && c.config.digest !== a.config.digest);
  });

  test('counts a claim called origin in the digest', async () => {
    const digests = await Promise.all(['x', 'y'].map(async (value) => {
      const result = await load(await place(`origin-${value}`, { 'a.yaml': sound.replace('version: 1', 'version: 1\ngateway: { data: /srv/data, keys: /srv/keys }').replace('project: 7', `project: 7, origin: ${value}`) }), { DB: '1' });
      assert(result.ok);
      return result.config.digest;
    }));
    assert.notEqual(digests[0], digests[1]);
  });

  test('merges a folder: lists concatenate, sections unite, paths stay with their file', async () => {
    const [head, policies] = sound.split('policies:');
    const where = await place('merged', {
      '10-head.yaml': `${head}gateway: { data: ./d }\n`,
      '20-more.yaml': 'version: 1\ngateway: { keys: ./k }\nidentities:\n  - { name: other, owner: { contact: c }, provider: ci, claims: { project: 9 }, groups: [jobs] }\n',
      '30-policies.yml': `policies:${policies}`,
      'notes.txt': 'not: [read',
      '.hidden.yaml': 'not: [read',
    });
    const result = await load(where, { DB: 'x' });
    assert(result.ok, JSON.stringify(result));
    assert.deepEqual(result.config.identities.map(({ name }) => name), ['job', 'other']);
    assert.equal(result.config.gateway.data, path.join(where, 'd'));
    assert.equal(result.config.gateway.keys, path.join(where, 'k'));
    assert.equal(result.config.identities[1]?.origin.file, path.join(where, '20-more.yaml'));
  });

  test('follows links to files, as Kubernetes mounts them', async () => {
    const where = await place('linked', {});
    await mkdir(path.join(where, '..data-1'));
    await writeFile(path.join(where, '..data-1', 'a.yaml'), sound);
    await symlink(path.join('..data-1', 'a.yaml'), path.join(where, 'a.yaml'));
    assert((await load(where, { DB: 'x' })).ok);
  });

  test('fills in what is not said about people', async () => {
    const where = await place('people', { 'a.yaml': soundWithPeople });
    const result = await load(where, peopleEnvironment);
    assert(result.ok, JSON.stringify(result));
    const { control, approvals, identities, policies } = result.config;
    const at = (line: number) => ({ file: path.join(where, 'a.yaml'), line });
    assert.deepEqual(control, {
      listen: { host: '127.0.0.1', port: 7080 },
      url: 'https://wicketgate.example',
      login: [{
        name: 'okta', issuer: 'https://okta.example', clientId: 'wicketgate', clientSecret: { from: 'env', name: 'OKTA' }, scopes: ['openid', 'profile'], groupsClaim: 'groups',
        accounts: { ci: 'ci_account' }, keys: { from: 'discovery' }, maxTokenAge: 3_600_000, sessionAge: 43_200_000, idle: 3_600_000, allowPrivate: false, origin: at(5),
      }],
      roles: { admin: [], approver: ['okta/dba', 'okta/oncall'], auditor: [], viewer: [] },
      channels: [
        {
          name: 'oncall', type: 'slack', includeStatement: false, token: { from: 'env', name: 'SLACK' }, signingSecret: { from: 'env', name: 'SIGNING' }, channel: 'C0123', api: 'https://slack.com/api',
          people: { login: 'okta', userClaim: 'slack_id' }, origin: at(12),
        },
        { name: 'teams', type: 'webhook', includeStatement: false, url: 'https://hooks.example/x', secret: { from: 'env', name: 'HOOK' }, origin: at(13) },
      ],
    });
    assert.deepEqual(approvals, { forbid: ['requester', 'owner', 'author'], breakGlass: ['okta/incidents'] });
    assert.deepEqual([identities[0]?.requester, identities[0]?.author], ['actor', 'author']);
    const [big, huge] = policies[0]?.rules ?? [];
    assert.equal(big?.match.rows, 1000);
    assert.deepEqual(big?.approval, { groups: ['okta/dba'], count: 1, hold: 600_000, expires: 900_000, holdInTransaction: 0 });
    assert.deepEqual([huge?.match.rows, huge?.approval], [9000, undefined]);
  });
});
