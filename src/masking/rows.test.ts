import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { HashKey } from './hash-key.ts';
import type { AnswerPlan, ColumnMask } from './plan.ts';
import { createRowMasker } from './rows.ts';
import type { DescribedColumn } from './rows.ts';
import { partial } from './transforms.ts';

const key = new HashKey(Buffer.alloc(32, 3));
const masked = (transform: ColumnMask['transform'], constant?: true): ColumnMask => ({ name: 'm', transform, key, ...(constant && { constant }) });
const plan = (columns: readonly (ColumnMask | undefined)[], more: Partial<AnswerPlan> = {}): AnswerPlan => ({ pass: false, complete: true, columns, detect: [], protects: () => undefined, knows: (relation) => relation < 1000, ...more });
const column = (more: Partial<DescribedColumn> = {}): DescribedColumn => ({ name: 'c', table: 0, column: 0, type: 25, typmod: -1, format: 0, ...more });

type Cell = Buffer | null;
function encode(cells: readonly Cell[]): Buffer {
  const parts: Buffer[] = [Buffer.from([cells.length >> 8, cells.length & 255])];
  for (const cell of cells) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(cell === null ? -1 : cell.length);
    parts.push(length, cell ?? Buffer.alloc(0));
  }
  return Buffer.concat(parts);
}
/** Reads a body as a driver does; fails on anything that is not exactly a DataRow. */
function decode(body: Uint8Array): Cell[] {
  const bytes = Buffer.from(body);
  const cells: Cell[] = [];
  let at = 2;
  for (let index = 0; index < bytes.readInt16BE(0); index++) {
    const length = bytes.readInt32BE(at);
    at += 4;
    cells.push(length === -1 ? null : bytes.subarray(at, at + length));
    at += Math.max(length, 0);
    assert.ok(at <= bytes.length);
  }
  assert.equal(at, bytes.length);
  return cells;
}
const mask = (of: AnswerPlan, description: readonly DescribedColumn[], cells: readonly Cell[]): (string | null)[] | 'withhold' => {
  const result = createRowMasker(of, description).mask(encode(cells));
  return result === 'withhold' ? result : decode(result).map((cell) => (cell === null ? null : cell.toString()));
};
const text = (...cells: readonly (string | null)[]): Cell[] => cells.map((cell) => (cell === null ? null : Buffer.from(cell)));

suite('rows', () => {
  test('each transform, and NULL stays NULL', () => {
    const cases = [['redact', '***'], ['null', null], [{ fixed: 'gone' }, 'gone'], [{ partial: 4 }, '*******6789'], ['hash', key.pseudonym(Buffer.from('123-45-6789'))]] as const;
    for (const [transform, expected] of cases) {
      assert.deepEqual(mask(plan([undefined, masked(transform)]), [column(), column()], text('keep', '123-45-6789')), ['keep', expected]);
      assert.deepEqual(mask(plan([undefined, masked(transform)]), [column(), column()], text('keep', null)), ['keep', null]);
    }
  });

  test('a key over several lines keeps them, whichever kind it counts as', () => {
    const key = '"private_key": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"';
    const stars = '"private_key": "' + [27, 4, 25].map((length) => '*'.repeat(length)).join('\n') + '"';
    for (const kind of ['private_key', 'cloud_key']) {
      const detect = [{ name: 'd', kinds: [kind], transform: 'redact', key: new HashKey(Buffer.alloc(32)) }] as const;
      assert.deepEqual(mask(plan([], { complete: false, detect }), [column()], text(key)), [stars]);
    }
  });

  test('of an expression over a protected column nothing but a constant is shown', () => {
    for (const transform of ['hash', { partial: 4 }] as const) assert.deepEqual(mask(plan([masked(transform, true)]), [column()], text('6789')), ['***']);
    assert.deepEqual(mask(plan([masked({ fixed: 'x' }, true)]), [column()], text('6789')), ['x']);
  });

  test('a description that does not fit the plan, or a row that does not fit the description, is withheld', () => {
    const two = plan([undefined, masked('redact')]);
    assert.equal(mask(two, [column()], text('a')), 'withhold');
    assert.equal(mask(two, [column(), column()], text('a', 'b', 'c')), 'withhold');
    assert.equal(mask(plan([undefined], { protects: (relation, number) => (relation === 5 && number === 2 ? masked('redact') : undefined) }), [column({ table: 5, column: 2 })], text('a')), 'withhold');
    assert.equal(mask(plan([], { from: { kind: 'prepare', name: 'p' }, complete: false }), [column()], text('a')), 'withhold');
    const masker = createRowMasker(two, [column(), column()]);
    const row = encode(text('a', 'secret'));
    for (let length = 0; length < row.length; length++) assert.equal(masker.mask(row.subarray(0, length)), 'withhold', `${length} bytes`);
    assert.equal(masker.mask(Buffer.concat([row, Buffer.from([0])])), 'withhold');
    const negative = Buffer.from(row);
    negative.writeInt32BE(-2, 2);
    assert.equal(masker.mask(negative), 'withhold');
  });

  test('many messages at once give what each gives by itself; one that is no row withholds all', () => {
    const rows = [text('a', '123-45-6789', null), text('é', 'x', 'ada@example.com'), text(null, null, '')].map(encode);
    const message = (body: Uint8Array): Buffer => {
      const head = Buffer.from([0x44, 0, 0, 0, 0]);
      head.writeInt32BE(body.length + 4, 1);
      return Buffer.concat([head, body]);
    };
    for (const transform of ['redact', 'null', { partial: 4 }, 'hash', { fixed: 'a longer value than any' }] as const) {
      const of = plan([undefined, masked(transform), undefined], { detect: [{ name: 'd', kinds: ['email'], transform: { fixed: 'mail' }, key }] });
      const make = (): ReturnType<typeof createRowMasker> => createRowMasker(of, [column(), column(), column()]);
      const together = make();
      const single = make();
      const expected = Buffer.concat(rows.map((row) => message(single.mask(Buffer.from(row)) as Uint8Array)));
      assert.deepEqual(together.maskRun(Buffer.concat(rows.map(message))), expected);
      assert.deepEqual([...together.counts], [...single.counts]);
      const good = message(rows[0]!);
      for (const bad of [message(rows[0]!.subarray(1)), Buffer.from('D'), Buffer.concat([Buffer.from('E'), good.subarray(1)]), good.subarray(0, -1), Buffer.from([0x44, 0, 0, 0, 3]), Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff])]) {
        assert.equal(make().maskRun(Buffer.concat([good, bad])), 'withhold');
      }
    }
  });

  test('memory is written to again only when it was said that nobody needs it', () => {
    const message = (value: string): Buffer => {
      const body = encode(text(value, '123-45-6789'));
      const head = Buffer.from([0x44, 0, 0, 0, 0]);
      head.writeInt32BE(body.length + 4, 1);
      return Buffer.concat([head, body]);
    };
    const run = (value: string): Buffer => Buffer.concat(Array.from({ length: 1000 }, () => message(value)));
    const of = plan([undefined, masked({ fixed: 'a longer value than any' })]);
    const make = (): ReturnType<typeof createRowMasker> => createRowMasker(of, [column(), column()]);
    const masker = make();
    const [one, other] = ['one', 'another'].map((value) => Buffer.from(make().maskRun(run(value)) as Buffer));
    const first = masker.maskRun(run('one')) as Buffer;
    const second = masker.maskRun(run('another')) as Buffer;
    assert.deepEqual([first, second], [one, other]);
    masker.reuse();
    const third = masker.maskRun(run('one')) as Buffer;
    assert.deepEqual([first, third], [one, one]);
    assert.equal(third.buffer, second.buffer);
    assert.notEqual((masker.maskRun(run('one')) as Buffer).buffer, third.buffer);
  });

  test('a column of a relation that the catalog did not have is withheld', () => {
    assert.deepEqual(mask(plan([undefined]), [column({ table: 999, column: 1 })], text('a')), ['a']);
    assert.equal(mask(plan([undefined]), [column({ table: 1000, column: 1 })], text('a')), 'withhold');
  });

  test('detectors look at what no mask covers, and leave the form of JSON, arrays and binary whole', () => {
    const detecting = plan([], { complete: false, detect: [{ name: 'd', kinds: ['us_ssn', 'credit_card', 'email', 'private_key'], transform: 'redact', key }] });
    const one = (type: number, format: 0 | 1, cell: Buffer): Cell => {
      const result = createRowMasker(detecting, [column({ type, format })]).mask(encode([cell]));
      return result === 'withhold' ? null : decode(result)[0]!;
    };
    assert.equal(one(25, 0, Buffer.from('ssn 123-45-6789!'))?.toString(), 'ssn ***********!');
    assert.equal(one(23, 0, Buffer.from('123'))?.toString(), '123');
    const document = JSON.stringify({ card: 4111111111111111, mail: 'é ada@example.com', key: '-----BEGIN PRIVATE KEY-----\nMI\u0001I"E\n-----END PRIVATE KEY-----' });
    for (const [type, format, prefix] of [[114, 0, ''], [3802, 0, ''], [3802, 1, '\u0001']] as const) {
      const shown = one(type, format, Buffer.from(prefix + document))?.toString().slice(prefix.length) ?? '';
      const read = JSON.parse(shown) as Record<string, unknown>;
      assert.ok(shown.includes('"card":9999999999999999,'));
      assert.equal(read['mail'], 'é ***************');
      assert.ok(!shown.includes('MI'));
    }
    assert.equal(one(1009, 0, Buffer.from('{a,123-45-6789}'))?.toString(), '{a,***********}');
    // ROW(name, ssn) and arrays of such rows, lexemes, paths: an expression that puts a text into one shows no more than the text.
    assert.equal(one(2249, 0, Buffer.from('(a,123-45-6789)'))?.toString(), '(a,***********)');
    assert.equal(one(2287, 0, Buffer.from('{"(a,123-45-6789)"}'))?.toString(), '{"(a,***********)"}');
    assert.equal(one(3614, 0, Buffer.from("'ada@example.com':1"))?.toString(), "'***************':1");
    assert.equal(one(3615, 0, Buffer.from("'ada@example.com' & 'x'"))?.toString(), "'***************' & 'x'");
    assert.equal(one(4072, 0, Buffer.from('$."ada@example.com"'))?.toString(), '$."***************"');
    assert.equal(one(1790, 0, Buffer.from('ada@example.com'))?.toString(), '***************');
    const field = (cell: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 25, 0, 0, 0, cell.length]), Buffer.from(cell)]);
    const row = (...cells: readonly string[]): Buffer => Buffer.concat([Buffer.from([0, 0, 0, cells.length]), ...cells.map(field)]);
    assert.deepEqual(one(2249, 1, row('a', '123-45-6789')), row('a', '***********'));
    const counted = createRowMasker(detecting, [column()]);
    counted.mask(encode(text('123-45-6789 234-56-7890')));
    assert.deepEqual([...counted.counts], [['d', 2]]);
  });

  test('detectors apply their transform', () => {
    const of = (transform: ColumnMask['transform']): AnswerPlan => plan([], { complete: false, detect: [{ name: 'd', kinds: ['us_ssn'], transform, key }] });
    assert.deepEqual(mask(of({ partial: 4 }), [column()], text('a 123-45-6789 b')), ['a *******6789 b']);
    assert.deepEqual(mask(of({ fixed: 'X' }), [column()], text('a 123-45-6789 b')), ['a X b']);
    assert.deepEqual(mask(of('null'), [column()], text('a 123-45-6789 b')), [null]);
    assert.deepEqual(mask(of('hash'), [column()], text('123-45-6789')), [key.pseudonym(Buffer.from('123-45-6789'))]);
  });

  test('whatever the cells and masks, the result is a row of as many columns, and what is not masked is unchanged', () => {
    const transform = fc.constantFrom<ColumnMask['transform'] | undefined>('redact', 'null', 'hash', { partial: 1 }, { fixed: 'ö' }, undefined);
    const cell = fc.record({ transform, type: fc.constantFrom(25, 1043, 1042, 23, 3802, 17, 99_999), typmod: fc.constantFrom(-1, 7), format: fc.constantFrom<0 | 1>(0, 1), value: fc.option(fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constant('123-45-6789'))) });
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 12 }), fc.boolean(), (cells, detecting) => {
        const of = plan(cells.map((each) => each.transform && masked(each.transform)), detecting ? { detect: [{ name: 'd', kinds: ['us_ssn'], transform: 'redact', key }] } : {});
        const row = text(...cells.map((each) => each.value));
        const result = createRowMasker(of, cells.map((each) => column(each))).mask(encode(row));
        assert.notEqual(result, 'withhold');
        const shown = decode(result as Uint8Array);
        assert.equal(shown.length, cells.length);
        for (const [at, each] of cells.entries()) {
          if (each.value === null) assert.equal(shown[at], null);
          else if (each.transform === undefined && !(detecting && each.value.includes('123-45-6789'))) assert.deepEqual(shown[at], row[at]);
          else if (each.transform !== undefined && each.value === '123-45-6789') assert.ok(!shown[at]?.toString().includes('123-45'));
        }
      }),
    );
  });

  test('partial keeps UTF-8 whole, never shows most of a short value, and ignores the blanks of char(n)', () => {
    assert.equal(Buffer.from(partial(Buffer.from('äöüß123456'), 2)).toString(), '********56');
    assert.equal(Buffer.from(partial(Buffer.from('1234'), 4)).toString(), '****');
    assert.equal(Buffer.from(partial(Buffer.from('12345678'), 4)).toString(), '********');
    assert.equal(Buffer.from(partial(Buffer.from('123456789'), 4)).toString(), '*****6789');
    assert.equal(Buffer.from(partial(Buffer.from('123456   '), 2)).toString(), '****56   ');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 16 }), (value, keep) => {
        const shown = Buffer.from(partial(Buffer.from(value), keep)).toString();
        assert.equal(Array.from(shown).length, Array.from(value).length);
        assert.ok(!shown.includes('\ufffd') || value.includes('\ufffd'));
      }),
    );
  });
});
