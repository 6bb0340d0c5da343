import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tempFolder } from '../../test/kit/temp.ts';
import { createCertificates } from '../listeners/certificates.ts';
import { openInterception } from '../listeners/interception.ts';

const CONFIG = `version: 1
gateway: { data: ./data, keys: ./keys, names: [gw.internal, 127.0.0.1] }
identityProviders: [{ name: issuer, issuer: "https://issuer.example", audience: wicketgate }]
identities: [{ name: job, owner: { contact: ada@acme.example }, provider: issuer, claims: { sub: job } }]
connections:
  - name: billing
    protocol: postgres
    listen: 127.0.0.1:6432
    target: { host: db.internal, port: 5432, database: billing }
    credential: { username: billing, password: env:BILLING_PASSWORD }
policies: [{ name: readers, identities: [job], connections: [billing], allow: [read] }]
`;

/** Runs the command in a process of its own. */
const ca = async (...args: readonly string[]): Promise<{ out: string; err: string; code: number | null }> => {
  const script = `import { Command } from 'commander';
    import { registerCa } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/ca.ts`).href)};
    const program = new Command();
    registerCa(program);
    await program.parseAsync(${JSON.stringify(['ca', ...args])}, { from: 'user' });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'], cwd: import.meta.dirname });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { out, err, code: child.exitCode };
};

test('ca prints path, certificate, fingerprint and what each client needs', async () => {
  using folder = tempFolder('ca');
  const config = folder.file('wicketgate.yaml');
  writeFileSync(config, CONFIG);
  const early = await ca('--config', config);
  assert.equal(early.code, 1);
  assert.match(early.err, /no CA yet/);

  const gateway = { data: folder.file('data'), keys: folder.file('keys'), names: ['gw.internal', '127.0.0.1'], tls: 'auto' as const };
  const made = await createCertificates(gateway);
  made.close();
  const { out, code } = await ca('--config', config);
  assert.equal(code, 0);
  const { authority } = made;
  assert.ok(authority !== undefined);
  for (const part of [authority.path, authority.pem, authority.fingerprint, `PGSSLMODE=verify-full PGSSLROOTCERT=${authority.path} psql -h gw.internal -p 6432 -d billing`, 'jdbc:postgresql://gw.internal:6432/billing?sslmode=verify-full', 'SSL Mode=VerifyFull']) {
    assert.ok(out.includes(part), part);
  }
  const json = JSON.parse((await ca('--config', config, '--json')).out) as Record<string, unknown>;
  assert.equal(json['pem'], authority.pem);
  assert.equal(json['sha256'], authority.fingerprint);
  assert.doesNotMatch(JSON.stringify(json), /PRIVATE KEY/);
});

test('ca tells clients of HTTP what they need, and nothing of databases where there are none', async () => {
  using folder = tempFolder('ca');
  const config = folder.file('wicketgate.yaml');
  const made = await createCertificates({ data: folder.file('data'), keys: folder.file('keys'), names: ['gw.internal', '127.0.0.1'], tls: 'auto' });
  made.close();
  const api = (more: string): string => `  - { name: billing, protocol: http, listen: "127.0.0.1:8443", target: { host: api.example, port: 443 }, credential: { type: none }${more} }\n`;
  const printed = async (connections: string): Promise<string> => {
    writeFileSync(config, CONFIG.replace(/connections:\n[^]*policies:/, `connections:\n${connections}policies:`));
    const { out, err, code } = await ca('--config', config);
    assert.equal(code, 0, err);
    return out;
  };
  const { path } = made.authority ?? {};
  const alone = await printed(api(', http: { prefix: /crm }'));
  for (const part of [`curl --cacert ${path} -H "Authorization: Bearer $TOKEN" https://gw.internal:8443/crm/`, `REQUESTS_CA_BUNDLE=${path}`, `NODE_EXTRA_CA_CERTS=${path}`, 'curl -k']) assert.ok(alone.includes(part), part);
  assert.doesNotMatch(alone, /psql|sslmode|--interception/);
  assert.doesNotMatch(alone, /gcloud|aws/);
  assert.match(await printed(api(', http: { apis: [gcs] }')), /CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=https:\/\/gw\.internal:8443\/storage\/v1\/ /);
  assert.match(await printed(api(', http: { apis: [s3] }')), /AWS_CA_BUNDLE=\S+ AWS_ENDPOINT_URL=https:\/\/gw\.internal:8443 /);
  assert.match(await printed(api(', http: { hosts: ["*.api.internal"] }')), /https:\/\/NAME\.api\.internal:8443\//);
  const proxied = await printed(api(', http: { proxy: true }'));
  assert.match(proxied, /wicketgate ca --interception/);
  assert.doesNotMatch(proxied, /--cacert/);
});

test('ca says so when the certificate is the operator\'s, and when the configuration cannot be read', async () => {
  using folder = tempFolder('ca');
  const config = folder.file('wicketgate.yaml');
  writeFileSync(folder.file('c.pem'), '');
  writeFileSync(folder.file('k.pem'), '', { mode: 0o600 });
  writeFileSync(config, CONFIG.replace('names:', 'tls: { cert: ./c.pem, key: ./k.pem }, names:'));
  const own = await ca('--config', config);
  assert.equal(own.code, 1);
  assert.match(own.err, /a certificate of yours/);
  const missing = await ca('--config', folder.file('none.yaml'));
  assert.equal(missing.code, 2);
  assert.equal(missing.out, '');
});

test('ca --interception prints the CA of the forward proxy, what it is for, and what each client needs', async () => {
  using folder = tempFolder('ca');
  const config = folder.file('wicketgate.yaml');
  writeFileSync(config, CONFIG);
  const none = await ca('--config', config, '--interception');
  assert.deepEqual([none.code, none.out], [1, '']);
  assert.match(none.err, /there is no forward proxy/);
  writeFileSync(config, CONFIG.replace('policies:', `  - name: storage
    protocol: http
    listen: 127.0.0.1:8443
    target: { host: storage.googleapis.com, port: 443 }
    credential: { type: none }
    http: { proxy: true, hosts: ["*.storage.googleapis.com"] }
policies:`));
  const early = await ca('--config', config, '--interception');
  assert.equal(early.code, 1);
  assert.match(early.err, /no interception CA yet: it is made in .*interception-ca\.pem/);

  const { authority } = await openInterception({ data: folder.file('data'), keys: folder.file('keys') }, ['storage.googleapis.com', '*.storage.googleapis.com']);
  const { out, code } = await ca('--config', config, '--interception');
  assert.equal(code, 0);
  const own = folder.file('data/ca.pem');
  for (const part of [authority.path, authority.pem, authority.fingerprint, 'for     *.storage.googleapis.com, storage.googleapis.com', 'proxies https://gw.internal:8443', `curl -x "https://job:$TOKEN@gw.internal:8443" --proxy-cacert ${own} --cacert ${authority.path} https://storage.googleapis.com/`, 'NODE_USE_ENV_PROXY=1', 'REQUESTS_CA_BUNDLE', 'AWS_CA_BUNDLE', 'CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE', 'keytool -importcert']) {
    assert.ok(out.includes(part), part);
  }
  const json = JSON.parse((await ca('--config', config, '--interception', '--json')).out) as Record<string, unknown>;
  assert.deepEqual([json['sha256'], json['proxies']], [authority.fingerprint, ['https://gw.internal:8443']]);
  assert.doesNotMatch(JSON.stringify(json), /PRIVATE KEY/);
});
