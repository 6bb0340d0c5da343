import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import fc from 'fast-check';
import type { CopyFacts } from '../sql/facts.ts';
import type { MaskSet } from './plan.ts';
import { CopyRecorder } from './recorded-copy.ts';
import { catalog, columns, customers, maskSet, notes, ready } from './testdata/scene.ts';

before(() => ready());

const MOST = 10_000;
const none = maskSet([]);
const masks = maskSet([{ columns: ['customers.ssn'] }]);

const into = (table: typeof customers, names: readonly string[], format: CopyFacts['format'], more: Partial<CopyFacts> = {}): CopyFacts => ({
  direction: 'in',
  format,
  columns: columns(...names.map((name) => [name, 25] as const)).map(({ name }) => ({ relation: table.oid, number: table.columns.find((column) => column.name === name)!.number, schema: 'public', table: table.name, column: name })),
  ...more,
});

const recorded = (facts: CopyFacts | undefined, set: MaskSet, pieces: readonly string[], most = MOST): string => {
  const recorder = new CopyRecorder(facts, set, catalog, most);
  const out = [...pieces.map((piece) => recorder.push(Buffer.from(piece))), recorder.end()];
  return Buffer.concat(out.filter((piece) => piece !== undefined)).toString();
};

suite('rows of COPY as they are recorded', () => {
  test('without protected columns they are as they came, but for what detectors find', () => {
    assert.equal(recorded(into(notes, ['id', 'note'], 'text'), masks, ['1\tmail a@exam', 'ple.com\n2\t\\N\n']), '1\tmail <email>\n2\t\\N\n');
    assert.equal(recorded(into(notes, ['id', 'note'], 'csv'), none, ['1,"a ""b"""\n2,123-45-', '6789\n']), '1,"a ""b"""\n2,<us_ssn>\n');
  });

  test('fields of protected columns are markers, in whatever form they come', () => {
    const names = ['id', 'name', 'ssn'];
    assert.equal(recorded(into(customers, names, 'csv'), masks, ['1,a@example.com,5ec', 'ret\n2,"b\tc",\n3,"d\ne","""x"""']), '1\t<email>\t<value:text>\n2\tb\\tc\t\\N\n3\td\\ne\t<value:text>\n');
    assert.equal(recorded(into(customers, names, 'text'), masks, ['1\ta\\\\b\tsecret\n']), '1\ta\\\\b\t<value:text>\n');
  });

  test('no field is kept where columns are protected and it is not known which field is which', () => {
    assert.equal(recorded(into(customers, [], 'text'), masks, ['1\tsecret\n']), '<value:text>\t<value:text>\n');
    // As csv it is one field, which the target will refuse.
    assert.equal(recorded(into(customers, ['id', 'name', 'ssn'], 'csv'), masks, ['1\ta\tsecret\n']), '<value:text>\n');
  });

  test('what cannot be read, and what does not fit, is counted', () => {
    assert.equal(recorded(into(customers, ['id', 'name', 'ssn'], 'binary'), masks, ['abc', 'def']), '<copy:binary 6>');
    assert.equal(recorded(undefined, none, ['abc']), '<copy:unknown 3>');
    assert.equal(recorded(into(notes, ['id', 'note'], 'text'), none, ['1\ta\u0000b\n', '2\tc\n']), '<unreadable><10 bytes more>');
    const long = recorded(into(notes, ['id', 'note'], 'text'), none, Array.from({ length: 100 }, () => '1\taaaaaaa\n'), 100);
    assert.equal(long, `${'1\taaaaaaa\n'.repeat(11)}<890 bytes more>`);
    assert.equal(recorded(into(notes, ['id', 'note'], 'text'), none, []), '');
  });

  test('however the data is cut', () => {
    const data = '1,"a@example.com, ""b""",secret\n2,4111 1111 1111 1111,\n3,é,"s\ne"\n';
    const bytes = Buffer.from(data);
    for (const table of [customers, notes]) {
      for (const set of [none, masks]) {
        const facts = into(table, table === customers ? ['id', 'name', 'ssn'] : ['id', 'note'], 'csv');
        const whole = recorded(facts, set, [data]);
        fc.assert(
          fc.property(fc.array(fc.integer({ min: 1, max: bytes.length })), (cuts) => {
            const recorder = new CopyRecorder(facts, set, catalog, MOST);
            const out: (Uint8Array | undefined)[] = [];
            let from = 0;
            for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
              out.push(recorder.push(bytes.subarray(from, to)));
              from = to;
            }
            out.push(recorder.end());
            assert.equal(Buffer.concat(out.filter((piece) => piece !== undefined)).toString(), whole);
          }),
          { numRuns: 50 },
        );
      }
    }
  });
});
