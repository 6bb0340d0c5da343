import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import { answersWithLinks, throughLinks } from './links.ts';

const connection = (over: object = {}): HttpConnectionConfig =>
  ({ target: { host: 'storage.googleapis.com', port: 443, tls: 'verify-full' }, http: { apis: ['gcs'], prefix: '/gcs', basePath: '', ...over } }) as unknown as HttpConnectionConfig;
const outside = { scheme: 'https', authority: 'gw.internal:8443', proxied: false } as const;

const through = async (...pieces: readonly (string | Buffer)[]): Promise<string> => {
  const body = Readable.from(pieces.map((piece) => Buffer.from(piece as string)));
  return Buffer.concat((await throughLinks(body, connection(), outside).toArray()) as Buffer[]).toString();
};

const LINKS = `{"mediaLink": "https://storage.googleapis.com/download/storage/v1/b/x/o/y%2Fz?generation=1&alt=media",\n "selfLink":"https://www.googleapis.com/storage/v1/b/x/o/y%2Fz", "name": "ü", "owner": "https://storage.googleapis.com/", "metadata": {"a": "\\"mediaLink\\": \\"https://storage.googleapis.com/\\""}, "other": {"selfLink": "https://elsewhere.example/x"}}`;
const TOLD = LINKS.replace('"https://storage.googleapis.com/download/', '"https://gw.internal:8443/gcs/download/').replace('https://www.googleapis.com/storage/', 'https://gw.internal:8443/gcs/storage/');

test('links of the target lead through the gateway, and nothing else changes, however the body is cut', async () => {
  assert.equal(await through(LINKS), TOLD);
  const bytes = Buffer.from(LINKS);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), fc.nat(3), async (cuts, times) => {
      const whole = Buffer.concat(Array.from({ length: times * 20 + 1 }, () => bytes));
      const at = [0, ...cuts.map((cut) => (cut * 31) % whole.length).toSorted((one, other) => one - other), whole.length];
      assert.equal(await through(...at.slice(1).map((to, index) => whole.subarray(at[index], to))), TOLD.repeat(times * 20 + 1));
    }),
    { numRuns: 60 },
  );
});

test('a signed link of another host would lead past the gateway, and is not told', async () => {
  assert.equal(await through('{"mediaLink": "https://elsewhere.example/x?X-Goog-Signature=0a", "selfLink": "https://elsewhere.example/x?upload_id=a"}'), '{"mediaLink": "", "selfLink": ""}');
});

test('metadata has links; a stored object is passed as it is', () => {
  const asked = (path: string, alt?: string): boolean => answersWithLinks(connection(), { path, query: new Map(alt === undefined ? [] : [['alt', [alt]]]) });
  assert.ok(asked('/storage/v1/b/x/o'));
  assert.ok(asked('/storage/v1/b/x/o/y', 'json'));
  assert.ok(asked('/upload/storage/v1/b/x/o'));
  assert.ok(asked('/resumable/upload/storage/v1/b/x/o'));
  assert.ok(!asked('/storage/v1/b/x/o/y', 'media'));
  assert.ok(!asked('/download/storage/v1/b/x/o/y'));
  assert.ok(!asked('/x/storage/v1/y'));
  assert.ok(!answersWithLinks(connection({ apis: ['rest'] }), { path: '/storage/v1/b', query: new Map() }));
});
