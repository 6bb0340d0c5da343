import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { python } from '../../../test/kit/clients.ts';
import { BodyNotMasked } from './not-masked.ts';
import { bodyMasks, key, maskedBy, through } from './testdata/bodies.ts';

const csv = { mediaType: 'text/csv' };
const tsv = { mediaType: 'text/tab-separated-values' };

const runPython = async (script: string, data: unknown): Promise<unknown> => {
  const encoded = Buffer.from(JSON.stringify(data)).toString('base64');
  const ran = await python(`import base64, csv, io, json, sys\ndata = json.loads(base64.b64decode('${encoded}'))\n${script}\n`, {});
  assert.equal(ran.code, 0, ran.stderr);
  return JSON.parse(ran.stdout);
};

const cell = fc.oneof(fc.string({ maxLength: 6 }), fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', ' ', 'é', ';'), maxLength: 6 }), fc.constantFrom('', '42', '123-45-6789'));
const header = fc.uniqueArray(fc.constantFrom('id', 'name', 'ssn', 'api_token', 'note', 'with space', 'odd"name', 'Ünicode'), { minLength: 2, maxLength: 6 });
const table = header.chain((names) => fc.record({ names: fc.constant(names), rows: fc.array(fc.array(cell, { minLength: names.length, maxLength: names.length }), { maxLength: 5 }), all: fc.boolean(), end: fc.constantFrom('\r\n', '\n') }));

test("tables that Python's csv writes are masked so that it reads them back with the columns masked and all else as it was", async () => {
  const tables = fc.sample(table, { numRuns: 400, seed: 7 }).map((one) => ({ ...one, rows: one.rows.map((row) => row.map((text) => text.toWellFormed().replaceAll('\0', '').replace(/\r(?!\n)/g, ''))) }));
  const bodies = (await runPython("def write(t):\n  out = io.StringIO(newline='')\n  w = csv.writer(out, quoting=csv.QUOTE_ALL if t['all'] else csv.QUOTE_MINIMAL, lineterminator=t['end'])\n  w.writerow(t['names'])\n  w.writerows(t['rows'])\n  return out.getvalue()\nprint(json.dumps([write(t) for t in data]))", tables)) as string[];
  const masks = bodyMasks([{ fields: ['ssn'] }, { fields: ['*_token'], transform: 'hash' }, { fields: ['$[*].note'], transform: { fixed: 'say "no", twice' } }]);
  const masked = bodies.map((body, index) => {
    const lengths = Array.from({ length: body.length * 2 }, (_, at) => ((at * 7 + index) % 5) + 1);
    const made = maskedBy(masks, csv, body, lengths).text;
    assert.equal(made, maskedBy(masks, csv, body).text);
    return made;
  });
  const read = (await runPython("print(json.dumps([list(csv.reader(io.StringIO(b, newline=''))) for b in data]))", masked)) as string[][][];
  for (const [index, { names, rows }] of tables.entries()) {
    const expected = rows.map((row) => row.map((text, at) => (names[at] === 'ssn' ? '***' : names[at] === 'api_token' ? key.pseudonym(Buffer.from(text)) : names[at] === 'note' ? 'say "no", twice' : text)));
    assert.deepEqual(read[index], [names, ...expected]);
  }
});

test('columns are found behind a byte order mark, in quotes, twice, and in TSV', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  assert.equal(maskedBy(masks, csv, '\ufeff"ssn",a,"ssn"\n1,2,3\n', [1, 1, 1, 1]).text, '\ufeff"ssn",a,"ssn"\n***,2,***\n');
  assert.equal(maskedBy(masks, csv, '\ufeffssn,a\n1,2').text, '\ufeffssn,a\n***,2');
  assert.equal(maskedBy(masks, tsv, 'a\tssn\n1\t2\n').text, 'a\tssn\n1\t***\n');
  assert.equal(maskedBy(masks, csv, '\n\r\nid,ssn\r\n\r\n1,2\r\n').text, '\n\r\nid,ssn\r\n\r\n1,***\r\n');
});

test('what readers of tables do not agree about is not masked by guessing', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  const odd = ['id,ssn\n1,2,3\n', 'id,ssn\n1\n', 'id,ssn\n1,a"b\n', 'id,ssn\n1,"a"b\n', 'id,ssn\r1,2\r', 'id,ssn\n1,"open', 'id;ssn\n1;2\n', 'id|ssn\n1|2\n', '17,ada@example.com\n', 'id,2024\n1,2\n', 'id,ssn\n1,\u0000\n', 'i\0d\0,\0s\0', 'sep=,\r\nid,ssn\r\n1,2\r\n', 'id:ssn\n1:2\n', 'id\u0001ssn\n1\u00012\n', "'id','ssn'\n'1','2'\n", 'id ssn\n1 2\n', 'id^ssn\n1^2\n', '\ufeff"Sep=",\nid,ssn\n1,2\n', ',\nid,ssn\n1,2\n', ' ," "\nid,ssn\n1,2\n'];
  for (const body of odd) assert.throws(() => maskedBy(masks, csv, body, [3, 2, 1, 1]), BodyNotMasked, JSON.stringify(body));
  assert.throws(() => maskedBy(masks, tsv, 'sep=\t\nid\tssn\n1\t2\n'), BodyNotMasked);
  for (const passes of ["customer's name,dc:title,last ssn\na,b,c\n", 'two words\na\n']) assert.equal(maskedBy(masks, csv, passes).text, passes);
  assert.equal(maskedBy(masks, csv, ',ssn\n1,2\n').text, ',ssn\n1,***\n');
  assert.throws(() => maskedBy(masks, tsv, 'id\tssn\n1\t"a\tb"\n'), BodyNotMasked);
  assert.throws(() => maskedBy(masks, csv, `id,ssn\n1,"${'x'.repeat(1_100_000)}"\n`, [65_536]), BodyNotMasked);
});

test('a table has no more columns than a spreadsheet', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }]);
  const wide = (columns: number): string => `ssn${',a'.repeat(columns - 1)}\n1${',2'.repeat(columns - 1)}\n`;
  assert.match(maskedBy(masks, csv, wide(16_384)).text, /\n\*\*\*,2/);
  assert.throws(() => maskedBy(masks, csv, wide(16_385)), BodyNotMasked);
  assert.throws(() => maskedBy(masks, csv, `id,${'a:'.repeat(33_000)}\n1,2\n`), BodyNotMasked);
});

test('a table that says it has no header is refused where columns are masked, and looked at by detectors where they are not', () => {
  assert.ok('refused' in (through(bodyMasks([{ fields: ['ssn'] }]), { mediaType: 'text/csv; header=absent' }, '1,2\n') as object));
  assert.equal(maskedBy(bodyMasks([{ detect: ['us_ssn'] }]), { mediaType: 'text/csv; header=absent' }, '1,123-45-6789\n').text, '1,***********\n');
});

test('detectors look at every cell, quoted or not, and at names', () => {
  const masks = bodyMasks([{ fields: ['ssn'] }, { detect: ['email', 'us_ssn'], transform: 'null' }, { detect: ['credit_card'] }]);
  const made = maskedBy(masks, csv, 'ssn,note\n1,"see ""ada@example.com"""\n2,card 4111111111111111 here\n');
  assert.equal(made.text, 'ssn,note\n***,""\n***,card **************** here\n');
  assert.deepEqual(made.masked, { 'test/1': 2, 'test/2': 1, 'test/3': 1 });
});

test('characters of Latin-1 count as characters', () => {
  const masks = bodyMasks([{ fields: ['name'], transform: { partial: 2 } }]);
  const body = Buffer.from('name\n\xe9\xe8\xa3\xa3\xa3\xe9\n', 'latin1');
  assert.equal(maskedBy(masks, { mediaType: 'text/csv', charset: 'ISO-8859-1' }, body).bytes.toString('latin1'), 'name\n****\xa3\xe9\n');
  // Said to be UTF-8 and not: no more is shown.
  assert.equal(maskedBy(masks, csv, body).text, 'name\n****£é\n');
});
