import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RequestFacts } from '../model/request.ts';
import { loadApi, loadSets, shippedSets, type Api } from './api.ts';
import { readBody } from './body.ts';
import { readTarget } from './path.ts';

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly body?: unknown;
}

const targetOf = (api: Api, raw: string, host: string): ReturnType<typeof readTarget> => {
  const target = readTarget(raw, () => true);
  return 'refused' in target ? target : api.readTarget(target, '', host);
};

/** Operation, timing, and each effect as `class verb kind:name`. */
const ask = (api: Api, line: string, { headers = {}, host = 'gw', body }: Asked = {}): string => {
  const [method = '', raw = ''] = line.split(' ');
  const target = targetOf(api, raw, host);
  if ('refused' in target) return `refused: ${target.refused}`;
  const named = new Map(Object.entries(body === undefined ? headers : { 'content-type': 'application/json', ...headers }).map(([name, value]) => [name, [value]]));
  const facts: RequestFacts = { method, host, path: target.path, segments: target.segments, query: target.query, headers: named, body: body === undefined ? { kind: 'none' } : readBody(Buffer.from(JSON.stringify(body)), named) };
  const { operation, timing, effects } = api.understand(facts);
  assert.equal(timing === 'read', effects.every((effect) => effect.class === 'read'));
  for (const effect of effects) assert.ok(effect.request !== undefined && effect.object?.known === undefined);
  return `${operation ?? '-'} ${effects.map((effect) => `${effect.class} ${effect.verb}${effect.object === undefined ? '' : ` ${effect.object.kind}:${effect.object.name}`}`).join(', ')}`;
};

type Row = readonly [line: string, expected: string, asked?: Asked];

/** Asks for a document that the server keeps, by its hash. */
const kept = (document: string) => ({ persistedQuery: { version: 1, sha256Hash: hash('sha256', document) } });
const KEPT_QUERY = kept('{ me }');
const KEPT_MUTATION = kept('mutation { b }');

const tables: Readonly<Record<string, readonly Row[]>> = {
  rest: [
    ['GET /v1/users?x=1', 'get read get path:/v1/users'],
    ['HEAD /', 'get read get path:/'],
    ['POST /v1/users', 'post write post path:/v1/users'],
    ['DELETE /v1/users/7', 'delete write delete path:/v1/users/7'],
    ['PROPFIND /x', '- unknown unknown'],
    ['get /x', '- unknown unknown'],
    ['POST /x', 'post unknown unknown', { headers: { 'x-http-method-override': 'DELETE' } }],
    ['POST /x?_method=delete', 'post unknown unknown'],
    ['POST /x?$httpMethod=DELETE', 'post unknown unknown'],
    ['GET /api/v4/user?sudo=root', 'get unknown unknown'],
    ['GET /webhdfs/v1/x?op=OPEN&DOAS=hdfs', 'get unknown unknown'],
    ['GET /x?_switch_user=root', 'get unknown unknown'],
    ['GET /api/v1/users/self?as_user_id[]=1', 'get unknown unknown'],
    ['GET /a%2Fb', 'refused: the path has an encoded slash'],
  ],
  gcs: [
    ['GET /storage/v1/b/data/o/dir%2Ffile.txt?alt=media', 'storage.objects.get read read object:data/dir/file.txt'],
    ['GET /download/storage/v1/b/data/o/dir%2Ffile.txt?alt=media&generation=1', 'storage.objects.get read read object:data/dir/file.txt'],
    ['GET /storage/v1/b/da%2Fta/o/x', 'refused: the path has an encoded slash'],
    ['GET /storage/v1/b/data/o?prefix=x', 'storage.objects.list read list bucket:data'],
    ['POST /upload/storage/v1/b/data/o?uploadType=multipart&name=a%2Fb', 'storage.objects.insert write write object:data/a/b', { headers: { 'content-type': 'multipart/related; boundary=x' } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=resumable', 'storage.objects.insert write write object:data/a.txt', { body: { name: 'a.txt' } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=resumable', 'storage.objects.insert write write object:data/a.txt, admin set_policy object:data/a.txt', { body: { name: 'a.txt', acl: [] } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=resumable', 'storage.objects.insert write write object:data/a.txt, admin set_policy object:data/a.txt', { headers: { 'content-type': 'application/json;charset=utf-8' }, body: { name: 'a.txt', acl: [] } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=resumable', 'storage.objects.insert write write object:data/*, admin set_policy object:data/*', { headers: { 'content-type': 'text/json' }, body: { name: 'a.txt', acl: [] } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=resumable', 'storage.objects.insert write write object:data/*', { body: { name: 'a.txt', Name: 'b.txt' } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=resumable&uploadType=media', 'storage.objects.insert write write object:data/a.txt, admin set_policy object:data/a.txt', { body: { name: 'a.txt', acl: [] } }],
    ['POST /upload/storage/v1/b/data/o?uploadType=media&name=x', 'storage.objects.insert write write object:data/x', { body: { acl: 1 } }],
    ['PUT /upload/storage/v1/b/data/o?uploadType=resumable&upload_id=1&name=b', 'storage.objects.resume write write object:data/*'],
    ['POST /upload/storage/v1/b/data/o?uploadType=media&upload_id=&name=b&predefinedAcl=publicRead', 'storage.objects.resume write write object:data/*, admin set_policy object:data/*'],
    ['POST /storage/v1/b/s/o/a%2Fb/rewriteTo/b/d/o/c%2Fd', 'storage.objects.copy read read object:s/a/b, write write object:d/c/d'],
    ['POST /storage/v1/b/data/o/x/compose', 'storage.objects.compose write write object:data/x, read read object:data/*'],
    ['PATCH /storage/v1/b/data/o/x', 'storage.objects.update write update object:data/x', { body: { metadata: {} } }],
    ['PATCH /storage/v1/b/data/o/x', 'storage.objects.update write update object:data/x, admin set_policy object:data/x', { body: { acl: [] } }],
    ['PATCH /storage/v1/b/data', 'storage.buckets.update admin configure bucket:data', { body: {} }],
    ['POST /storage/v1/b?project=p', 'storage.buckets.insert schema create bucket:new', { body: { name: 'new' } }],
    ['DELETE /storage/v1/b/data', 'storage.buckets.delete schema delete bucket:data'],
    ['PUT /storage/v1/b/data/iam', 'storage.buckets.setIamPolicy admin set_policy bucket:data'],
    ['POST /storage/v1/projects/p/hmacKeys?serviceAccountEmail=x', 'storage.projects.hmacKeys admin set_policy project:p'],
    ['POST /batch/storage/v1', 'batch unknown unknown'],
    ['POST /storage/v2/new', 'storage.json unknown unknown'],
    ['GET /storage/v1/b/data/o/x?access_token=1', 'storage.json unknown unknown'],
    ['PATCH /storage/v1/b/data/o/x', 'storage.objects.update unknown unknown', { headers: { 'x-http-method-override': 'DELETE' } }],
    ['GET /data/dir/file.txt', 'xml.object.get read read object:data/dir/file.txt'],
    ['PUT /data/x', 'xml.object.put write write object:data/x, read read object:other/a b', { headers: { 'x-goog-copy-source': '/other/a%20b' } }],
    ['PUT /data?acl', 'xml.bucket.policy.set admin set_policy bucket:data'],
    ['GET /data/x?X-Goog-Signature=1', '- unknown unknown'],
  ],
  s3: [
    ['PUT /data/k', 'PutObject write write object:data/k, read read object:*', { headers: { 'x-amz-copy-source': 'arn%3Aaws:s3:eu:1:accesspoint/ap/object/k' } }],
    ['PUT /data/k', 'PutObject write write object:data/k, read read object:*', { headers: { 'x-amz-copy-source': '/arn:aws:s3:eu:1:accesspoint/ap/object/k' } }],
    ['PUT /data/k', 'PutObject write write object:data/k, admin set_retention object:data/k', { headers: { 'x-amz-object-lock-legal-hold': 'ON' } }],
    ['GET /', 'ListBuckets read list bucket:*'],
    ['GET /data?list-type=2&prefix=a', 'ListObjects read list bucket:data'],
    ['GET /data/a/b.txt?x-id=GetObject', 'GetObject read read object:data/a/b.txt'],
    ['HEAD /data/a', 'GetObject read read object:data/a'],
    ['PUT /data/a', 'PutObject write write object:data/a'],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:src/k+1', { headers: { 'x-amz-copy-source': 'src/k%2B1?versionId=3' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:*', { headers: { 'x-amz-copy-source': 'src/top+secret/k' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:*', { headers: { 'x-amz-copy-source': 'src/k?versionId=3?versionId=4' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:*', { headers: { 'x-amz-copy-source': 'src//k' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:*', { headers: { 'x-amz-copy-source': '%20src/k' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:src/dir/', { headers: { 'x-amz-copy-source': 'src/dir/' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:src/k', { headers: { x_amz_copy_source: 'src/k' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, read read object:*', { headers: { 'x-amz-copy-source': 'src/k', 'x.amz.copy.source': 'src/l' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, admin set_policy object:data/a', { headers: { x_amz_acl: 'public-read' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, write tag object:data/a', { headers: { 'x-amz-tagging': 'team=blue' } }],
    ['POST /data/a?uploads', 'CreateMultipartUpload write write object:data/a, write tag object:data/a', { headers: { 'x-amz-tagging': 'team=blue' } }],
    ['PUT /data/a?partNumber=1&uploadId=x', 'UploadPart write write object:data/a, read read object:*', { headers: { 'x-amz-copy-source': 'arn:aws:s3:us-east-1:1:accesspoint/ap/object/k' } }],
    ['PUT /data/a', 'PutObject write write object:data/a, admin set_policy object:data/a', { headers: { 'x-amz-acl': 'public-read' } }],
    ['PUT /data/a?acl', 'PutObjectAcl admin set_policy object:data/a'],
    ['PUT /data/a?acl&tagging', '- unknown unknown'],
    ['PUT /data/a?Acl', '- unknown unknown'],
    ['PUT /data?policy', 'PutBucketPolicy admin set_policy bucket:data'],
    ['DELETE /data?policy', 'PutBucketPolicy admin set_policy bucket:data'],
    ['PUT /data?replication', 'PutBucketDelivery admin configure bucket:data'],
    ['PUT /data?lifecycle', 'PutBucketConfiguration schema configure bucket:data'],
    ['PUT /data/', 'CreateBucket schema create bucket:data'],
    ['DELETE /data', 'DeleteBucket schema delete bucket:data'],
    ['POST /data?delete', 'DeleteObjects write delete object:data/*'],
    ['POST /data', 'PostObject unknown unknown'],
    ['POST /data/a?uploads', 'CreateMultipartUpload write write object:data/a'],
    ['POST /data/a?uploadId=1', 'CompleteMultipartUpload write write object:data/a'],
    ['DELETE /data/a?uploadId=1', 'AbortMultipartUpload write abort object:data/a'],
    ['DELETE /data/a', 'DeleteObject write delete object:data/a, admin set_retention object:data/a', { headers: { 'x-amz-bypass-governance-retention': 'true' } }],
    ['GET /data/a?X-Amz-Signature=1', '- unknown unknown'],
    ['GET /data?session', '- unknown unknown'],
  ],
  pubsub: [
    ['POST /v1/projects/p/topics/news:publish', 'topics.publish write publish topic:p/news'],
    ['POST /v1/projects/p/subscriptions/s:pull', 'subscriptions.pull read pull subscription:p/s'],
    ['POST /v1/projects/p/topics/news:setIamPolicy', 'topics.setIamPolicy admin set_policy topic:p/news'],
    ['GET /v1/projects/p/topics/news:somethingNew', '- unknown unknown'],
    ['PUT /v1/projects/p/subscriptions/s', 'subscriptions.create schema create subscription:p/s', { body: { topic: 't' } }],
    ['PUT /v1/projects/p/subscriptions/s', 'subscriptions.create schema create subscription:p/s, admin configure subscription:p/s', { body: { topic: 't', pushConfig: {} } }],
    ['PUT /v1/projects/p/subscriptions/s', 'subscriptions.create schema create subscription:p/s, admin configure subscription:p/s', { body: { topic: 't', push_config: {} } }],
    ['POST /google.pubsub.v1.Publisher/Publish', 'Publisher.Publish write publish topic:*', { headers: { 'content-type': 'application/grpc' } }],
    ['POST /google.pubsub.v1.Subscriber/StreamingPull', 'Subscriber.StreamingPull read pull subscription:*, write acknowledge subscription:*', { headers: { 'content-type': 'application/grpc+proto' } }],
    ['POST /google.pubsub.v1.Publisher/Publish', '- unknown unknown', { headers: { 'content-type': 'application/json' } }],
    ['POST /google.pubsub.v1.Publisher/DeleteTopic', 'Publisher.DeleteTopic schema delete topic:*', { headers: { 'content-type': 'Application/gRPC+any_thing; a=b' } }],
    ['POST /google.pubsub.v1.Publisher/DeleteTopic', 'Publisher.DeleteTopic schema delete topic:*', { headers: { 'content-type': 'application/grpc+' } }],
    ['POST /google.pubsub.v1.Publisher/New', '- unknown unknown', { headers: { 'content-type': 'application/grpc' } }],
  ],
  'azure-blob': [
    ['GET /?comp=list', 'ListContainers read list container:*'],
    ['GET /data?restype=container&comp=list&prefix=x', 'ListBlobs read list container:data'],
    ['PUT /data?restype=container', 'CreateContainer schema create container:data'],
    ['PUT /data?restype=container&comp=acl', 'SetContainerAcl admin set_policy container:data'],
    ['DELETE /data?restype=container', 'DeleteContainer schema delete container:data'],
    ['GET /data/a/b', 'GetBlob read read blob:data/a/b'],
    ['PUT /data/a', 'PutBlob write write blob:data/a'],
    ['PUT /data/a', 'PutBlob write write blob:data/a, read read blob:*', { headers: { 'x-ms-copy-source': 'https://x/y' } }],
    ['PUT /data/a?comp=block&blockid=1', 'WritePart write write blob:data/a'],
    ['PUT /data/a?comp=metadata&comp=block', '- unknown unknown'],
    ['PUT /data/a?Comp=block', '- unknown unknown'],
    ['GET /data/a?sv=1&sig=2', '- unknown unknown'],
    ['POST /?restype=service&comp=userdelegationkey', 'GetUserDelegationKey admin set_policy account:*'],
  ],
  'azure-arm': [
    ['GET /subscriptions/1/resourceGroups/g?api-version=1', 'resources.read read read resource:/subscriptions/1/resourceGroups/g'],
    ['PUT /subscriptions/1/providers/microsoft.authorization/roleAssignments/x', 'rights.change admin set_policy resource:/subscriptions/1/providers/microsoft.authorization/roleAssignments/x'],
    ['POST /subscriptions/1/storageAccounts/s/listkeys', 'keys admin read_secret resource:/subscriptions/1/storageAccounts/s/listkeys'],
    ['POST /subscriptions/1/resourceGroups/validate/providers/Microsoft.Storage/storageAccounts/s/listKeys', 'keys admin read_secret resource:/subscriptions/1/resourceGroups/validate/providers/Microsoft.Storage/storageAccounts/s/listKeys'],
    ['POST /subscriptions/1/resourceGroups/whatif/providers/Microsoft.Compute/virtualMachines/v/runCommand', 'deployments.change admin deploy resource:/subscriptions/1/resourceGroups/whatif/providers/Microsoft.Compute/virtualMachines/v/runCommand'],
    ['POST /subscriptions/1/resourceGroups/g/providers/Microsoft.Resources/deployments/d/whatif', 'deployments.check read validate resource:/subscriptions/1/resourceGroups/g/providers/Microsoft.Resources/deployments/d/whatif'],
    ['POST /subscriptions/1/virtualMachines/v/start', 'actions unknown unknown'],
    ['PUT /subscriptions/1/providers/Microsoft.Resources/deployments/d', 'deployments.change admin deploy resource:/subscriptions/1/providers/Microsoft.Resources/deployments/d'],
  ],
  graphql: [
    ['POST /graphql', 'graphql read query field:query.me, read query field:query.users', { body: { query: '{ me { id } ...F } fragment F on Query { all: users { id } }' } }],
    ['POST /graphql', 'graphql write mutation field:mutation.deleteUser', { body: { query: 'mutation A { x: deleteUser(id: 1) { id } } query B { me { id } }', operationName: 'A' } }],
    ['POST /graphql', 'graphql write mutation field:mutation.deleteUser, read query field:query.me', { body: { query: 'mutation A { x: deleteUser(id: 1) { id } } query B { me { id } }', operationName: 'C' } }],
    ['POST /graphql', 'graphql read query field:query.a, write mutation field:mutation.b', { body: [{ query: '{ a }' }, { query: 'mutation { b }' }] }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', QUERY: 'mutation { b }' } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: 'query A { me } mutation B { b }', operationName: 'A', OperationName: 'B' } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', documentId: '7' } }],
    ['GET /graphql?query={me}', 'graphql unknown unknown', { body: { query: 'mutation { b }' } }],
    ['POST /graphql?QUERY=mutation{b}', 'graphql unknown unknown', { body: { query: '{ me }' } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { extensions: { persistedQuery: { sha256Hash: 'x' } } } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', extensions: KEPT_MUTATION } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', extensions: { PersistedQuery: KEPT_MUTATION.persistedQuery } } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', extensions: { persistedQuery: { version: 1 } } } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', extensions: { persistedQuery: { ...KEPT_QUERY.persistedQuery, Sha256Hash: KEPT_MUTATION.persistedQuery.sha256Hash } } } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', Extensions: KEPT_MUTATION } }],
    ['POST /graphql', 'graphql unknown unknown', { body: [{ query: '{ me }' }, { query: '{ me }', extensions: KEPT_MUTATION }] }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ me }', operationId: 'app/delete' } }],
    [`POST /graphql?extensions=${encodeURIComponent(JSON.stringify(KEPT_MUTATION))}`, 'graphql unknown unknown', { body: { query: '{ me }' } }],
    [`GET /graphql?query={me}&extensions=${encodeURIComponent(JSON.stringify(KEPT_MUTATION))}`, 'graphql unknown unknown'],
    ['GET /graphql?query={me}&extensions={', 'graphql unknown unknown'],
    ['POST /graphql', 'graphql read query field:query.me', { body: { query: '{ me }', extensions: { ...KEPT_QUERY, clientLibrary: { name: 'a' } } } }],
    [`GET /graphql?query=${encodeURIComponent('{ me }')}&extensions=${encodeURIComponent(JSON.stringify(KEPT_QUERY))}`, 'graphql read query field:query.me'],
    ['POST /graphql', 'graphql read query field:query.me', { body: { query: '{ me }', extensions: null } }],
    ...['\u2028', '\u2029', '\u0085', '\u000b', '\u000c', '\u0000'].map((end): Row => ['POST /graphql', 'graphql unknown unknown', { body: { query: `query A { me } # a ${end} mutation B { b }`, operationName: 'B' } }]),
    ['POST /graphql', 'graphql read query field:query.me', { body: { query: '# a \t b: \u00e4\r\n{ me(a: "\u2028", b: """\u2029 # """) }' } }],
    ['POST /graphql?query={me}', 'graphql unknown unknown', { body: { query: '{ me }' } }],
    ['POST /graphql', 'graphql unknown unknown', { headers: { 'content-type': 'text/plain' }, body: { query: '{ me }' } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: `{ ${'a{'.repeat(20_000)}` } }],
    ['POST /graphql', 'graphql unknown unknown', { body: { query: '{ ...F } fragment F on Q { a } fragment F on Q { b }' } }],
    ['POST /graphql?sudo=root', 'graphql unknown unknown', { body: { query: '{ me }' } }],
    ['GET /graphql?query={me{id}}', 'graphql read query field:query.me'],
  ],
};

for (const [name, table] of Object.entries(tables)) {
  describe(`rule set ${name}`, () => {
    let api: Api;
    before(async () => {
      api = await loadApi([name]);
    });
    for (const [line, expected, asked] of table) test(`${line}${asked === undefined ? '' : ` ${JSON.stringify(asked).slice(0, 60)}`}`, () => assert.equal(ask(api, line, asked), expected));
  });
}

test('every set that ships loads, and has a table here', async () => {
  assert.deepEqual(Object.keys(tables).toSorted(), shippedSets.toSorted());
  const loaded = await loadSets(shippedSets);
  assert.equal(loaded.length, shippedSets.length);
  // Each is compiled once.
  for (const [index, set] of (await loadSets(shippedSets)).entries()) assert.equal(set, loaded[index]);
});

test('a bucket that the host names stands in front of the path that is sent', async () => {
  const api = await loadApi(['s3'], { hosts: ['*.s3.gw', 's3.gw'] });
  assert.equal(ask(api, 'PUT /a/b', { host: 'data.s3.gw' }), 'PutObject write write object:data/a/b');
  const target = targetOf(api, '/a/b', 'data.s3.gw');
  assert.ok(!('refused' in target) && target.path === '/data/a/b');
  assert.equal(ask(api, 'PUT /data/b', { host: 's3.gw' }), 'PutObject write write object:data/b');
  // Without such a host the bucket is in the path, whatever the client calls the gateway.
  assert.equal(ask(await loadApi(['s3']), 'PUT /data/b', { host: 'secret.s3.amazonaws.com' }), 'PutObject write write object:data/b');
});

test('a plus sign in a path goes to S3 encoded, since it would be a blank there and is judged as a plus sign', async () => {
  const path = async (set: string, raw: string): Promise<unknown> => {
    const target = targetOf(await loadApi([set]), raw, 'gw');
    return 'refused' in target ? target.refused : target.path;
  };
  assert.equal(ask(await loadApi(['s3']), 'GET /data/top+secret/k'), 'GetObject read read object:data/top+secret/k');
  assert.equal(await path('s3', '/data/top+secret/a%2Bb%20c'), '/data/top%2Bsecret/a%2Bb%20c');
  assert.equal(await path('rest', '/top+secret'), '/top+secret');
});

test('a body is read before it is judged only where an operation looks into it', async () => {
  const api = await loadApi(['gcs']);
  const facts = (method: string, raw: string): RequestFacts => {
    const target = targetOf(api, raw, 'gw');
    assert.ok(!('refused' in target));
    return { method, host: 'gw', path: target.path, segments: target.segments, query: target.query, headers: new Map([['content-type', ['application/json']]]), body: { kind: 'unread', why: 'not yet' } };
  };
  assert.equal(api.readsBody(facts('PATCH', '/storage/v1/b/d/o/x')), true);
  assert.equal(api.readsBody(facts('PUT', '/storage/v1/b/d/iam')), false);
  // And one that was not read counts as saying the worst.
  assert.deepEqual(api.understand(facts('PATCH', '/storage/v1/b/d/o/x')).effects.map((effect) => effect.class), ['write', 'admin']);
});

describe('rule sets of your own', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'wicketgate-sets-'));
  });
  after(() => rm(folder, { recursive: true }));
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['name: x', /about|operations/],
    ['name: x\nabout: y\noperations: [{ name: a, paths: [/a], class: read }]', /has no verb/],
    ['name: x\nabout: y\noperations: [{ name: a, class: read, verb: get }]', /needs paths or grpc/],
    ['name: x\nabout: y\noperations: [{ name: a, paths: [a], class: read, verb: get }]', /does not begin with a slash/],
    ['name: x\nabout: y\noperations: [{ name: a, paths: [/a], class: read, verb: get, object: "nothing:x" }]', /unknown kind/],
    ['name: x\nabout: y\noperations: [{ name: a, paths: [/a], class: read, verb: get, object: "path:{id}" }]', /does not have/],
    ['name: x\nabout: y\noperations: [{ name: a, paths: [/a], class: unknown }]', /does not say why/],
    ['name: x\nabout: y\noperations: [{ name: a, paths: [/a], class: read, verb: get, extra: 1 }]', /operations/],
    ['a: &a [1]\nb: *a', /alias/],
    ['a: [', /not YAML/],
  ];
  for (const [index, [text, why]] of wrong.entries()) {
    test(`refused: ${text.slice(-60)}`, async () => {
      const file = path.join(folder, `${index}.yaml`);
      await writeFile(file, text);
      await assert.rejects(loadApi([file]), why);
    });
  }
  test('one that is not there, or not absolute', async () => {
    await assert.rejects(loadApi([path.join(folder, 'none.yaml')]), /ENOENT/);
    await assert.rejects(loadApi(['../x.yaml']), /no rule set/);
  });
});
