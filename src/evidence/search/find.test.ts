import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeysFolder } from '../keys.ts';
import type { EvidenceRecord } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { openEvidenceLog } from '../open.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement } from '../testdata/records.ts';
import { conditionsOf, queryOf, testOf } from './conditions.ts';
import { decisionMatches, nameMatches, objectMatches, rowsMatch, type SearchFilters } from './filters.ts';
import { findCommands, type Effort } from './find.ts';
import { listSessionsOf, type SessionsAsked, type SessionsEffort } from './lists.ts';
import { OpenedFilters } from './opened-filters.ts';
import { LogIndex } from './search.ts';

const START = Date.parse('2026-10-01T08:00:00Z');
const DAY = 86_400_000;

const IDENTITIES = ['billing-jobs', 'billing-night', 'ci'];
const CONNECTIONS = ['billing', 'crm'];
const VERBS = ['select', 'update', 'drop_table'];
const OBJECTS = ['table:public.customers', 'table:billing.customers', 'view:public.totals', 'function:pay'];
const CODES = ['denied', 'limit'];
const WORDS = ['apples', 'pears', 'plums', 'ÄPFEL'];

/** One thing that happens; who is in a session is in the same one until it is ended. */
interface Step {
  readonly by: number;
  readonly verb: number;
  readonly objects: readonly number[];
  /** Refused for that reason; undefined: it ran. */
  readonly code: number | undefined;
  readonly rows: number | undefined;
  readonly word: number;
  readonly passed: number;
  readonly next: 'stay' | 'leave' | 'turned away';
}

const steps = (mayGoBack: boolean): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.record({
      by: fc.nat(IDENTITIES.length * CONNECTIONS.length - 1),
      verb: fc.nat(VERBS.length - 1),
      objects: fc.uniqueArray(fc.nat(OBJECTS.length - 1), { maxLength: 3 }),
      code: fc.option(fc.nat(CODES.length - 1), { nil: undefined, freq: 3 }),
      rows: fc.option(fc.nat(20), { nil: undefined, freq: 5 }),
      word: fc.nat(WORDS.length - 1),
      passed: mayGoBack ? fc.integer({ min: -DAY / 10, max: DAY / 8 }) : fc.integer({ min: 0, max: DAY / 8 }),
      next: fc.constantFrom('stay', 'stay', 'stay', 'leave', 'turned away'),
    }),
    { minLength: 150, maxLength: 250, size: 'max' },
  );

/** A command, as looking at everything sees it. */
interface Done {
  readonly sequence: number;
  readonly session: string | undefined;
  readonly identity: string;
  readonly connection: string;
  readonly verbs: readonly string[];
  readonly objects: readonly string[];
  readonly decision: string;
  readonly rows: number | null;
  readonly time: number;
  readonly text: string;
}

interface Sitting {
  readonly id: string;
  readonly identity: string;
  readonly connection: string;
  readonly opened: number;
  ended: boolean;
  commands: number;
}

/** Writes a log as the steps say, and tells what came to stand in it. */
const write = async (base: string, all: readonly Step[]): Promise<{ readonly folder: string; readonly keysFolder: string; readonly done: Done[]; readonly sittings: Sitting[] }> => {
  const [folder, keysFolder] = [join(base, 'evidence'), join(base, 'keys')];
  const at = { wall: START };
  const log = await openEvidenceLog({ folder, keysFolder, instance: 'gw', build: 'b', config: 'c', segmentBytes: 512 * 1024, clock: { wall: () => at.wall, monotonic: () => Math.floor(performance.now() * 1000) } });
  const done: Done[] = [];
  const sittings: Sitting[] = [];
  for (const [n, { by, verb: verbNumber, objects: touched, code, rows, word, passed, next }] of all.entries()) {
    at.wall += passed;
    const [identity, connection] = [IDENTITIES[by % IDENTITIES.length] as string, CONNECTIONS[Math.floor(by / IDENTITIES.length)] as string];
    if (next === 'turned away') {
      const { sequence } = log.append({ kind: 'refusal', code: 'not_granted', connection, identity });
      done.push({ sequence, session: undefined, identity, connection, verbs: [], objects: [], decision: 'not_granted', rows: null, time: at.wall, text: '' });
      continue;
    }
    let sitting = sittings.find((one) => !one.ended && one.identity === identity && one.connection === connection);
    if (!sitting) {
      sittings.push((sitting = { id: `session-${sittings.length}`, identity, connection, opened: at.wall, ended: false, commands: 0 }));
      const opening = sessionOpen(sitting.id) as Extract<EvidenceRecord, { kind: 'session_open' }>;
      log.append({ ...opening, connection, principal: { ...opening.principal, identity } });
    }
    const [session, verb, objects] = [sitting.id, VERBS[verbNumber] as string, touched.map((object) => OBJECTS[object] as string)];
    const command = (sitting.commands += 1);
    const text = `${verb} ${WORDS[word]} in step ${n % 40}`;
    const about = { connection, verb, effects: objects.map((object) => (object.startsWith('function:') ? { class: 'read' as const, verb: 'call', function: object.slice('function:'.length) } : { class: 'read' as const, verb, object })) };
    const refused = code !== undefined;
    const ticket = refused ? log.append({ kind: 'refusal', session, command, code: CODES[code] as string, ...about }, [statement(text, connection)]) : log.append({ ...intent(session, command), ...about }, [statement(text, connection)]);
    if (!refused && rows !== undefined) log.append({ ...outcome(session, command), outcome: { status: 'ok', tag: 'x', rowsReturned: rows } });
    done.push({ sequence: ticket.sequence, session, identity, connection, verbs: [verb, ...about.effects.map((effect) => effect.verb)], objects, decision: refused ? (CODES[code] as string) : 'allow', rows: refused ? null : (rows ?? null), time: at.wall, text });
    if (next === 'leave') {
      sitting.ended = true;
      log.append(sessionClose(session, command));
    }
    if (n % 50 !== 0) continue;
    assert.equal(await durable(log.append({ kind: 'progress', session, command, bytesUp: 1, bytesDown: 2 })), undefined);
    await log.prepare();
  }
  await log.close();
  return { folder, keysFolder, done, sittings };
};

const matches = (one: Done, { identity, connection, verb, object, decision, text, since, until, rows, before }: SearchFilters): boolean =>
  (identity === undefined || nameMatches(identity, one.identity)) &&
  (connection === undefined || nameMatches(connection, one.connection)) &&
  (verb === undefined || one.verbs.some((name) => nameMatches(verb, name))) &&
  (object === undefined || one.objects.some((name) => objectMatches(object, name))) &&
  (decision === undefined || decisionMatches(decision, one.decision)) &&
  (text === undefined || one.text.toLowerCase().includes(text.toLowerCase())) &&
  (since === undefined || one.time >= since) &&
  (until === undefined || one.time < until) &&
  (rows === undefined || rowsMatch(rows, one.rows)) &&
  (before === undefined || one.sequence < before);

const time = fc.integer({ min: 0, max: 12 * DAY }).map((passed) => START + passed);
const EVERY = {
  identity: fc.constantFrom(...IDENTITIES, 'billing-*', '*', 'nobody'),
  connection: fc.constantFrom(...CONNECTIONS, '*i*'),
  verb: fc.constantFrom(...VERBS, 'call', '*e*'),
  object: fc.constantFrom('customers', 'public.*', 'table:*', 'totals', 'function:pay', '*', 'orders'),
  decision: fc.constantFrom('allow', 'refused', ...CODES, '*'),
  text: fc.constantFrom('apples', 'äpfel', 'in step', 'in step 3', 'lect p', 'step 17', 'nowhere'),
  since: time,
  until: time,
  rows: fc.constantFrom('>10', '>=0', '<3', '= 7', '>100'),
  before: fc.integer({ min: 0, max: 600 }),
};
/** Mostly few filters at once: of many hardly anything is left to be missed. */
const filtersOf: fc.Arbitrary<SearchFilters> = fc
  .tuple(fc.record(EVERY), fc.subarray(Object.keys(EVERY), { minLength: 1, maxLength: 4 }))
  .map(([all, names]) => Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))) as SearchFilters)
  .filter(({ since, until }) => since === undefined || until === undefined || since < until);

const effortOf: fc.Arbitrary<Effort> = fc.record({ near: fc.constantFrom(1, 30, 50_000), unlisted: fc.nat(3), listed: fc.constantFrom(0, 20, 40_000) });
const sessionsEffortOf: fc.Arbitrary<SessionsEffort> = fc.record({ eachSession: fc.constantFrom(0, 1000), newest: fc.constantFrom(1, 3, 500), theirs: fc.constantFrom(1, 40, 20_000), texts: fc.constantFrom(1, 3, 8, 200), found: fc.constantFrom(0, 20, 10_000) });

for (const mayGoBack of [false, true]) {
  test(`in any log ${mayGoBack ? 'whose clock went back at times' : 'whose clock went on'}, whatever way is taken finds what looking at everything finds`, async () => {
    await fc.assert(
      fc.asyncProperty(steps(mayGoBack), async (all) => {
        const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-find-'));
        try {
          const { folder, keysFolder, done, sittings } = await write(base, all);
          const keys = KeysFolder.open(nodeDisk, keysFolder, false);
          const log = new LogIndex({ folder, indexes: join(base, 'search'), keys });
          while (log.step(97));
          const index = log.file;
          const parts = { keyOf: (id: string) => keys.forReading(id), filters: new OpenedFilters(16 * 1024 * 3) };
          const newestFirst = done.toReversed();
          fc.assert(
            fc.property(filtersOf, fc.integer({ min: 1, max: 30 }), effortOf, fc.constantFrom(0, 5, 2000), fc.constantFrom(0, 20, 50_000), (filters, limit, effort, rare, few) => {
              const expected = newestFirst.filter((one) => matches(one, filters)).map(({ sequence }) => sequence);
              assert.deepEqual(findCommands(index, filters, limit, parts, effort), expected.slice(0, limit));
              const { text: _, ...others } = filters;
              const conditions = conditionsOf(index, others);
              const all = newestFirst.filter((one) => matches(one, others)).map(({ sequence }) => sequence);
              if (!conditions) {
                assert.deepEqual(all, []);
                return;
              }
              const asked = { query: queryOf(index, conditions, rare, few), test: testOf(conditions), among: testOf(conditions, { sql: 'command.seq IN (SELECT seq FROM command)', values: [] }) };
              for (const [way, { sql, values }] of Object.entries(asked)) {
                const seqs = index.sql(`${way === 'query' ? sql : `SELECT seq FROM command WHERE ${sql}`} ORDER BY seq DESC`).all(...values) as { seq: number }[];
                assert.deepEqual(seqs.map(({ seq }) => seq), all, way);
              }
            }),
            { numRuns: 150 },
          );
          const sessionsOf = fc.record({ filters: filtersOf.filter(({ before }) => before === undefined), state: fc.constantFrom('all' as const, 'past' as const), before: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }), limit: fc.constantFrom(1, 2, 3, 9) });
          fc.assert(
            fc.property(sessionsOf, sessionsEffortOf, ({ filters, state, before, limit }, effort) => {
              const { identity, connection, since, until, ...ofCommands } = filters;
              const expected = sittings
                .filter((one) => (identity === undefined || nameMatches(identity, one.identity)) && (connection === undefined || nameMatches(connection, one.connection)) && (state === 'all' || one.ended))
                .filter((one) => (Object.keys(ofCommands).length === 0 ? (since === undefined || one.opened >= since) && (until === undefined || one.opened < until) : done.some((command) => command.session === one.id && matches(command, filters))))
                .filter((one) => before === undefined || sittings.indexOf(one) + 1 < before)
                .map(({ id }) => id)
                .reverse()
                .slice(0, limit);
              const asked: SessionsAsked = { filters, state, limit, ...(before === undefined ? {} : { before }) };
              assert.deepEqual(listSessionsOf(index, asked, parts, effort).map(({ session }) => session), expected);
            }),
            { numRuns: 150 },
          );
          assert.ok(parts.filters.size <= 3, 'no more is kept than may be');
          log.close();
        } finally {
          fs.rmSync(base, { recursive: true, force: true });
        }
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });
}
