import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../config/resolved.ts';
import { readHead, type RequestHead } from './head.ts';
import { readingOf, type Visitor } from './reading.ts';
import { connectionOf } from './testdata/connection.ts';

/*
 * What is kept of a connection stays while it rests, and thousands may rest: whoever asks for the most that may be kept costs no more than a little.
 */

const CONFIG = { identityProviders: [] } as unknown as Config;
const visitor = (): Visitor => ({ peer: { address: '192.0.2.1', port: 1, tls: true }, certificate: undefined, offered: () => [connectionOf()], known: () => {} });
const first = (...fields: string[]): RequestHead => readHead({ method: 'GET', url: '/', version: '1.1', rawHeaders: ['Host', 'a', ...fields] }, { tls: true }) as RequestHead;
const at = ({ section }: RequestHead, url: string): RequestHead => readHead({ method: 'GET', url, version: '1.1', rawHeaders: [] }, { tls: true }, section) as RequestHead;
/** How many of them are known when all come a third time, one after another. */
const known = (whoever: Visitor, head: RequestHead, urls: readonly string[]): number => {
  const round = (): unknown[] => urls.map((url) => readingOf(at(head, url), CONFIG, whoever));
  const [, second, third] = [round(), round(), round()];
  return third.filter((reading, index) => reading === second[index]).length;
};

test('an address that comes again is read once', () => {
  const whoever = visitor();
  const head = first();
  const readings = Array.from({ length: 4 }, () => readingOf(at(head, '/v1/users/7?expand=all'), CONFIG, whoever));
  assert.notEqual(readings[0], readings[1], 'it may never come again');
  assert.equal(readings[1], readings[2]);
  assert.equal(readings[1], readings[3]);
  assert.equal(known(visitor(), head, Array.from({ length: 20 }, (_, n) => `/v1/users/${n}?expand=all`)), 20);
});

test('of addresses with many parts, and of long ones, few are kept or none', () => {
  const many = Array.from({ length: 200 }, (_, n) => n.toString(36));
  for (const [what, tail] of [['parameters', `?${many.join('&')}`], ['segments', `/${many.join('/')}`], ['the same parameter', `?${many.map(() => 'a').join('&')}`]] as const) {
    assert.equal(known(visitor(), first(), [`/1${tail}`, `/2${tail}`]), 0, what);
  }
  const long = Array.from({ length: 30 }, (_, n) => `/${n}/${'x'.repeat(1_500)}`);
  assert.equal(known(visitor(), first(), long), 0, 'they push one another out');
  assert.equal(known(visitor(), first(), long.slice(0, 5)), 5);
});

test('a long header section is not kept', () => {
  const [short, long] = [first('X-A', 'x'.repeat(1_000)), first('X-A', 'x'.repeat(10_000))];
  assert.equal(known(visitor(), short, ['/']), 1);
  const whoever = visitor();
  readingOf(at(short, '/'), CONFIG, whoever);
  readingOf(at(long, '/'), CONFIG, whoever);
  assert.equal(whoever.last, undefined);
});
