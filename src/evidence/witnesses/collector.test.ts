import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { tempFolder } from '../../../test/kit/temp.ts';
import { until } from '../../../test/kit/until.ts';
import type { WitnessConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import { witnessKey } from '../../witness/key.ts';
import { Memory, originHash } from '../../witness/memory.ts';
import { createWitnessServer } from '../../witness/server.ts';
import { GrowingLog } from '../../witness/testdata/log.ts';
import { Witness } from '../../witness/witness.ts';
import { nodeDisk } from '../node-disk.ts';
import { cosign, cosignatureVerifier } from '../tlog/cosignature.ts';
import { ED25519_COSIGNATURE, formatSignature, formatVkey, generateSigner, noteVerifier, openNote, parseNote, parseVkey, type Signer } from '../tlog/note.ts';
import { WitnessCollector, type CollectorParts } from './collector.ts';
import { WitnessLink } from './link.ts';
import type { CheckpointSource } from './source.ts';

interface Line { readonly level: string; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }

/** A gateway's side: a log, what was shown of it, and a clock that can be moved. */
const gatewaySide = (log: GrowingLog) => {
  const lines: Line[] = [];
  const shown: string[] = [];
  const conflicts: { witness: string; size: number; note: string }[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string): void => void lines.push({ level, fields, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  const clock = { ahead: 0, wallAhead: 0 };
  let current = log;
  const source: CheckpointSource = {
    latest: () => ({ note: current.checkpoint(), size: current.size }),
    consistency: (old, size) => { assert.equal(size, current.size); return current.proof(old); },
    keep: (note) => void shown.push(note),
    get vkey() { return current.vkey; },
    keepConflict: (witness, size, note) => void conflicts.push({ witness, size, note }),
  };
  const parts = (config: CollectorParts['config']): CollectorParts => ({ config, source, log: logger, intervalMs: 15, now: () => Date.now() + clock.wallAhead, elapsed: () => performance.now() + clock.ahead });
  return { lines, shown, conflicts, clock, parts, put: (other: GrowingLog) => { current = other; }, errors: () => lines.filter(({ level }) => level === 'error') };
};

const listen = async (server: Server): Promise<{ url: string; close: () => void }> => {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => { server.closeAllConnections(); server.close(); } };
};

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };
const origin = { file: 'w.yaml', line: 1 };

/** A witness with the code that is shipped, in this process. */
const honest = async (log: GrowingLog, name: string, folder = tempFolder('witness')) => {
  const key = witnessKey(folder.file('w'), name);
  const witness = new Witness({ key, logs: [parseVkey(log.vkey)], memory: new Memory(nodeDisk, folder.file('w'), key), log: silent });
  const { url, close } = await listen(createWitnessServer({ witness, prefix: '', log: silent }));
  const config: WitnessConfig = { name: name.split('/')[1] ?? name, url, key: formatVkey(key), origin };
  return { config, witness, key, folder, [Symbol.dispose]: () => { close(); folder.remove(); } };
};

/** A witness that answers what the test wants. */
const fake = async (name: string, answer: (note: string, key: Signer, body: string) => { status: number; type?: string; body: string } | undefined) => {
  const key = generateSigner(`fake.example/${name}`, ED25519_COSIGNATURE);
  const served = await listen(createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const said = answer(body.slice(body.indexOf('\n\n') + 2), key, body);
      if (said === undefined) return;
      response.writeHead(said.status, { 'content-type': said.type ?? 'text/plain' });
      response.end(said.body);
    });
  }));
  const config: WitnessConfig = { name, url: served.url, key: formatVkey(key), origin };
  return { config, key, [Symbol.dispose]: served.close };
};

const seconds = (): number => Math.floor(Date.now() / 1000);
const line = (note: string, key: Signer, time = seconds()): string => formatSignature(cosign(parseNote(note).text, time, key));

test('two of two cosign a growing log; what is shown opens with the keys of the log and of both; the history gets one a minute', async () => {
  const log = new GrowingLog('acme/gateway-1/0a').grow(3);
  const side = gatewaySide(log);
  using one = await honest(log, 'w.example/one');
  using two = await honest(log, 'w.example/two');
  const collector = new WitnessCollector(side.parts({ witnesses: [one.config, two.config], quorum: 2 }));
  assert.equal(collector.status.witnessed, undefined);
  collector.start();
  for (const more of [0, 300, 1, 70]) {
    log.grow(more);
    await until(() => collector.status.witnessed?.size === log.size, 20_000, `size ${log.size} to be witnessed`);
  }
  assert.equal(side.shown.length, 1, 'the first at once, the rest within the minute');
  await collector.finish();
  assert.equal(side.shown.length, 2);
  const { verified, text } = openNote(side.shown[1] ?? '', [noteVerifier(log.signer), cosignatureVerifier(one.key), cosignatureVerifier(two.key)]);
  assert.equal(verified.length, 3);
  assert.equal(text, parseNote(log.checkpoint()).text);
  const { status } = collector;
  assert.deepEqual([status.of, status.quorum, status.late, status.witnessed?.by.toSorted()], [2, 2, false, ['one', 'two']]);
  assert.deepEqual(status.witnesses.map(({ state, faults }) => [state, faults]), [['cosigning', {}], ['cosigning', {}]]);
});

test('the quorum decides: with two of three a dead one does not matter, and it is named; with three of three nothing is witnessed, and after five minutes that is an error', async () => {
  const log = new GrowingLog('l').grow(3);
  using one = await honest(log, 'w.example/one');
  using two = await honest(log, 'w.example/two');
  const dead: WitnessConfig = { name: 'dead', url: 'http://127.0.0.1:9', key: formatVkey(generateSigner('dead', ED25519_COSIGNATURE)), origin };
  const witnesses = [one.config, two.config, dead];
  const side = gatewaySide(log);
  const collector = new WitnessCollector(side.parts({ witnesses, quorum: 2 }));
  collector.start();
  await until(() => collector.status.witnessed?.size === 3, 20_000, 'two of three');
  assert.deepEqual(collector.status.witnessed?.by.toSorted(), ['one', 'two']);
  await until(() => collector.status.witnesses[2]?.state === 'unreachable', 20_000, 'the dead one to be named');
  assert.match(collector.status.witnesses[2]?.detail ?? '', /ECONNREFUSED/);
  assert.equal(side.lines.filter(({ fields }) => fields['witness'] === 'dead').length, 1, 'once, not at each try');

  collector.replace({ witnesses, quorum: 3 });
  assert.equal(collector.status.witnessed, undefined, 'three did not say it');
  assert.equal(collector.status.late, false);
  side.clock.ahead += 301_000;
  await until(() => collector.status.late && side.errors().length > 0, 20_000, 'the alert');
  assert.match(side.errors()[0]?.message ?? '', /not witnessed for more than 5 minutes/);
  collector.replace({ witnesses, quorum: 2 });
  await until(() => collector.status.witnessed !== undefined && !collector.status.late, 20_000, 'two of three again');
  await collector.finish();
});

test('a witness that knows more than we heard (an answer was lost) tells its size, and the next request begins there', async () => {
  const log = new GrowingLog('l').grow(40);
  using one = await honest(log, 'w.example/one');
  assert.equal(one.witness.add(log.request(0)).status, 200);
  log.grow(500);
  const side = gatewaySide(log);
  const collector = new WitnessCollector(side.parts({ witnesses: [one.config], quorum: 1 }));
  collector.start();
  await until(() => collector.status.witnessed?.size === 540, 20_000, 'the whole log');
  assert.deepEqual(collector.status.witnesses[0]?.faults, {});
  await collector.finish();
});

test('what an earlier run reached is recalled with its age; a foreign or altered note is not', async () => {
  const log = new GrowingLog('l').grow(4);
  using one = await honest(log, 'w.example/one');
  const side = gatewaySide(log);
  const first = new WitnessCollector(side.parts({ witnesses: [one.config], quorum: 1 }));
  first.start();
  await until(() => side.shown.length === 1, 20_000, 'the first');
  await first.finish();
  const [note = ''] = side.shown;
  const again = (): WitnessCollector => new WitnessCollector(side.parts({ witnesses: [one.config], quorum: 1 }));
  side.clock.wallAhead = 100_000;
  const second = again();
  second.recall(note, 'l');
  assert.equal(second.status.witnessed?.size, 4);
  assert.ok((second.status.witnessed?.age ?? 0) >= 99);
  for (const [wrong, of] of [[note.slice(0, 40), 'l'], [note.replace('\n4\n', '\n5\n'), 'l'], [log.checkpoint(), 'l'], ['', 'l'], [note, 'm']] as const) {
    const third = again();
    third.recall(wrong, of);
    assert.equal(third.status.witnessed, undefined);
  }
});

test('a restored backup and a fork: the witness refuses, and the gateway says so as an error', async () => {
  const log = new GrowingLog('l').grow(100);
  using one = await honest(log, 'w.example/one');
  const side = gatewaySide(log);
  const before = new WitnessCollector(side.parts({ witnesses: [one.config], quorum: 1 }));
  before.start();
  await until(() => before.status.witnessed?.size === 100, 20_000, 'the log');
  await before.finish();
  const restored = log.fork(60);
  side.put(restored);
  const collector = new WitnessCollector(side.parts({ witnesses: [one.config], quorum: 1 }));
  collector.start();
  await until(() => collector.status.witnesses[0]?.state === 'ahead', 20_000, 'the restored backup to be noticed');
  assert.match(collector.status.witnesses[0]?.detail ?? '', /cosigned a tree of 100 records, and this log has 60/);
  restored.grow(90, 'another history');
  side.clock.ahead += 61_000;
  await until(() => collector.status.witnesses[0]?.state === 'inconsistent', 20_000, 'the fork to be noticed');
  assert.deepEqual(side.errors().map(({ fields }) => fields['fault']), ['ahead', 'inconsistent']);
  assert.match(collector.status.witnesses[0]?.detail ?? '', /its checkpoint of 100 records, signed with this log's key, proves it/);
  assert.deepEqual([...new Set(side.conflicts.map(({ witness, size }) => `${witness} ${size}`))], ['one 100']);
  openNote(side.conflicts[0]?.note ?? '', [noteVerifier(log.signer)]);
  openNote(side.conflicts[0]?.note ?? '', [cosignatureVerifier(one.key)]);
  assert.equal(collector.status.witnessed, undefined);
  assert.match(one.witness.checkpoint(originHash('l')) ?? '', /\n100\n/, 'the witness still stands at what it cosigned');
  await collector.finish();
});

test('a witness that lies, errs or stalls: each is named, none is counted, and an honest one beside it goes on', async () => {
  const log = new GrowingLog('l').grow(9);
  using good = await honest(log, 'w.example/good');
  const other = generateSigner('fake.example/wrong_key', ED25519_COSIGNATURE);
  const liars = [
    await fake('bad_signature', (note, key) => ({ status: 200, body: line(note.replace('\n9\n', '\n8\n'), key) })),
    await fake('wrong_key', (note) => ({ status: 200, body: line(note, other) })),
    await fake('wrong_time', (note, key) => ({ status: 200, body: line(note, key, seconds() - 365 * 86_400) })),
    await fake('bad_answer', () => ({ status: 200, body: 'hello' })),
    await fake('refused', () => ({ status: 404, body: 'not found\n' })),
    await fake('inconsistent', () => ({ status: 422, body: 'no\n' })),
    await fake('slow', () => undefined),
    await fake('unreachable', () => ({ status: 200, body: 'x'.repeat(100_000) })),
  ];
  const more = [
    ['bad_answer', await fake('sizes', (_note, _key, body) => ({ status: 409, type: 'text/x.tlog.size', body: `${body.startsWith('old 3\n') ? 4 : 3}\n` }))],
    ['bad_answer', await fake('no-number', () => ({ status: 409, type: 'text/x.tlog.size', body: '007\n' }))],
    ['inconsistent', await fake('plain-409', () => ({ status: 409, body: 'no\n' }))],
    ['ahead', await fake('ahead', () => ({ status: 409, type: 'text/x.tlog.size', body: '10\n' }))],
    ['wrong_time', await fake('future', (note, key) => ({ status: 200, body: line(note, key, seconds() + 200) }))],
    ['bad_answer', await fake('binary', () => ({ status: 200, body: '\u0000\u2014 x AAAA\n' }))],
    ['refused', await fake('redirect', () => ({ status: 302, body: '' }))],
  ] as const;
  const side = gatewaySide(log);
  const all = [...liars, ...more.map(([, witness]) => witness)];
  const collector = new WitnessCollector(side.parts({ witnesses: [good.config, ...all.map(({ config }) => config)], quorum: 1 }));
  collector.start();
  await until(() => collector.status.witnessed?.size === 9, 4_000, 'the honest one, while another stalls');
  const expected = [...liars.map(({ config }) => config.name), ...more.map(([kind]) => kind)];
  await until(() => collector.status.witnesses.slice(1).every(({ state }) => state !== 'waiting'), 20_000, 'all to be judged');
  assert.deepEqual(collector.status.witnesses.slice(1).map(({ state }) => state), expected);
  assert.deepEqual(collector.status.witnessed?.by, ['good']);
  log.grow(1);
  await until(() => collector.status.witnessed?.size === 10, 20_000, 'the honest one goes on');
  await collector.finish();
  for (const witness of all) witness[Symbol.dispose]();
});

test('a witness that forgot what it cosigned is named, although it cosigns', async () => {
  const log = new GrowingLog('l').grow(30);
  let known = 0;
  using forgetful = await fake('forgetful', (note, key, body) => {
    const old = Number(/^old (\d+)/.exec(body)?.[1]);
    if (old !== known) return { status: 409, type: 'text/x.tlog.size', body: `${known}\n` };
    known = Number(note.split('\n')[1]);
    return { status: 200, body: line(note, key) };
  });
  const side = gatewaySide(log);
  const collector = new WitnessCollector(side.parts({ witnesses: [forgetful.config], quorum: 1 }));
  collector.start();
  await until(() => collector.status.witnessed?.size === 30, 20_000, 'the first');
  known = 5;
  log.grow(3);
  await until(() => collector.status.witnessed?.size === 33, 20_000, 'the second');
  assert.deepEqual(collector.status.witnesses[0]?.faults, { went_back: 1 });
  assert.deepEqual(side.errors().map(({ fields }) => fields['fault']), ['went_back']);
  await collector.finish();
});

test('a clock of ours that is set back a year: every cosignature is of another time, which is said, and the age of what was witnessed does not go back', async () => {
  const log = new GrowingLog('l').grow(2);
  using one = await honest(log, 'w.example/one');
  const side = gatewaySide(log);
  const collector = new WitnessCollector(side.parts({ witnesses: [one.config], quorum: 1 }));
  collector.start();
  await until(() => collector.status.witnessed?.size === 2, 20_000, 'the first');
  side.clock.wallAhead = -365 * 86_400_000;
  log.grow(1);
  await until(() => collector.status.witnesses[0]?.state === 'wrong_time', 20_000, 'the clock to be named');
  assert.match(collector.status.witnesses[0]?.detail ?? '', /315\d{5} s ahead of this clock/);
  assert.equal(collector.status.witnessed?.size, 2);
  side.clock.ahead += 301_000;
  await until(() => side.errors().some(({ message }) => message.includes('not witnessed')), 20_000, 'the alert, by the clock that cannot be set');
  assert.ok((collector.status.witnessed?.age ?? 0) > 300);
  await collector.finish();
});

test('a witness that refuses, and shows that it cosigned what the log contains, contradicts itself; what it shows of others proves nothing', async () => {
  const log = new GrowingLog('l').grow(50);
  const cases: readonly (readonly [string, (key: Signer) => string, string, RegExp])[] = [
    ['liar', (key) => log.fork(20).checkpoint() + line(log.fork(20).checkpoint(), key), 'contradicts', /cosigned 20 records, which this log contains/],
    ['uncosigned', () => log.fork(20).grow(5, 'other').checkpoint(), 'inconsistent', /not a checkpoint of this log that it cosigned/],
    ['invented', (key) => { const note = new GrowingLog('l').grow(30, 'other').checkpoint(); return note + line(note, key); }, 'inconsistent', /not signed with the present key/],
    ['silent', () => 'hello', 'inconsistent', /what it shows is no checkpoint/],
  ];
  for (const [name, shows, kind, says] of cases) {
    using witness = await fake(name, (_note, key, body) => (body === '' ? { status: 200, body: shows(key) } : { status: 422, body: 'no\n' }));
    const side = gatewaySide(log);
    const collector = new WitnessCollector(side.parts({ witnesses: [witness.config], quorum: 1 }));
    collector.start();
    await until(() => collector.status.witnesses[0]?.state === kind, 20_000, `${name}: ${kind}`);
    assert.match(collector.status.witnesses[0]?.detail ?? '', says);
    assert.deepEqual(side.conflicts, []);
    await collector.finish();
  }
});

test('stopping waits three seconds at most for a witness that stalls', async () => {
  const log = new GrowingLog('l').grow(1);
  using stalls = await fake('stalls', () => undefined);
  const side = gatewaySide(log);
  const collector = new WitnessCollector(side.parts({ witnesses: [stalls.config], quorum: 1 }));
  collector.start();
  await collector.finish();
  assert.equal(collector.status.witnesses[0]?.state, 'waiting', 'it has five seconds to answer');
});

test('a request that a reload left behind, and that another one overtook, is no fork: no note is kept, no fault told', async () => {
  const log = new GrowingLog('acme/gateway-1/0a').grow(5);
  const side = gatewaySide(log);
  const older = { note: log.checkpoint(), size: log.size };
  using one = await honest(log, 'witness.example/one');
  const source: CheckpointSource = { latest: () => ({ note: log.checkpoint(), size: log.size }), consistency: (old, size) => log.fork(size).proof(old), keep: () => {}, vkey: log.vkey, keepConflict: (witness, size, note) => void side.conflicts.push({ witness, size, note }) };
  const link = (): WitnessLink => new WitnessLink({ ...side.parts({ witnesses: [one.config], quorum: 1 }), config: one.config, source, now: Date.now, elapsed: () => performance.now() });
  const [before, after] = [link(), link()];
  log.grow(3);
  assert.ok(await after.ask({ note: log.checkpoint(), size: log.size }));
  assert.equal(await before.ask(older), undefined);
  assert.deepEqual(side.conflicts, []);
  assert.deepEqual(before.status.faults, {});
  // A log that really went another way is still found.
  const other = log.fork(5).grow(2, 'else');
  const forked: CheckpointSource = { ...source, latest: () => ({ note: other.checkpoint(), size: other.size }), consistency: (old) => other.proof(old) };
  const witness = new WitnessLink({ ...side.parts({ witnesses: [one.config], quorum: 1 }), config: one.config, source: forked, now: Date.now, elapsed: () => performance.now() });
  assert.equal(await witness.ask({ note: other.checkpoint(), size: other.size }), undefined);
  assert.deepEqual(side.conflicts.map(({ size }) => size), [8]);
  assert.deepEqual(witness.status.faults, { ahead: 1 });
});
