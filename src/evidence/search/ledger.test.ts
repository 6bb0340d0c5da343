import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { AppendLog } from '../append-log.ts';
import { KeysFolder } from '../keys.ts';
import type { EvidenceRecord } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog } from '../open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../testdata/records.ts';
import { LEDGER_TABLES } from './ledger.ts';
import { listDeeds, listSessionsOf, sessionOf } from './lists.ts';
import { LogIndex } from './search.ts';
import { sessionPart } from './session-records.ts';
import { connectionUse, hoursUntil, identitiesSince, identityUse, mostDenied, useOf } from './sums.ts';

const START = Date.parse('2026-10-01T08:30:00Z');
const HOUR = 3_600_000;

interface Scene {
  readonly log: AppendLog;
  readonly at: { wall: number };
  index(frames?: number): LogIndex;
}

const make = async (t: TestContext): Promise<Scene> => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-ledger-'));
  const [folder, keysFolder] = [join(base, 'data', 'evidence'), join(base, 'keys')];
  const at = { wall: START };
  const log = await openEvidenceLog({ folder, keysFolder, instance: 'gw', build: 'b', config: 'c', segmentBytes: 512 * 1024, clock: { wall: () => at.wall, monotonic: () => Math.floor(performance.now() * 1000) } });
  const opened: LogIndex[] = [];
  t.after(async () => {
    for (const index of opened) index.close();
    await log.close();
    fs.rmSync(base, { recursive: true, force: true });
  });
  let made = 0;
  return {
    log,
    at,
    index: (frames) => {
      made += 1;
      const index = new LogIndex({ folder, indexes: join(base, `index-${made}`), keys: KeysFolder.open(nodeDisk, keysFolder, false) });
      opened.push(index);
      while (index.step(frames));
      return index;
    },
  };
};

/** Sessions over six hours: who, where, how many commands and refusals each; every third stays open. */
const work = async ({ log, at }: Scene): Promise<{ id: string; identity: string; connection: string; commands: number; refused: number; open: boolean; opened: number }[]> => {
  const done = [];
  for (let i = 0; i < 30; i += 1) {
    const [id, identity, connection] = [`session-${i}`, `identity-${i % 4}`, ['billing', 'crm'][i % 2] as string];
    at.wall += HOUR / 5;
    const session = { id, identity, connection, commands: 0, refused: 0, open: i % 3 === 0, opened: at.wall };
    const opening = sessionOpen(id) as Extract<EvidenceRecord, { kind: 'session_open' }>;
    log.append({ ...opening, connection, principal: { ...opening.principal, identity } });
    for (let number = 1; number <= i % 7; number += 1) {
      if ((i + number) % 4 === 0) {
        log.append({ kind: 'refusal', session: id, command: number, connection, code: 'denied', verb: 'drop_table' }, [statement(`DROP TABLE t${i}`)]);
        session.refused += 1;
        continue;
      }
      log.append({ ...(intent(id, number) as Extract<EvidenceRecord, { kind: 'intent' }>), connection, verb: 'select' }, [statement(`SELECT ${i}`)]);
      log.append(outcome(id, number));
      session.commands += 1;
    }
    if (!session.open) log.append(sessionClose(id, i % 7));
    done.push(session);
  }
  log.append({ kind: 'refusal', code: 'unauthenticated', network: '10.0.0.0/24', count: 25 });
  const last = log.append({ kind: 'revocation', identity: 'identity-1', by: 'ada' });
  assert.equal(await durable(last), undefined);
  return done;
};

test('sessions come newest first, in pages without a gap, as their records say', async (t) => {
  const scene = await make(t);
  const done = await work(scene);
  const { file, finding } = scene.index();
  const pages = [];
  for (let before: number | undefined; ; ) {
    const page = listSessionsOf(file, { filters: {}, state: 'all', limit: 7, ...(before === undefined ? {} : { before }) }, finding);
    pages.push(...page);
    before = page.at(-1)?.number;
    if (page.length < 7) break;
  }
  assert.deepEqual(pages.map(({ session }) => session), done.map(({ id }) => id).reverse());
  for (const { id, identity, connection, commands, refused, open, opened } of done) {
    const row = sessionOf(file, id);
    assert.deepEqual([row?.identity, row?.connection, row?.commands, row?.refused, row?.state, row?.opened, row?.closed === null], [identity, connection, commands, refused, open ? 'open' : 'closed', opened, open], id);
  }
  const ids = (filters: object, more: object = {}): string[] => listSessionsOf(file, { filters, state: 'all', limit: 100, ...more }, finding).map(({ session }) => session);
  const expected = (keep: (one: (typeof done)[number]) => boolean): string[] => done.filter(keep).map(({ id }) => id).reverse();
  assert.deepEqual(ids({ identity: 'identity-2' }), expected(({ identity }) => identity === 'identity-2'));
  assert.deepEqual(ids({ identity: 'identity-*', connection: 'CRM' }), expected(({ connection }) => connection === 'crm'));
  assert.deepEqual(ids({}, { state: 'past' }), expected(({ open }) => !open));
  assert.deepEqual(ids({ decision: 'refused' }), expected(({ refused }) => refused > 0));
  assert.deepEqual(ids({ verb: 'select', connection: 'billing' }), expected(({ commands, connection }) => commands > 0 && connection === 'billing'));
  assert.deepEqual(ids({ since: START + 2 * HOUR, until: START + 3 * HOUR }), expected(({ opened }) => opened >= START + 2 * HOUR && opened < START + 3 * HOUR));
  assert.deepEqual(ids({}, { only: ['session-3', 'no-such'] }), ['session-3']);
  assert.deepEqual(ids({ identity: 'nobody' }), []);
});

test('sessions are found by what they did, page by page, whichever way they are looked up', async (t) => {
  const scene = await make(t);
  const done = await work(scene);
  const { file, finding } = scene.index();
  const did = (one: (typeof done)[number], verb: string | undefined, decision: string | undefined): boolean => {
    const kinds = [...(one.commands > 0 ? ['select allow'] : []), ...(one.refused > 0 ? ['drop_table denied'] : [])];
    return kinds.some((kind) => (verb === undefined || kind.startsWith(verb)) && (decision === undefined || kind.endsWith(decision === 'refused' ? 'denied' : decision)));
  };
  for (const verb of [undefined, 'select', 'drop_table', 'nothing']) {
    for (const decision of [undefined, 'refused', 'denied', 'allow', 'masking']) {
      for (const identity of [undefined, 'identity-1', 'identity-*']) {
        for (const state of ['all', 'past'] as const) {
          for (const since of [undefined, START]) {
            if (verb === undefined && decision === undefined) continue;
            // With a time it is the commands that are gone through.
            const filters = { ...(verb === undefined ? {} : { verb }), ...(decision === undefined ? {} : { decision }), ...(identity === undefined ? {} : { identity }), ...(since === undefined ? {} : { since }) };
            const expected = done.filter((one) => did(one, verb, decision) && (identity !== 'identity-1' || one.identity === identity) && (state === 'all' || !one.open)).map(({ id }) => id).reverse();
            for (const few of [0, 1000]) {
              const found: string[] = [];
              for (let before: number | undefined; ; ) {
                const page = listSessionsOf(file, { filters, state, limit: 3, ...(before === undefined ? {} : { before }) }, finding, { eachSession: few, newest: few === 0 ? 2 : few, theirs: 1000, texts: 10, found: few });
                found.push(...page.map(({ session }) => session));
                before = page.at(-1)?.number;
                if (page.length < 3) break;
              }
              assert.deepEqual(found, expected, JSON.stringify({ filters, state, few }));
            }
          }
        }
      }
    }
  }
});

test('sums are those of the records', async (t) => {
  const scene = await make(t);
  const done = await work(scene);
  const { file } = scene.index();
  const now = scene.at.wall;
  const hours = hoursUntil(file, now, 24);
  assert.equal(hours.length, 24);
  assert.ok(hours.every(({ hour }, i) => i === 0 || hour - (hours[i - 1]?.hour ?? 0) === HOUR));
  const sum = (of: (one: (typeof done)[number]) => number): number => done.reduce((total, one) => total + of(one), 0);
  assert.equal(hours.reduce((total, { allowed }) => total + allowed, 0), sum(({ commands }) => commands));
  assert.equal(hours.reduce((total, { refused }) => total + refused, 0), sum(({ refused }) => refused) + 25, 'those who were never known count as often as they came');
  const denied = mostDenied(file, now, 24, 10);
  assert.deepEqual([denied[0]?.code, denied[0]?.count, denied[0]?.identity], ['unauthenticated', 25, '']);
  assert.deepEqual(new Map(identityUse(file).map(({ identity, first }) => [identity, first])), new Map(['identity-0', 'identity-1', 'identity-2', 'identity-3'].map((identity) => [identity, done.find((one) => one.identity === identity)?.opened])));
  assert.deepEqual(identitiesSince(file, START + HOUR / 2, 10).map(({ identity }) => identity), ['identity-3', 'identity-2']);
  const used = useOf(file, 'identity-1', START - HOUR, 100).reduce((total, { allowed, refused }) => total + allowed + refused, 0);
  assert.equal(used, done.filter(({ identity }) => identity === 'identity-1').reduce((total, { commands, refused }) => total + commands + refused, 0));
  assert.equal(connectionUse(file, now).find(({ connection }) => connection === 'crm')?.commands, done.filter(({ connection }) => connection === 'crm').reduce((total, { commands, refused }) => total + commands + refused, 0));
  assert.equal(listDeeds(file, ['revocation'], undefined, 10).length, 1);
  assert.deepEqual(listDeeds(file, ['access'], undefined, 10), []);
});

test('the same comes of it in whatever pieces it was taken in', async (t) => {
  const scene = await make(t);
  await work(scene);
  const [whole, pieces] = [scene.index(), scene.index(3)];
  for (const table of LEDGER_TABLES) assert.deepEqual(pieces.file.sql(`SELECT * FROM ${table}`).all(), whole.file.sql(`SELECT * FROM ${table}`).all(), table);
});

test('a session is read from the log in parts that fit together', async (t) => {
  const scene = await make(t);
  const done = await work(scene);
  const index = scene.index();
  const [longest] = done.filter(({ open }) => !open).sort((a, b) => b.commands + b.refused - a.commands - a.refused);
  assert.ok(longest);
  const numbers: (number | undefined)[] = [];
  let [after, ends] = [-1, 0];
  for (;;) {
    const part = sessionPart(index.reading, longest.id, after, 2);
    assert.ok(part);
    assert.equal(part.opened !== undefined, after < 0);
    numbers.push(...part.commands.map(({ record }) => record.command));
    if (part.closed) ends += 1;
    if (part.next === undefined) break;
    after = part.next;
  }
  assert.deepEqual(numbers, Array.from({ length: longest.commands + longest.refused }, (_, i) => i + 1));
  assert.equal(ends, 1);
  assert.equal(sessionPart(index.reading, 'no-such', -1, 10), undefined);
});
