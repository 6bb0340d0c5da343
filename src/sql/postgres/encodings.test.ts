import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readsNamesOtherwise } from './encodings.ts';

const C = { name: 'LATIN1', lowers: false };
const FRENCH = { name: 'LATIN1', lowers: true };
const BYTES = { name: 'SQL_ASCII', lowers: true };

/** 63 bytes in UTF-8, and one more character. */
const LONG = `a${'é'.repeat(31)}`;
const otherwise = (text: string, encoding = C): boolean => readsNamesOtherwise(Buffer.from(text), encoding);

test('names of ASCII, and texts in any characters, are what they are in every encoding', () => {
  for (const encoding of [C, FRENCH, BYTES]) assert.equal(otherwise(`SELECT 'É${LONG}x', $$É$$, E'É' /* É */ FROM ${'t'.repeat(80)} -- É`, encoding), false);
});

test('a name that UTF-8 would have cut, and other encodings would not', () => {
  assert.equal(otherwise(`SELECT "${LONG}" FROM ${LONG}`), false);
  assert.equal(otherwise(`SELECT 1 FROM ${LONG}é`), true);
  assert.equal(otherwise(`SELECT "${LONG}b"`), true);
});

test('capitals without quotes, where the locale makes small ones of them', () => {
  assert.equal(otherwise('SELECT É'), false);
  assert.equal(otherwise('SELECT é, "É"', FRENCH), false);
  assert.equal(otherwise('SELECT É', FRENCH), true);
  // Bytes of one character are characters of the locale there.
  assert.equal(otherwise('SELECT é', BYTES), true);
  assert.equal(otherwise('SELECT "é"', BYTES), false);
});

test('a character with a twin, and names in escapes', () => {
  assert.equal(otherwise('SELECT "￤"', { name: 'EUC_JP', lowers: false }), true);
  assert.equal(otherwise('SELECT U&"\\00e9"'), true);
});
