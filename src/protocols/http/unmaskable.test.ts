import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadApi } from '../../apis/api.ts';
import { readBody } from '../../apis/body.ts';
import type { MaskConfig } from '../../config/resolved.ts';
import { FieldPaths } from '../../masking/bodies/field-paths.ts';
import { compileMasks } from '../../masking/compile.ts';
import type { MaskSet } from '../../masking/plan.ts';
import { ProtectionMemory } from '../../masking/protection-memory.ts';
import type { Effect } from '../../model/command.ts';
import { readHead, type RequestHead } from './head.ts';
import { unmaskable } from './unmaskable.ts';

const MASK: MaskConfig = { name: 'p/1', columns: [], detect: [], fields: ['ssn'], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: 'w.yaml', line: 1 } };
const compile = (...masks: MaskConfig[]): MaskSet => compileMasks(masks, { hash: Buffer.alloc(32, 1) }, new ProtectionMemory(undefined).of('api'), () => {});
const masks = compile(MASK);
const head = (method: string, ...fields: string[]): RequestHead => readHead({ method, url: '/', version: '1.1', rawHeaders: ['Host', 'a', ...fields] }, { tls: true }) as RequestHead;
const JSON_TYPE = 'application/json';
const post = head('POST', 'Content-Type', JSON_TYPE, 'Content-Length', '1');

/** What the documents would do, sent as one request. */
const effectsOf = async (...documents: readonly string[]): Promise<readonly Effect[]> => {
  const headers = new Map([['content-type', [JSON_TYPE]]]);
  const body = readBody(Buffer.from(JSON.stringify(documents.map((query) => ({ query })))), headers);
  return (await loadApi(['graphql'])).understand({ method: 'POST', host: 'a', path: '/graphql', segments: ['graphql'], query: new Map(), headers, body }).effects;
};

describe('aliases', () => {
  test('that would hide a field are found in every operation and every document', async () => {
    for (const documents of [['{ me { s: ssn } }'], ['query A { me } query B { me { s: ssn } }'], ['{ me }', '{ me { s: ssn } }'], ['{ ...F } fragment F on Query { me { s: ssn } }']]) {
      assert.match(unmaskable(post, await effectsOf(...documents), masks) ?? '', /mask p\/1/, documents.join());
    }
    assert.equal(unmaskable(post, await effectsOf('{ me { called: name ssn } }'), masks), undefined);
    assert.equal(unmaskable(post, await effectsOf('{ me { s: ssn } }'), compile()), undefined);
  });

  test('are looked at once for each document, however many operations and fields it has', async () => {
    let looked = 0;
    const counting = new FieldPaths([{ steps: [{ deep: true, name: () => (looked += 1) < 0 }], mask: { ...MASK, treatment: masks.bodies.fields[0]?.treatment ?? assert.fail() } }]);
    const many = (count: number, one: (index: number) => string): string => Array.from({ length: count }, (_, index) => one(index)).join(' ');
    // Its 200 operations and effects would look at 500 aliases 20 million times.
    const effects = await effectsOf(many(200, (index) => `query q${index} { f${index}${index > 0 ? '' : ` { ${many(500, (alias) => `a${alias}: x`)} }`} }`));
    assert.equal(effects.length, 200);
    assert.equal(unmaskable(post, effects, { ...masks, bodies: { ...masks.bodies, paths: counting } }), undefined);
    assert.equal(looked, 500);
  });
});

describe('an answer whose fields stand elsewhere than masks look for them', () => {
  const anchored = compile({ ...MASK, fields: ['$.data.me.ssn'] });
  /** The document alone, as most clients send it. */
  const single = async (query: string): Promise<readonly Effect[]> => {
    const [effect, ...more] = await effectsOf(query);
    const body = { kind: 'json', value: { query } } as const;
    return [effect ?? assert.fail(), ...more].map((one) => ({ ...one, request: { ...(one.request ?? assert.fail()), body } }));
  };

  test('several requests in one, where a mask looks from the top', async () => {
    assert.match(unmaskable(post, await effectsOf('{ me { ssn } }'), anchored) ?? '', /mask p\/1/);
    assert.equal(unmaskable(post, await single('{ me { ssn } }'), anchored), undefined);
    for (const fields of ['ssn', '$..ssn', '$[*].data.me.ssn']) assert.equal(unmaskable(post, await effectsOf('{ me { ssn } }'), compile({ ...MASK, fields: [fields] })), undefined, fields);
    assert.equal(unmaskable(post, await effectsOf('{ me { ssn } }'), compile()), undefined);
  });

  test('what is deferred or streamed, wherever it stands in the document', async () => {
    for (const document of ['{ me { ... @defer { ssn } } }', '{ me { ...F @defer(label: "x") } } fragment F on User { ssn }', '{ me { cards @stream(initialCount: 0) } }', 'query a { me } query b { me { ... on User @defer { ssn } } }']) {
      for (const set of [masks, anchored]) assert.match(unmaskable(post, await single(document), set) ?? '', /deferred/, document);
      assert.equal(unmaskable(post, await single(document), compile()), undefined);
    }
    assert.equal(unmaskable(post, await single('{ me { ... @include(if: true) { ssn } } }'), masks), undefined);
  });
});

test('what type an answer is to have is not for the client to choose where bodies are masked, whatever the masks let pass', async () => {
  const effects = async (api: string, name: string, method = 'GET', value = 'text/csv'): Promise<readonly Effect[]> =>
    (await loadApi([api])).understand({ method, host: 'a', path: '/b/k', segments: ['b', 'k'], query: new Map([[name, [value]]]), headers: new Map(), body: { kind: 'none' } }).effects;
  for (const [api, name] of [['s3', 'response-content-type'], ['s3', 'response-content-encoding'], ['gcs', 'response-content-type'], ['rest', 'Response-Content-Type'], ['azure-blob', 'rsct']] as const) {
    for (const set of [masks, compile({ ...MASK, otherwise: 'pass' })]) assert.match(unmaskable(head('GET'), await effects(api, name), set) ?? '', /type/, name);
    assert.equal(unmaskable(head('GET'), await effects(api, name), compile()), undefined);
  }
  assert.equal(unmaskable(head('GET'), await effects('s3', 'response-content-disposition'), masks), undefined);
  for (const asked of [await effects('s3', 'select-type', 'POST', '2'), await effects('azure-blob', 'comp', 'POST', 'query')]) {
    for (const set of [masks, compile({ ...MASK, otherwise: 'pass' })]) assert.match(unmaskable(post, asked, set) ?? '', /type/);
    assert.equal(unmaskable(post, asked, compile()), undefined);
  }
  assert.equal(unmaskable(post, await effects('rest', 'select', 'POST'), masks), undefined);
});

test('a call of gRPC and a WebSocket cannot be masked, unless the masks let pass what they do not understand', () => {
  const call = head('POST', 'Content-Type', 'application/grpc', 'Content-Length', '1');
  const socket = head('GET', 'Connection', 'upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==');
  assert.match(unmaskable(call, [], masks) ?? '', /gRPC/);
  assert.match(unmaskable(socket, [], masks) ?? '', /WebSocket/);
  for (const asked of [call, socket]) for (const set of [compile(), compile({ ...MASK, otherwise: 'pass' })]) assert.equal(unmaskable(asked, [], set), undefined);
  assert.equal(unmaskable(post, [], masks), undefined);
});
