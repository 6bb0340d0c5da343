import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { loadModule, parseSync, scanSync } from 'libpg-query';
import { campaign } from '../../../test/kit/campaign.ts';
import { Lexer, Token } from './lexer.ts';
import { shapeOf } from './shape.ts';

before(loadModule);

const read = (name: string): string[] => (JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as { readonly sql?: string }[]).flatMap(({ sql }) => sql ?? []);
const statements = [...read('testdata/tools.json'), ...read('../../../test/bypass/sql-policy.json')].filter((sql) => sql.length < 2000);

const pieces = [
  ' ', '\n', '\r', '\t', '\f', '\v', '--', '/*', '*/', "'", "''", '"', '""', '$$', '$a$', '$', 'E', "E'", "U&'", 'U&"', "N'", "B'", "X'", "'a'", "'b'", '"a"', 'e', '\\', "\\'", '0x', '0x1F', '0b1', '0o7', '1', '12', '_', '1_000', '.', '..', '1.', '.5', 'e5', '1e+5', '+', '-', '*', '/', '<', '>', '=', '!', '@', '~', '#', '?', '|', '%', '^', '&', ':',
  '::', ':=', ';', ',', '(', ')', '[', ']', 'select', 'SELECT', 'from', 'x', 'uescape', "'!'", 'é', '\u00a0', '\ufeff', '9999999999', '2147483647', '2147483648', '$1', '$12', 'null', 'true', 'interval', "-- c\n", '/* c */', '/* /* */ */',
];
const fragment = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...pieces) }, fc.string({ maxLength: 4 }), fc.string({ unit: 'grapheme', maxLength: 2 }));
/** Statements of tools and corpora with pieces put in, taken out and exchanged. */
const changed = fc.tuple(fc.constantFrom(...statements), fc.array(fc.tuple(fc.nat(), fc.nat(6), fragment), { minLength: 1, maxLength: 4 })).map(([statement, changes]) =>
  changes.reduce((text, [place, length, by]) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + by + text.slice(at + length);
  }, statement));
const texts = fc.oneof(fc.array(fragment, { maxLength: 24 }).map((parts) => parts.join('')), changed).map((text) => text.replaceAll('\0', '')).filter((text) => text !== '' && text.isWellFormed());

/** libpg-query's scanner keeps comments as tokens, and so does not continue a string behind one; servers do. */
const continuedBehindComment = /'\s*--/;
/** `$1and`: libpg-query takes it as two tokens, servers from 15 on refuse it. */
const gluedParameter = /\$\d+[\p{L}_\u0080-\u{10ffff}]/u;
const told = (text: string): boolean => !continuedBehindComment.test(text) && !gluedParameter.test(text);

const mine = (text: string): readonly (readonly [number, number])[] | undefined => {
  const lexer = new Lexer(Buffer.from(text));
  const tokens: (readonly [number, number])[] = [];
  for (;;) {
    const kind = lexer.next();
    if (kind === Token.error) return undefined;
    if (kind === Token.end) return tokens;
    assert.ok(lexer.end > lexer.start && lexer.start >= (tokens.at(-1)?.[1] ?? 0), 'goes forward');
    tokens.push([lexer.start, lexer.end]);
  }
};
const scanned = (text: string): readonly { readonly start: number; readonly end: number; readonly tokenName: string }[] | undefined => {
  try {
    return scanSync(text).tokens.filter(({ tokenName }) => !tokenName.endsWith('_COMMENT'));
  } catch {
    return undefined;
  }
};

test('tokens are where the server has them; what is refused here does not parse there', () =>
  campaign(
    fc.property(texts, (text) => {
      if (!told(text)) return;
      const ours = mine(text);
      if (ours === undefined) assert.throws(() => parseSync(text), JSON.stringify(text));
      else {
        const theirs = scanned(text);
        if (theirs !== undefined) assert.deepEqual(ours, theirs.map(({ start, end }) => [start, end]), JSON.stringify(text));
      }
    }),
  ));

const literal: ReadonlySet<string> = new Set(['SCONST', 'USCONST', 'FCONST', 'ICONST']);
/** The scanner has no name for them. */
const bits = /^[bx]'/i;
/** The server's tokens, with the values of literals left out. */
const structureOf = (text: string): string | undefined => {
  const bytes = Buffer.from(text);
  return scanned(text)?.map(({ tokenName, start, end }) => {
    const token = bytes.toString('latin1', start, end);
    return literal.has(tokenName) ? tokenName : bits.test(token) ? token.slice(0, 2) : `${tokenName}=${token}`;
  }).join('\u0001').toLowerCase();
};

/** Pairs that are alike but for a piece: most of them have one key or nearly one. */
const pairs = fc.tuple(fc.array(fragment, { maxLength: 16 }), fc.nat(), fragment, fragment).map(([parts, place, one, other]) => {
  const at = place % (parts.length + 1);
  return [one, other].map((piece) => [...parts.slice(0, at), piece, ...parts.slice(at)].join('').replaceAll('\0', ''));
});

test('texts of one key have one structure', () => {
  const known = new Map<string, { readonly text: string; readonly structure: string }>();
  return campaign(
    fc.property(fc.oneof(pairs, fc.tuple(texts)), (some) => {
      for (const text of some) {
        if (text === '' || !text.isWellFormed() || !told(text)) continue;
        const shape = shapeOf(Buffer.from(text), '');
        const structure = shape && !shape.exact ? structureOf(text) : undefined;
        if (shape === undefined || structure === undefined) continue;
        const before = known.get(shape.key);
        if (before === undefined) {
          if (known.size > 300_000) known.clear();
          known.set(shape.key, { text, structure });
        } else assert.equal(structure, before.structure, `${JSON.stringify(text)} and ${JSON.stringify(before.text)}`);
      }
    }),
  );
});
