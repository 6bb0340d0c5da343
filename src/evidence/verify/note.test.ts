import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCheckpoint } from './checkpoint.ts';
import { KeyHistory } from './key-history.ts';
import { cosignedAt, NotANote, parseNote, parseVkey, signedBy } from './note.ts';
import { cosignaturesOn, parsePolicy } from './policy.ts';
import { cosigned, makeKey, noteBy, rotationNote } from './testdata/made-log.ts';

// The example of golang.org/x/mod/sumdb/note.
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const WISDOM = 'If you think cryptography is the answer to your problem,\nthen you don\'t know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
// The example of c2sp.org/signed-note.
const QUASIMODO = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n\n\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';

test('published notes are read, and the one with a published key verifies', () => {
  assert.equal(signedBy(parseNote(WISDOM), parseVkey(PETER)), 'good');
  assert.equal(signedBy(parseNote(WISDOM.replace('you', 'yow')), parseVkey(PETER)), 'wrong');
  const { text, signatures } = parseNote(QUASIMODO);
  assert.ok(text.endsWith('subito sera.\n'), 'the last empty line is the one that splits');
  assert.deepEqual([signatures[0]?.name, signatures[0]?.id], ['quasimodo.example/salvatore', '367ba04b']);
});

test('keys: a wrong id, an unknown type and anything else that is none are refused', () => {
  for (const wrong of ['', 'a', `${PETER}=`, PETER.replace('c74f20a3', 'c74f20a4'), PETER.replace('Peter', 'Pet er'), PETER.replace('ARpc', 'AhpC'), 'x+00000000+AA==', `+${PETER}`]) assert.throws(() => parseVkey(wrong), NotANote, wrong);
  const plus = Array.from({ length: 200 }, () => makeKey('a.example/log')).find(({ vkey }) => vkey.split('+').length > 3);
  assert.equal(parseVkey(plus?.vkey as string).name, 'a.example/log', 'base64 with a plus in it');
});

test('notes: what is no note is refused; lines of unknown keys are passed over, a wrong line of a known one is not', () => {
  const [log, stranger] = [makeKey('log.example'), makeKey('log.example')];
  const note = noteBy('log.example\n3\nx\n', log);
  for (const wrong of ['', '\n', note.slice(0, -1), note.replace('\n\n', '\n'), note.replace('log', '\u0001'), note.replace('\u2014', '-'), `${note}\n`, note.replace(/ [^ ]+\n$/, ' AAAA\n'), `${note}${'x'.repeat(70_000)}`, '\ud800\n\n\u2014 a AAAAAAA=\n']) assert.throws(() => parseNote(wrong), NotANote, wrong);
  const [key, other] = [parseVkey(log.vkey), parseVkey(stranger.vkey)];
  assert.equal(signedBy(parseNote(note), key), 'good');
  assert.equal(signedBy(parseNote(note), other), 'absent');
  assert.equal(signedBy(parseNote(noteBy('log.example\n3\nx\n', stranger, log)), key), 'good');
  assert.equal(signedBy(parseNote(noteBy('log.example\n3\nx\n', { ...log, secret: stranger.secret }, log)), key), 'wrong', 'one wrong line of a known key spoils the note');
});

test('cosignatures are over the time and the text', () => {
  const [log, witness] = [makeKey('log.example'), makeKey('w.example', 4)];
  const note = cosigned(noteBy('log.example\n3\nx\n', log), witness, 1_800_000_000);
  const key = parseVkey(witness.vkey);
  assert.equal(signedBy(parseNote(note), key), 'good');
  assert.equal(cosignedAt(parseNote(note), key), 1_800_000_000);
  const line = note.trimEnd().split('\n').at(-1) as string;
  const bytes = Buffer.from(line.split(' ')[2] as string, 'base64');
  bytes[11] = (bytes[11] as number) ^ 1;
  assert.equal(signedBy(parseNote(note.replace(line.split(' ')[2] as string, bytes.toString('base64'))), key), 'wrong', 'another time');
});

test('checkpoints: three lines, in the one form', () => {
  const log = makeKey('log.example');
  const root = Buffer.alloc(32, 7).toString('base64');
  assert.deepEqual((({ origin, size }) => ({ origin, size }))(parseCheckpoint(noteBy(`log.example\n0\n${root}\nextension\n`, log))), { origin: 'log.example', size: 0 });
  for (const text of [`\n3\n${root}\n`, `a\n03\n${root}\n`, `a\n-3\n${root}\n`, `a\n3\n${root.slice(1)}\n`, `a\n3\n`, `a\n99999999999999999\n${root}\n`, `a\n3\n${root}\n\nx\n`, `a\n9007199254740993\n${root}\n`]) assert.throws(() => parseCheckpoint(noteBy(text, log)), NotANote, text);
});

test('policies: as c2sp.org/tlog-policy has them', () => {
  const [log, ...witnesses] = [makeKey('log.example'), ...Array.from({ length: 4 }, (_, i) => makeKey(`w${i}.example`, 4))] as const;
  const [a, b, c, d] = witnesses.map(({ vkey }) => vkey) as [string, string, string, string];
  const text = `# who we trust\n log ${log.vkey}\t https://log.example\n\nwitness X1 ${a}\nwitness X2 ${b}\nwitness Y1 ${c} https://y.example/\nwitness Y2 ${d}\ngroup X all X1 X2\ngroup Y any Y1 Y2\ngroup X-and-Y 2 X Y\nquorum X-and-Y\n`;
  const policy = parsePolicy(text);
  const enough = (...by: readonly number[]): boolean => cosignaturesOn(parseNote(by.reduce((note, i) => cosigned(note, witnesses[i] as ReturnType<typeof makeKey>, 1), noteBy('x\n', log))), policy).enough;
  assert.deepEqual([enough(0, 1, 2), enough(0, 1, 3), enough(0, 1), enough(0, 2, 3), enough()], [true, true, false, false, false]);
  assert.equal(cosignaturesOn(parseNote(noteBy('x\n', log)), parsePolicy('quorum none\n')).enough, true);
  for (const wrong of ['', 'quorum X', 'quorum none\nquorum none', `witness none ${a}\nquorum none`, `witness X ${a}\nwitness Y ${a}\nquorum none`, `log ${a}\nquorum none`, `witness X ${log.vkey}\nquorum none`, `witness X ${a}\ngroup G 2 X\nquorum G`, `witness X ${a}\ngroup G any X\ngroup H any X\nquorum H`, `group G any G\nquorum G`, 'mirror x\nquorum none', `witness X ${a}\ngroup G 0 X\nquorum G`]) assert.throws(() => parsePolicy(wrong), NotANote, wrong);
});

test('key history: each key is named by the one before, and has its reign', () => {
  const log = 'prod/gw-1/00c0ffee';
  const [first, second, third] = [makeKey(log), makeKey(log), makeKey(log)];
  const history = new KeyHistory(log);
  assert.match(history.record({ event: 'rotated', vkey: second.vkey, note: rotationNote(log, first, second) }, 0) ?? '', /follows on none/);
  assert.equal(history.record({ event: 'first', vkey: first.vkey }, 1), undefined);
  assert.match(history.record({ event: 'first', vkey: second.vkey }, 2) ?? '', /replaced without the signature/);
  assert.match(history.record({ event: 'rotated', vkey: second.vkey, note: rotationNote(log, second, second) }, 3) ?? '', /did not sign/);
  assert.match(history.record({ event: 'rotated', vkey: third.vkey, note: rotationNote(log, first, second) }, 3) ?? '', /something else/);
  assert.match(history.record({ event: 'rotated', vkey: second.vkey, note: 'x' }, 3) ?? '', /cannot be believed/);
  assert.match(history.record({ event: 'first', vkey: makeKey('other').vkey }, 3) ?? '', /a key of other/);
  assert.match(history.record({ event: 'lent', vkey: second.vkey }, 3) ?? '', /unknown sort/);
  assert.equal(history.record({ event: 'rotated', vkey: second.vkey, note: rotationNote(log, first, second) }, 10), undefined);
  assert.deepEqual([0, 1, 10, 11, 99].map((size) => history.keyAt(size)?.vkey), [first, first, first, second, second].map(({ vkey }) => vkey));
  const [old, now] = [parseVkey(first.vkey), history.current];
  assert.ok(now && history.descends(now, [old]) && history.descends(now, [now]));
  assert.equal(history.descends(history.keyAt(1) as typeof old, [now]), false, 'a later key does not vouch for an earlier one');
});
