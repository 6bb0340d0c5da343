import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { breakingChanges } from './breaking-changes.ts';

type Doc = Parameters<typeof breakingChanges>[0];
const read = (): Doc => JSON.parse(readFileSync(join(import.meta.dirname, '..', 'docs', 'reference', 'openapi.json'), 'utf8')) as Doc;
/** A member found by its path, to be changed. */
const at = (doc: Doc, ...keys: readonly string[]): Doc => keys.reduce((inside, key) => inside[key] as Doc, doc);
const of = (change: (doc: Doc) => void): string[] => {
  const after = read();
  change(after);
  return breakingChanges(read(), after);
};

test('the same, and more, breaks nothing', () => {
  assert.deepEqual(of(() => {}), []);
  assert.deepEqual(of((doc) => {
    at(doc, 'paths')['/api/v1/new'] = { get: { operationId: 'new.show' } };
    at(doc, 'components', 'schemas', 'Overview', 'properties')['more'] = { type: 'string' };
    at(doc, 'components', 'schemas', 'SessionQuery', 'properties')['more'] = { type: 'string' };
  }), []);
});

for (const [what, pattern, change] of [
  ['a path', /GET \/api\/v1\/overview is gone/, (doc: Doc) => delete at(doc, 'paths')['/api/v1/overview']],
  ['a field of an answer', /ready is gone/, (doc: Doc) => delete at(doc, 'components', 'schemas', 'Overview', 'properties')['ready']],
  ['a field that may be missing now', /ready may be missing/, (doc: Doc) => at(doc, 'components', 'schemas', 'Overview')['required'] = ['at']],
  ['a word of a request', /force is not taken/, (doc: Doc) => at(doc, 'components', 'schemas', 'AnswerRequest', 'properties', 'verdict')['enum'] = ['approve', 'deny']],
  ['a word of an answer', /lost is not answered/, (doc: Doc) => at(doc, 'components', 'schemas', 'SessionSummary', 'properties', 'state')['enum'] = ['open', 'closed']],
  ['a type', /is number instead of string/, (doc: Doc) => at(doc, 'components', 'schemas', 'SessionSummary', 'properties', 'peer')['type'] = 'number'],
  ['a key that is required now', /days.*is required now|more is required now/, (doc: Doc) => (at(doc, 'components', 'schemas', 'TokenRequest')['required'] as string[]).push('more')],
  ['a tighter bound', /maxLength is 5 now/, (doc: Doc) => at(doc, 'components', 'schemas', 'TerminateRequest', 'properties', 'reason')['maxLength'] = 5],
  ['a role', /the role viewer may not/, (doc: Doc) => at(doc, 'paths', '/api/v1/overview', 'get')['x-roles'] = ['admin', 'approver', 'auditor']],
  ['a parameter', /query hours is gone/, (doc: Doc) => at(doc, 'paths', '/api/v1/overview', 'get')['parameters'] = []],
  ['the name of an action', /operationId is another/, (doc: Doc) => at(doc, 'paths', '/api/v1/overview', 'get')['operationId'] = 'other'],
] as const) {
  test(`${what}: breaks`, () => {
    const found = of(change);
    assert.ok(found.some((line) => pattern.test(line)), found.join('\n'));
  });
}
