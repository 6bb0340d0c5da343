import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toClient } from './encode.ts';
import type { FieldDescription } from './messages.ts';
import { renderAnswer } from './render.ts';

const column = (name: string, format: 0 | 1 = 0): FieldDescription => ({ name, table: 0, column: 0, type: 25, size: -1, modifier: -1, format });

test('rows are lined up under their names', () => {
  const bytes = Buffer.concat([
    toClient.rowDescription([column('id'), column('name')]),
    toClient.dataRow([Buffer.from('1'), Buffer.from('Ada')]),
    toClient.dataRow([Buffer.from('20'), null]),
    toClient.commandComplete('SELECT 2'),
  ]);
  assert.equal(renderAnswer(bytes), ' id | name\n----+------\n 1  | Ada\n 20 |\nSELECT 2\n'.replace('----+------', '----+------'.padEnd(11, '-')));
});

test('binary cells, errors, copy data and a cut recording are worded', () => {
  const bytes = Buffer.concat([
    toClient.rowDescription([column('b', 1)]),
    toClient.dataRow([Buffer.from([1, 255])]),
    toClient.error([{ code: 'S', value: 'ERROR' }, { code: 'C', value: '42501' }, { code: 'M', value: 'no' }]),
    toClient.copyData(Buffer.from('1\t2\n')),
    toClient.commandComplete('COPY 1').subarray(0, 6),
  ]);
  const text = renderAnswer(bytes);
  assert.match(text, /\\x01ff/);
  assert.match(text, /ERROR: 42501 no/);
  assert.match(text, /1\t2/);
  assert.match(text, /ends in the middle/);
});

test('whatever bytes are recorded, nothing is thrown', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof renderAnswer(Buffer.from(bytes)) === 'string'));
});
