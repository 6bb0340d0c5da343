import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addSignatures, formatCheckpointText, openCheckpoint, parseCheckpointText, parseDecimal, signCheckpoint } from './checkpoint.ts';
import { cosign, cosignatureTime, cosignatureVerifier } from './cosignature.ts';
import { BadNote, ED25519_COSIGNATURE, formatNote, generateSigner, noteVerifier, openNote, parseNote } from './note.ts';

/** The example of c2sp.org/tlog-cosignature: a checkpoint with a log's signature and a witness's. */
const SPEC =
  'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';
const root = Buffer.alloc(32, 7);

test('the example of the specification is read, and written again byte for byte', () => {
  const note = parseNote(SPEC);
  const checkpoint = parseCheckpointText(note.text);
  assert.equal(checkpoint.origin, 'example.com/behind-the-sofa');
  assert.equal(checkpoint.size, 20_852_163);
  assert.equal(formatCheckpointText(checkpoint), note.text);
  assert.equal(formatNote(note), SPEC);
  assert.equal(cosignatureTime(note.signatures[1] as never), 1_679_315_147);
  assert.equal(cosignatureTime(note.signatures[0] as never), undefined);
});

test('a signed checkpoint opens under its origin and key only', () => {
  const [log, other] = [generateSigner('log.example'), generateSigner('log.example')];
  const note = signCheckpoint({ origin: 'log.example', size: 3, root }, [log]);
  assert.deepEqual(openCheckpoint(note, 'log.example', [noteVerifier(log)]).checkpoint, { origin: 'log.example', size: 3, root, extensions: [] });
  assert.throws(() => openCheckpoint(note, 'log.other', [noteVerifier(log)]), /another log/);
  assert.throws(() => openCheckpoint(note, 'log.example', [noteVerifier(other)]), BadNote);
  const both = signCheckpoint({ origin: 'log.example', size: 3, root }, [log, other]);
  assert.equal(openCheckpoint(both, 'log.example', [noteVerifier(log)]).others.length, 1);
  assert.equal(openCheckpoint(both, 'log.example', [noteVerifier(log), noteVerifier(other)]).verified.length, 2);
});

test('cosignatures verify over the whole text and their own time', () => {
  const log = generateSigner('log.example');
  const witness = generateSigner('witness.example', ED25519_COSIGNATURE);
  const note = signCheckpoint({ origin: 'log.example', size: 3, root }, [log]);
  const { text } = parseNote(note);
  const line = cosign(text, 1_700_000_000, witness);
  const witnessed = addSignatures(note, [line]);
  assert.equal(addSignatures(witnessed, [line]), witnessed);
  assert.ok(witnessed.startsWith(note));
  const opened = openNote(witnessed, [noteVerifier(log), cosignatureVerifier(witness)]);
  assert.equal(opened.verified.length, 2);
  const verifier = cosignatureVerifier(witness);
  assert.ok(verifier.verify(Buffer.from(text), line.signature));
  for (let at = 0; at < line.signature.length; at += 1) {
    const changed = Buffer.from(line.signature);
    changed[at] = (changed[at] as number) ^ 1;
    assert.ok(!verifier.verify(Buffer.from(text), changed), `byte ${at}`);
  }
  assert.ok(!verifier.verify(Buffer.from(text.replace('3', '4')), line.signature));
  assert.ok(!verifier.verify(Buffer.from(text), line.signature.subarray(8)));
  assert.ok(!verifier.verify(Buffer.from(text), Buffer.alloc(72, 0xff)));
  assert.throws(() => cosign('no checkpoint\n', 1, witness), BadNote);
  assert.throws(() => cosign(text, 1, log), BadNote);
  assert.throws(() => cosign(text, 1.5, witness), BadNote);
  assert.throws(() => cosignatureVerifier(log), BadNote);
});

test('what is no checkpoint is refused', () => {
  const good = formatCheckpointText({ origin: 'o', size: 1, root });
  const hash = root.toString('base64');
  assert.deepEqual(parseCheckpointText(`${good}more\n`).extensions, ['more']);
  for (const bad of ['', '\n', 'o\n', 'o\n1\n', `o\n1\n${hash}`, `\n1\n${hash}\n`, `o\n01\n${hash}\n`, `o\n-1\n${hash}\n`, `o\n1e3\n${hash}\n`, `o\n\n${hash}\n`, `o\n9007199254740993\n${hash}\n`, `o\n1\n${hash.slice(4)}\n`, `o\n1\n${hash}\n\n`, `o\n1\n${hash}\n\nx\n`, `o\n1 \n${hash}\n`]) {
    assert.throws(() => parseCheckpointText(bad), BadNote, JSON.stringify(bad));
  }
  assert.throws(() => formatCheckpointText({ origin: 'two\nlines', size: 1, root }), BadNote);
  assert.throws(() => formatCheckpointText({ origin: 'o', size: 1, root: Buffer.alloc(31) }), BadNote);
});

test('numbers have one form', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (n) => assert.equal(parseDecimal(String(n)), n)));
  for (const bad of ['', '00', '+1', ' 1', '1.0', '0x1', '1e1', '\u0661']) assert.equal(parseDecimal(bad), undefined, bad);
});
