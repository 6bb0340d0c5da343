import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { MaskConfig } from '../../config/resolved.ts';
import { compileMasks } from '../../masking/compile.ts';
import { ProtectionMemory } from '../../masking/protection-memory.ts';
import type { RequestFacts } from '../../model/request.ts';
import { KeptBody, KeptBytes } from './body.ts';
import { aboutBody } from './mask.ts';
import { demandsLook, needsLook, writesBack } from './write-back.ts';

const MASK: MaskConfig = { name: 'p/1', columns: [], detect: [], fields: ['ssn'], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: 'w.yaml', line: 1 } };
const compile = (...masks: MaskConfig[]): Parameters<typeof demandsLook>[0] => compileMasks(masks, { hash: Buffer.alloc(32, 1) }, new ProtectionMemory(undefined).of('api'), () => {}).bodies;
const bodies = compile(MASK);
const passing = compile({ ...MASK, otherwise: 'pass' });
const MOST = 4_096;
const BACK = Buffer.from('{"ssn":"***"}');

const facts = (headers: Readonly<Record<string, string>>): RequestFacts => ({ method: 'PUT', host: 'a', path: '/', segments: [''], query: new Map(), headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])), body: { kind: 'unread', why: 'not read' } });
/** In pieces of one byte at first, as a client may send it. */
const kept = (bytes: Uint8Array): KeptBody => new KeptBody(Readable.from([...[...bytes.subarray(0, 40)].map((byte) => Buffer.from([byte])), bytes.subarray(40)], { objectMode: false }), MOST, new KeptBytes().of('a'));
const needed = (bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}, masks = bodies): ReturnType<typeof needsLook> => needsLook(masks, facts(headers), aboutBody(facts(headers)), kept(bytes));
const look = (whole: Buffer, headers: Readonly<Record<string, string>> = {}, masks = bodies, most = MOST): ReturnType<typeof writesBack> => writesBack({ masks, facts: facts(headers), about: aboutBody(facts(headers)), whole, most, owner: 'a' });

describe('whether a body is looked at', () => {
  test('by its type, its coding, or the first byte that says something', async () => {
    for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'application/x-www-form-urlencoded' }, { 'content-type': 'application/x-www-form-urlencoded, text/plain' }, { 'content-encoding': 'gzip' }]) assert.equal(await needed(Buffer.from('x'), headers), true);
    for (const text of ['{', ' \r\n\t{"a":1}', '\ufeff[1]', '[']) assert.equal(await needed(Buffer.from(text), { 'content-type': 'text/plain' }), true, text);
    for (const text of ['', 'x{', '"text"', '\0{', '<a/>']) assert.equal(await needed(Buffer.from(text)), false, text);
    assert.equal(await needed(Buffer.alloc(MOST + 1, ' ')), 'too large');
    assert.equal(await needed(BACK, {}, compile()), false);
  });
  test('and what was read for that is handed over, or read on', async () => {
    const body = kept(BACK);
    assert.equal(await needsLook(bodies, facts({}), { mediaType: '' }, body), true);
    assert.equal(await body.read(), 'whole');
    assert.deepEqual(body.bytes(), BACK);
    const other = kept(Buffer.alloc(MOST * 4, 'x'));
    assert.equal(await needsLook(bodies, facts({}), { mediaType: '' }, other), false);
    assert.ok(other.size < MOST);
    // Also where the first piece is more than may be kept.
    for (const [first, looked] of [['x', false], ['[', true]] as const) {
      const large = new KeptBody(Readable.from([Buffer.alloc(MOST + 1, first)], { objectMode: false }), MOST, new KeptBytes().of('a'));
      assert.equal(await needsLook(bodies, facts({}), { mediaType: '' }, large), looked);
      assert.equal(await large.read(), 'too large');
    }
  });
});

describe('what is found in it', () => {
  test('packed or not, under any type', async () => {
    for (const [whole, coding] of [[BACK, undefined], [gzipSync(BACK), 'gzip'], [brotliCompressSync(BACK), 'br'], [zstdCompressSync(BACK), 'ZSTD'], [BACK, 'identity']] as const) {
      const found = await look(whole, { 'content-type': 'text/plain', ...(coding ? { 'content-encoding': coding } : {}) });
      assert.match(typeof found === 'object' ? found.why : '', /mask p\/1/, String(coding));
    }
    assert.equal(await look(gzipSync('{"ssn":"123-45-6789"}'), { 'content-encoding': 'gzip' }), undefined);
  });
  test('in the chunks of AWS, wherever they are cut; and nothing else may be there instead', async () => {
    const chunks = (...data: readonly string[]): Buffer => Buffer.from([...data, ''].map((one) => `${one.length.toString(16)}\r\n${one}${one === '' ? '' : '\r\n'}`).join('') + 'x-amz-checksum-crc32:AAAAAA==\r\n\r\n');
    const headers = { 'content-encoding': 'aws-chunked', 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-trailer': 'x-amz-checksum-crc32' };
    const inChunks = (whole: Buffer, more: Readonly<Record<string, string>> = {}): ReturnType<typeof writesBack> => writesBack({ masks: bodies, facts: facts({ ...headers, ...more }), about: { mediaType: 'text/plain' }, whole, chunked: true, most: MOST, owner: 'a' });
    for (const whole of [chunks(BACK.toString()), chunks('{"ss', 'n":"*', '**"}')]) assert.match((await inChunks(whole) as { readonly why: string }).why, /mask p\/1/);
    assert.equal(await inChunks(chunks('{"ssn":"123-45-', '6789"}')), undefined);
    assert.equal(await inChunks(chunks('just text')), undefined);
    for (const whole of [BACK, Buffer.concat([chunks('x'), BACK]), chunks('x').subarray(0, -4)]) assert.match((await inChunks(whole) as { readonly why: string }).why, /chunks/);
    assert.match((await inChunks(chunks('x'), { 'x-amz-content-sha256': 'STREAMING-OTHER' }) as { readonly why: string }).why, /chunks/);
    // What is data, and not what stands around it, tells whether it has to be read as a whole; also where it begins in a later chunk.
    const looked = (whole: Buffer, more: Readonly<Record<string, string>> = {}): ReturnType<typeof needsLook> => needsLook(bodies, facts({ ...headers, 'content-encoding': 'identity', ...more }), { mediaType: '' }, kept(whole), true);
    for (const whole of [chunks(BACK.toString()), chunks(' ', '\n', '{"ssn"', ':"***"}'), Buffer.from('no chunks\r\n')]) assert.equal(await looked(whole), true, whole.toString());
    for (const whole of [chunks('x'.repeat(MOST * 2)), chunks('text'), chunks(), chunks(' ', 'x{')]) assert.equal(await looked(whole), false, whole.toString().slice(0, 40));
    assert.equal(await looked(chunks('x'), { 'x-amz-trailer': '' }), true);
  });
  test('or a patch that would show what a mask hides', async () => {
    const found = await look(Buffer.from('[{"op":"copy","from":"/ssn","path":"/name"}]'), { 'content-type': 'application/json-patch+json' });
    assert.deepEqual(found, { why: 'the body would have the target show what mask p/1 hides' });
  });
  test('of what is not as it is called, what is wrong with it', async () => {
    const found = await look(Buffer.from('{"name":'), { 'content-type': 'application/json' });
    assert.match(typeof found === 'object' ? found.why : '', /^the body is not what its Content-Type says \(not JSON: .*\), so a value that mask p\/1 has made could come back in it$/);
  });
  test('what cannot be unpacked is refused, unless the mask says pass', async () => {
    for (const [whole, coding] of [[BACK, 'gzip'], [BACK, 'gzip, br'], [BACK, 'deflate'], [gzipSync(BACK).subarray(0, -6), 'gzip']] as const) {
      const found = await look(whole, { 'content-encoding': coding });
      assert.match(typeof found === 'object' ? found.why : '', /cannot be decoded/, coding);
      assert.equal(await look(whole, { 'content-encoding': coding }, passing), undefined);
    }
    assert.equal(await look(gzipSync(Buffer.alloc(MOST + 1)), { 'content-encoding': 'gzip' }), 'too large');
    assert.deepEqual([demandsLook(bodies), demandsLook(passing)], [true, false]);
  });
  test('a few bytes that grow to many are not looked at: that would cost more than to send them', async () => {
    const large = Buffer.from(`{"a":1${' '.repeat(300_000)}}`);
    for (const [packed, coding] of [[brotliCompressSync(large), 'br'], [zstdCompressSync(large), 'zstd'], [gzipSync(large), 'gzip']] as const) {
      const found = await look(packed, { 'content-type': 'application/json', 'content-encoding': coding }, bodies, 2_000_000);
      assert.match(typeof found === 'object' ? found.why : '', /grows more than 250 times/, coding);
    }
    // What is small all the same, and what programs pack.
    const small = brotliCompressSync(large.subarray(0, 50_000).fill('}', 49_999));
    assert.equal(await look(small, { 'content-type': 'application/json', 'content-encoding': 'br' }, bodies, 2_000_000), undefined);
    const records = Buffer.from(JSON.stringify(Array.from({ length: 4_000 }, (_, id) => ({ id, name: 'Ada', state: 'open', note: null }))));
    for (const [packed, coding] of [[brotliCompressSync(records), 'br'], [zstdCompressSync(records), 'zstd'], [gzipSync(records), 'gzip']] as const) assert.equal(await look(packed, { 'content-type': 'application/json', 'content-encoding': coding }, bodies, 2_000_000), undefined, coding);
  });
  test('a coding that is called as a property of objects is none', async () => {
    for (const coding of ['constructor', '__proto__']) {
      const found = await look(Buffer.from('{"a":1}'), { 'content-encoding': coding });
      assert.match(typeof found === 'object' ? found.why : '', /cannot be decoded/, coding);
    }
  });
});
