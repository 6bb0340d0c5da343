import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { compare } from './compare.ts';
import { interceptedHosts, namesForConnect, namesForPlain } from './http-proxy.ts';
import { loadSources } from './load.ts';
import { formatProblem } from './problems.ts';
import { describe as shown, print } from './print.ts';
import { isHttp } from './protocols.ts';
import type { Config } from './resolved.ts';

/** The smallest configuration with a connection of each protocol; tests change one thing of it. */
const sound = `version: 1
identityProviders:
  - { name: ci, issuer: https://ci.example, audience: wicketgate }
identities:
  - { name: job, owner: { contact: a@b.example }, provider: ci, claims: { project: 7 }, groups: [jobs] }
connections:
  - name: api
    protocol: http
    listen: 127.0.0.1:8443
    target: { host: api.internal, port: 443 }
    credential: { type: bearer, token: env:TOKEN }
    http: { hosts: [api.gw.internal], prefix: /api }
  - { name: db, protocol: postgres, listen: "127.0.0.1:6432", target: { host: db.internal, port: 5432, database: app }, credential: { username: app } }
policies:
  - name: jobs
    groups: [jobs]
    connections: [api]
    allow: [read]
    rules:
      - { name: r, match: { request: { paths: [/admin/**] } }, effect: deny }
    mask:
      - { fields: [password] }
  - { name: rows, groups: [jobs], connections: [db], allow: [read] }
`;

function S(text: string, by: string): string {
  assert(sound.includes(text), `the sound configuration has no ${text}`);
  return sound.replace(text, by);
}
const credential = (by: string): string => S('{ type: bearer, token: env:TOKEN }', by);
const http = (by: string): string => S('{ hosts: [api.gw.internal], prefix: /api }', by);
const target = (by: string): string => S('{ host: api.internal, port: 443 }', by);
const match = (by: string): string => S('{ request: { paths: [/admin/**] } }', by);
const another = (keys: string): string => S('  - { name: db,', `  - { name: other, protocol: http, target: { host: o.internal, port: 443 }, credential: { type: none }, ${keys} }\n  - { name: db,`).replace('connections: [api]', 'connections: [api, other]');

const load = (text: string, checkSecrets = false) => loadSources([{ file: '/nowhere/w.yaml', text }], '/nowhere', { TOKEN: 'x' }, { checkSecrets });
const loaded = async (text: string): Promise<Config> => {
  const result = await load(text);
  assert(result.ok, JSON.stringify(result));
  return result.config;
};

/** What is wrong, and a part of what is said about it; nothing else may be said. */
const bad: readonly (readonly [string, string, readonly RegExp[]])[] = [
  ['http on postgres', S('credential: { username: app } }', 'credential: { username: app }, http: { prefix: /x } }'), [/w\.yaml:13:.*connections\[db\]\.http: is of the protocol http/]],
  ['type on postgres', S('credential: { username: app } }', 'credential: { type: basic, username: app } }'), [/connections\[db\]\.credential\.type: is of the protocol http/]],
  ['postgres without a user', S('credential: { username: app } }', 'credential: { password: env:TOKEN } }'), [/connections\[db\]\.credential: username is missing/]],
  ['database on http', target('{ host: api.internal, port: 443, database: x }'), [/target\.database: is of the protocol postgres/]],
  ['functions on http', S('    http: {', '    functions: ["a.b(int)"]\n    http: {'), [/functions: are of the protocol postgres/]],
  ['unknown key', http('{ host_names: [a] }'), [/w\.yaml:12:.*http\.host_names: unknown key \(known: hosts, proxy/]],
  ['wrong type', http('{ wholeBody: 5 }'), [/http\.wholeBody: expected a size/]],
  ['no type', credential('{ token: env:TOKEN }'), [/credential: type is missing \(one of none, bearer/]],
  ['unknown type', credential('{ type: bearr }'), [/credential\.type: expected one of none, bearer/]],
  ['literal token', credential('{ type: bearer, token: hunter2 }'), [/credential\.token: a literal credential is not accepted/]],
  ['key of another type', credential('{ type: bearer, token: env:TOKEN, region: eu }'), [/credential\.region: is not a key of bearer/]],
  ['key missing', credential('{ type: aws, accessKey: env:TOKEN, secretKey: env:TOKEN, region: eu }'), [/service is missing, which aws needs/]],
  ['header that frames', credential('{ type: header, name: Content-Length, value: env:TOKEN }'), [/name: is a header that says how the request is sent/]],
  ['header that says what the body is', credential('{ type: header, name: content-encoding, value: env:TOKEN }'), [/name: is a header that says how the request is sent/]],
  ['token address in clear', credential('{ type: oauth, tokenUrl: "http://a.example/token", clientId: x, clientSecret: env:TOKEN }'), [/tokenUrl: http is accepted for loopback addresses only/]],
  ['token address of metadata', credential('{ type: oauth, tokenUrl: "https://169.254.169.254/token", clientId: x, clientSecret: env:TOKEN, allowPrivate: true }'), [/tokenUrl: is a link-local or metadata address/]],
  ['private token address', credential('{ type: oauth, tokenUrl: "https://10.0.0.1/token", clientId: x, clientSecret: env:TOKEN }'), [/tokenUrl: is a private or loopback address \(add allowPrivate/]],
  ['azure with two proofs', credential('{ type: azure, tenant: t, clientId: c, scopes: [a], clientSecret: env:TOKEN, assertion: env:TOKEN }'), [/assertion: stands beside clientSecret/]],
  ['azure with none', credential('{ type: azure, tenant: t, clientId: c, scopes: [a] }'), [/neither clientSecret nor assertion/]],
  ['metadata target', target('{ host: 169.254.169.254, port: 80, tls: disable }'), [/target\.host: is an address at which a machine gets its own credentials/]],
  ['metadata target in disguise', target('{ host: "::ffff:169.254.169.254", port: 80 }'), [/target\.host: is an address at which/]],
  ['metadata target by name', target('{ host: Metadata.Google.Internal., port: 80 }'), [/target\.host: is an address at which/]],
  ['socket', target('{ host: /run/x, port: 80 }'), [/target\.host: is a Unix socket/]],
  ['plaintext in the open', S('listen: 127.0.0.1:8443', 'listen: 0.0.0.0:8443\n    plaintext: true'), [/plaintext: is accepted on loopback only/]],
  ['host with a port', http('{ hosts: ["a.b:80"] }'), [/http\.hosts\[0\]: "a\.b:80" is not a host name/]],
  ['prefix that no path has', http('{ prefix: /a/../b }'), [/http\.prefix: could never be the beginning of a path: the path has a dot segment/]],
  ['prefix in another spelling', http('{ prefix: /%61pi }'), [/http\.prefix: is not written as paths are compared \(write \/api\)/]],
  ['unknown rule set', http('{ apis: [gsc] }'), [/http\.apis\[0\]: there is no rule set "gsc" \(did you mean gcs\?\)/]],
  ['rule set behind one that knows all', http('{ apis: [rest, s3] }'), [/http\.apis\[0\]: rest knows every request/]],
  ['too large', http('{ wholeBody: 65MiB }'), [/http\.wholeBody: is more than 64MiB/]],
  ['too short', http('{ sessionIdle: 1ms }'), [/http\.sessionIdle: is shorter than 1s/]],
  ['two protocols on one address', S('"127.0.0.1:6432"', '127.0.0.1:8443'), [/connections\[db\]\.listen: 127\.0\.0\.1:8443 speaks http for "api" at w\.yaml:7, and an address speaks one protocol/]],
  ['two that cannot be told apart', another('listen: "127.0.0.1:8443", http: { hosts: [API.gw.internal], prefix: /api/ }'), [/connections\[other\]\.listen: shares 127\.0\.0\.1:8443 with "api" at w\.yaml:7, and both are for the host "api\.gw\.internal" and paths below "\/api"/]],
  ['a proxy with a prefix', http('{ proxy: true, prefix: /api }'), [/http\.prefix: cannot stand beside proxy: clients of the forward proxy write the paths of the target/]],
  ['a proxy for a top-level domain', http('{ proxy: true, hosts: ["*.internal."] }'), [/http\.hosts\[0\]: "\*\.internal\." is where a machine gets its own credentials/]],
  ['a proxy for another top-level domain', http('{ proxy: true, hosts: ["*.com"] }'), [/http\.hosts\[0\]: "\*\.com" is a whole top-level domain/]],
  ['a proxy for metadata', http('{ proxy: true, hosts: [169.254.169.254, Metadata.google.internal, "*.google.internal"] }'), [/hosts\[0\]: "169\.254\.169\.254" is where a machine gets/, /hosts\[1\]: "Metadata\.google\.internal" is where/, /hosts\[2\]: "\*\.google\.internal" is where/]],
  ['two of one proxy for the same host and port', http('{ proxy: true }').replace('  - { name: db,', '  - { name: other, protocol: http, listen: "127.0.0.1:8443", target: { host: o.internal, port: 8080 }, credential: { type: none }, http: { proxy: true, hosts: [API.internal.] } }\n  - { name: db,').replace('connections: [api]', 'connections: [api, other]'), [/connections\[other\]\.http: shares the forward proxy at 127\.0\.0\.1:8443 with "api" at w\.yaml:7, and clients ask for both as api\.internal:443/]],
  ['a rule for a host by which the proxy is not reached', http('{ proxy: true }').replace('{ request: { paths: [/admin/**] } }', '{ request: { hosts: [other.gw] } }'), [/request\.hosts\[0\]: "other\.gw" can never match: the connections of the policy are reached by api\.internal/]],
  ['method in lower case', match('{ request: { methods: [get] } }'), [/request\.methods\[0\]: "get" is not how a method is written, so it never matches \(write GET\)/]],
  ['method with a slip', match('{ request: { methods: [DELET] } }'), [/"DELET" is a method that no API here has \(did you mean DELETE\?\)/]],
  ['bad template', match('{ request: { paths: ["/a/**/b"] } }'), [/request\.paths\[0\]: "\/a\/\*\*\/b" has \*\* before the end/]],
  ['host that leads nowhere here', match('{ request: { hosts: [other.gw] } }'), [/request\.hosts\[0\]: "other\.gw" can never match: the connections of the policy are reached by api\.gw\.internal/]],
  ['header that no rule sees', match('{ request: { headers: { Authorization: ["*"] } } }'), [/headers\.Authorization: can never match: no rule sees this header/]],
  ['field by the number of an element', match('{ request: { fields: { "items[0].a": ["1"] } } }'), [/has brackets, and elements are written as members: a path such as items\.\*\.price/]],
  ['field by any element in brackets', match('{ request: { fields: { "items[*].a": ["1"] } } }'), [/has brackets/]],
  ['field by JSONPath', match('{ request: { fields: { "$.a": ["1"] } } }'), [/begins with \$/]],
  ['graphql without a graphql API', match('{ request: { graphql: [mutation] } }'), [/request\.graphql: can never match: no connection of the policy has graphql/]],
  ['grpc in another form', match('{ request: { grpc: [Publish] } }'), [/"Publish" is not package\.Service\/Method/]],
  ['verb of statements', match('{ verbs: [drop] }'), [/verbs\[0\]: "drop" is a verb of statements, and all connections of the policy are of protocol http/]],
  ['kind of statements', match('{ objects: ["table:x"] }'.replace('table', 'index')), [/there is no kind "index", so this never matches/]],
  ['columns of requests', match('{ columns: ["*.x"] }'), [/match\.columns: can never match: requests have no columns/]],
  ['class that a verb never has', http('{ apis: [s3] }').replace('{ request: { paths: [/admin/**] } }', '{ verbs: [publish] }'), [/there is no verb "publish"/]],
  ['mask of columns', S('{ fields: [password] }', '{ columns: ["*.password"] }'), [/mask\[0\]\.columns: masks nothing: all connections of the policy are of protocol http/]],
  ['mask of fields on postgres', S('connections: [db], allow: [read] }', 'connections: [db], allow: [read], mask: [{ fields: [a] }] }'), [/mask\[0\]\.fields: masks nothing: all connections of the policy are of protocol postgres/]],
  ['bad field', S('{ fields: [password] }', '{ fields: ["a.b"] }'), [/mask\[0\]\.fields\[0\]: "a\.b" has \. in a name/]],
  ['otherwise of nothing', S('{ fields: [password] }', '{ fields: [password] }').replace('connections: [db], allow: [read] }', 'connections: [db], allow: [read], mask: [{ columns: ["*.a"], otherwise: pass }] }'), [/otherwise: is about bodies/]],
  ['request on postgres', S('connections: [db], allow: [read] }', 'connections: [db], allow: [read], rules: [{ name: x, match: { request: { methods: [GET] } }, effect: deny }] }'), [/match\.request: can never match: all connections of the policy are of protocol postgres/]],
  ['grant under a deny', S('      - { name: r, ', '      - { name: g, match: { request: { paths: ["/admin/{id}"], methods: [GET] } }, effect: allow }\n      - { name: r, '), [/rules\[g\]: can never take effect: the deny "r"/]],
];

describe('connections of HTTP: what is wrong is said', () => {
  for (const [name, text, expected] of bad) {
    test(name, async () => {
      const result = await load(text);
      assert(!result.ok, 'it was accepted');
      const said = result.problems.map((problem) => formatProblem(problem).replaceAll('/nowhere/', ''));
      assert.equal(said.length, expected.length, said.join('\n'));
      expected.forEach((pattern, index) => assert.match(said[index] ?? '', pattern));
      assert(!JSON.stringify(result).includes('hunter2'), 'a literal credential is shown');
    });
  }
});

/** Every type of credential and every key. */
const full = sound
  .replace('{ hosts: [api.gw.internal], prefix: /api }', '{ hosts: [API.gw.internal, "*.gw.internal"], prefix: /api/, basePath: /v2/, host: "Api.internal:8443", apis: [s3, pubsub, graphql], sessionIdle: 1m, wholeBody: 2MiB, answerWithin: 5s }')
  .replace('{ request: { paths: [/admin/**] } }', '{ verbs: [write, post], objects: [bucket, "object:a/*.csv"], request: { methods: [GET, HEAD], hosts: [x.GW.internal], paths: ["/a/{id}"], query: { a: ["1", "*"] }, headers: { X-Env: [prod], origin: ["*"] }, fields: { "items.*.price": ["1"] }, graphql: ["mutation.x*"], grpc: ["a.B/*"] } }')
  .replace('{ fields: [password] }', '{ fields: ["$.a[*].b", "*_token"], detect: [email], otherwise: redact }');
const credentials = [
  '{ type: none }', '{ type: header, name: X-Api-Key, value: env:TOKEN }', '{ type: basic, username: u, password: "file:/run/x" }',
  '{ type: oauth, tokenUrl: "https://a.example/token", clientId: c, clientSecret: env:TOKEN, scopes: [a, b], audience: x, auth: post, ca: ./ca.pem, allowPrivate: true }',
  '{ type: google, key: env:TOKEN, tokenUrl: "http://127.0.0.1:1/token", allowPrivate: true }', '{ type: azure, tenant: t, clientId: c, assertion: env:TOKEN, scopes: [s], authority: "https://login.example/" }',
  '{ type: aws, accessKey: env:TOKEN, secretKey: env:TOKEN, sessionToken: env:TOKEN, region: eu-west-1, service: s3 }',
];

describe('connections of HTTP in force', () => {
  test('have every default filled in', async () => {
    const config = await loaded(sound.replace('    http: { hosts: [api.gw.internal], prefix: /api }\n', ''));
    const connection = config.connections.find(isHttp);
    assert.deepEqual(connection, {
      name: 'api', protocol: 'http', listen: { host: '127.0.0.1', port: 8443 }, plaintext: false, evidence: { mode: 'effect', recordAnswers: 1_048_576 },
      target: { host: 'api.internal', port: 443, tls: 'verify-full' }, credential: { type: 'bearer', token: { from: 'env', name: 'TOKEN' } },
      http: { hosts: [], proxy: false, prefix: '', basePath: '', apis: ['rest'], sessionIdle: 300_000, wholeBody: 1_048_576, answerWithin: 60_000 }, origin: { file: '/nowhere/w.yaml', line: 7 },
    });
    assert.deepEqual(config.policies[0]?.mask[0], { name: 'jobs/1', columns: [], fields: ['password'], detect: [], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: '/nowhere/w.yaml', line: 21 } });
  });

  for (const [index, one] of ['{ type: bearer, token: env:TOKEN }', ...credentials].entries()) {
    test(`are the same when what is printed is loaded again: ${one.slice(0, 16)} ${index}`, async () => {
      const config = await loaded(full.replace('{ type: bearer, token: env:TOKEN }', one));
      const again = await loaded(stringify(shown(config)['configuration']));
      assert.equal(again.digest, config.digest);
      const text = print(config);
      assert.match(text, /read by {5}s3, pubsub, graphql; whole bodies up to 2MiB/);
      assert.match(text, /header x-env prod/);
    });
  }

  test('that are limited by rows are limited by nothing, which is said', async () => {
    const limited = async (connections: string): Promise<string[]> => {
      const { warnings } = await load(S('connections: [api]', `limits: { rowsPerCommand: 5 }\n    connections: ${connections}`));
      return warnings.map(formatProblem).filter((line) => line.includes('rowsPerCommand'));
    };
    assert.match((await limited('[api]')).join('\n'), /policies\[jobs\]\.limits\.rowsPerCommand: limits nothing: all connections of the policy are of protocol http/);
    assert.deepEqual(await limited('[api, db]'), []);
  });

  test('are reached through the forward proxy by the host of the target and by their hosts, at one address, told apart by host and port', async () => {
    const config = await loaded(S('    http: { hosts: [api.gw.internal], prefix: /api }\n', '    http: { proxy: true, hosts: ["*.API.example"] }\n').replace('  - { name: db,', '  - { name: plain, protocol: http, listen: "127.0.0.1:8443", target: { host: api.internal, port: 8080, tls: disable }, credential: { type: none }, http: { proxy: true } }\n  - { name: db,').replace('connections: [api]', 'connections: [api, plain]'));
    const [api, plain] = config.connections.filter(isHttp);
    assert(api && plain);
    assert.deepEqual(namesForConnect(api), [{ host: 'api.internal', ports: [443] }, { host: '*.api.example', ports: [443] }]);
    assert.deepEqual(namesForPlain(api), []);
    assert.deepEqual(namesForPlain(plain), [{ host: 'api.internal', ports: [8080] }]);
    assert.deepEqual(interceptedHosts(config.connections.filter(isHttp)), ['*.api.example', 'api.internal']);
    assert.match(print(config), /listen {6}127\.0\.0\.1:8443, as forward proxy for api\.internal:443, \*\.api\.example:443; and for the host \*\.api\.example\n/);
    assert.equal((await loaded(stringify(shown(config)['configuration']))).digest, config.digest);
  });

  test('tell every difference, also one in a header that is called origin', async () => {
    const config = await loaded(full);
    const changed = await loaded(full.replace('origin: ["*"]', 'origin: [a]').replace('otherwise: redact', 'otherwise: pass').replace('basePath: /v2/', 'basePath: /v3'));
    assert.notEqual(changed.digest, config.digest);
    assert.deepEqual(compare(config, changed), ['deny changed: jobs/r (match)', 'mask changed: jobs/1 (otherwise)', 'connection changed: api (http)']);
    assert.deepEqual(compare(config, await loaded(full.replace('{ fields: ["$.a[*].b", "*_token"], detect: [email], otherwise: redact }', '{ detect: [email], otherwise: redact }'))), ['mask changed: jobs/1 (fields)']);
  });

  test('look whether variables and files are there', async () => {
    const result = await load(credential('{ type: header, name: X-Key, value: env:MISSING }'), true);
    assert(!result.ok);
    assert.match(result.problems.map(formatProblem).join(), /credential\.value: the variable MISSING is not set/);
  });
});

describe('rule sets of your own', () => {
  let folder: string;
  before(async () => { folder = await mkdtemp(path.join(tmpdir(), 'wicketgate-apis-')); });
  after(() => rm(folder, { recursive: true }));

  test('bring their verbs, stand relative to the file, and are part of what the digest names', async () => {
    const set = (verb: string): string => `name: shop\nabout: our shop\noperations: [{ name: pay, methods: [POST], paths: ['/pay/{id}'], class: write, verb: ${verb} }]\n`;
    const text = http('{ apis: [./shop.yaml] }').replace('{ request: { paths: [/admin/**] } }', '{ verbs: [pay] }');
    const inFolder = () => loadSources([{ file: path.join(folder, 'w.yaml'), text }], folder, { TOKEN: 'x' });
    const missing = await inFolder();
    assert(!missing.ok && missing.problems.some(({ message }) => message.includes('ENOENT')));
    await writeFile(path.join(folder, 'shop.yaml'), set('pay'));
    const one = await inFolder();
    assert(one.ok, JSON.stringify(one));
    await writeFile(path.join(folder, 'shop.yaml'), `${set('pay')}# another\n`);
    const two = await inFolder();
    assert(two.ok && two.config.digest !== one.config.digest);
    await writeFile(path.join(folder, 'shop.yaml'), set('buy'));
    const three = await inFolder();
    assert(!three.ok && three.problems.some(({ message }) => message.includes('there is no verb "pay"')));
    await writeFile(path.join(folder, 'shop.yaml'), 'name: shop');
    const four = await inFolder();
    assert(!four.ok && four.problems.some(({ message }) => message.includes('rule set')));
  });
});
