import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BadNote, ED25519_COSIGNATURE, formatNote, formatSkey, formatVkey, fromBase64, generateSigner, isKeyName, MOST_SIGNATURES, noteVerifier, openNote, parseNote, parseSkey, parseVkey, signNote } from './note.ts';

/** The note of Go's golang.org/x/mod/sumdb/note, with its keys. */
const GO_NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const GO_VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const GO_SKEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';

/** The example of c2sp.org/signed-note, whose text has an empty line. */
const SPEC_NOTE = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n\n\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';

test('the note of another implementation: verified, and made again byte for byte', () => {
  const opened = openNote(GO_NOTE, [noteVerifier(parseVkey(GO_VKEY))]);
  assert.equal(opened.verified[0]?.name, 'PeterNeumann');
  const signer = parseSkey(GO_SKEY);
  assert.equal(formatVkey(signer), GO_VKEY);
  assert.equal(formatSkey(signer), GO_SKEY);
  assert.equal(formatNote({ text: opened.text, signatures: [signNote(opened.text, signer)] }), GO_NOTE);
});

test('the example of the specification: split at the last empty line, and written again byte for byte', () => {
  const note = parseNote(Buffer.from(SPEC_NOTE, 'utf8'));
  assert.equal(note.text, 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n');
  assert.equal(note.signatures[0]?.keyId.toString(16), '367ba04b');
  assert.equal(note.signatures[0]?.signature.length, 64);
  assert.equal(formatNote(note), SPEC_NOTE);
});

test('unknown keys are set aside, a known key that fails makes the note bad, and someone known must have signed', () => {
  const [a, b] = [generateSigner('log.example/a'), generateSigner('log.example/b')];
  const text = 'hello\n';
  const note = formatNote({ text, signatures: [signNote(text, a), signNote(text, b)] });
  const opened = openNote(note, [noteVerifier(a)]);
  assert.deepEqual([opened.verified.length, opened.others.length], [1, 1]);
  assert.throws(() => openNote(note, [noteVerifier(generateSigner('log.example/a'))]), /no known key/);
  assert.throws(() => openNote(note, []), /no known key/);
  const wrong = formatNote({ text, signatures: [signNote(text, a), { ...signNote('other\n', b) }] });
  assert.throws(() => openNote(wrong, [noteVerifier(a), noteVerifier(b)]), /does not verify/);
  assert.equal(openNote(wrong, [noteVerifier(a)]).verified.length, 1);
  const twice = formatNote({ text, signatures: [signNote(text, a), signNote(text, a)] });
  assert.equal(openNote(twice, [noteVerifier(a)]).verified.length, 1);
});

test('keys are read back; a wrong id, type, name or length is refused', () => {
  const signer = generateSigner('default/gw-1/0badcafe');
  assert.deepEqual(parseVkey(formatVkey(signer)).publicKey, signer.publicKey);
  assert.equal(formatSkey(parseSkey(formatSkey(signer))), formatSkey(signer));
  const [name = '', id = '', key = ''] = formatVkey(signer).split(/\+(?=[0-9a-f]{8}\+)|(?<=\+[0-9a-f]{8})\+/);
  for (const bad of ['', 'x', `${name}+00000000+${key}`, `${name}x+${id}+${key}`, `${name}+${id}+${key.slice(4)}`, `a b+${id}+${key}`, `+${id}+${key}`, `${name}+${id}+${key}=`, `${name}+${id.toUpperCase()}0+${key}`, `${formatVkey(signer)}\n`]) {
    assert.throws(() => parseVkey(bad), BadNote, bad);
  }
  assert.throws(() => parseSkey(formatVkey(signer)), BadNote);
  assert.throws(() => noteVerifier(generateSigner('w.example', ED25519_COSIGNATURE)), BadNote);
  assert.throws(() => signNote('x\n', generateSigner('w.example', ED25519_COSIGNATURE)), BadNote);
  try {
    parseSkey(GO_SKEY.replace('c74f20a3', 'c74f20a4'));
    assert.fail('a private key with a foreign id was taken');
  } catch (error) {
    assert.ok(!String(error).includes('AYEKF'), 'the message holds the key');
  }
});

test('key names', () => {
  for (const good of ['a', 'default/gateway-1/0a1b2c3d', 'example.com/log42', 'caf\u00e9']) assert.ok(isKeyName(good), good);
  for (const bad of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u3000b', 'a\nb', 'a\tb', 'x'.repeat(257), '\ud800']) assert.ok(!isKeyName(bad), JSON.stringify(bad));
});

test('base64 has one form', () => {
  assert.deepEqual(fromBase64('AQ=='), Buffer.of(1));
  for (const bad of ['AQ', 'AR==', 'AQ==\n', 'A Q==', 'AQ=', '_-8=']) assert.equal(fromBase64(bad), undefined, bad);
});

test('what is no note is refused', () => {
  const signer = generateSigner('a');
  const note = formatNote({ text: 'x\n', signatures: [signNote('x\n', signer)] });
  const line = note.slice(3);
  const bad = ['', '\n', 'x', 'x\n', 'x\n\n', note.slice(0, -1), `${note}x`, `${note}\n`, note.replace('x', 'x\u0000'), note.replace('x', 'x\t'), note.replace('\u2014', '-'), note.replace('\u2014 a', '\u2014  a'), note.replaceAll('\n', '\r\n'), `x\n\n${line.repeat(MOST_SIGNATURES + 1)}`, `${'x'.repeat(300_000)}\n\n${line}`, 'x\n\n\u2014 a AAAA\n', 'x\n\n\u2014 a AAAAAA==\n'];
  for (const one of bad) assert.throws(() => openNote(one, [noteVerifier(signer)]), BadNote, JSON.stringify(one.slice(0, 60)));
  assert.throws(() => parseNote(Buffer.from([0x78, 0x0a, 0x0a, 0xff, 0x0a])), BadNote);
  assert.equal(parseNote(`x\n\n${line.repeat(16)}`).signatures.length, 16);
  assert.throws(() => signNote('no newline', signer), BadNote);
  assert.throws(() => formatNote({ text: 'x\n', signatures: [] }), BadNote);
});

test('any text that may be signed comes back; with any byte changed it does not open', () => {
  const signer = generateSigner('log.example');
  const known = [noteVerifier(signer)];
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (body, at, mask) => {
      const text = `${body.replace(/[\u0000-\u001f]/g, '\n')}\n`;
      const note = Buffer.from(formatNote({ text, signatures: [signNote(text, signer)] }), 'utf8');
      const opened = openNote(note, known);
      assert.equal(opened.text, text);
      const changed = Buffer.from(note);
      const place = at % changed.length;
      changed[place] = (changed[place] as number) ^ mask;
      assert.throws(() => openNote(changed, known), BadNote);
    }),
    { numRuns: 500 },
  );
});

test('no bytes whatever make parsing throw anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        parseNote(bytes);
      } catch (error) {
        assert.ok(error instanceof BadNote);
      }
    }),
  );
});
