import type { EvidenceRecord } from '../log.ts';
import type { Leaf } from '../read.ts';
import type { IndexFile } from './index-file.ts';
import type { Place } from './rows.ts';

/**
 * What pages ask for again and again, kept as sums: how each session stands, which kinds of commands it had, what happened in each hour,
 * who used what on which day, and where the records are that tell of people. Asked for, it is a few rows; counted from the commands it would be a million.
 */
export const LEDGER_SCHEMA = `
CREATE TABLE standing (
  session INTEGER PRIMARY KEY, identity INTEGER NOT NULL, connection INTEGER NOT NULL, protocol TEXT NOT NULL, peer TEXT NOT NULL, opened INTEGER NOT NULL,
  state TEXT NOT NULL, closed INTEGER, closed_segment INTEGER, closed_position INTEGER, commands INTEGER NOT NULL, refused INTEGER NOT NULL, last INTEGER
) STRICT;
CREATE INDEX standing_identity ON standing (identity);
CREATE INDEX standing_connection ON standing (connection);
CREATE INDEX standing_opened ON standing (opened);
CREATE INDEX standing_refused ON standing (session) WHERE refused > 0;
CREATE TABLE manner (session INTEGER NOT NULL, verb INTEGER NOT NULL, decision INTEGER NOT NULL, PRIMARY KEY (session, verb, decision)) STRICT, WITHOUT ROWID;
CREATE INDEX manner_verb ON manner (verb, decision, session);
CREATE TABLE hourly (
  hour INTEGER NOT NULL, identity INTEGER NOT NULL, connection INTEGER NOT NULL, decision INTEGER NOT NULL, count INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (hour, identity, connection, decision)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily (
  identity INTEGER NOT NULL, connection INTEGER NOT NULL, day INTEGER NOT NULL, verb INTEGER NOT NULL, allowed INTEGER NOT NULL, refused INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (identity, connection, day, verb)
) STRICT, WITHOUT ROWID;
CREATE INDEX daily_connection ON daily (connection, day);
CREATE TABLE deed (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, segment INTEGER NOT NULL, position INTEGER NOT NULL, bodies INTEGER) STRICT;
CREATE INDEX deed_kind ON deed (kind);
CREATE INDEX object_seq ON object (seq);
CREATE INDEX command_session ON command (session, number);`;

export const LEDGER_TABLES = ['standing', 'manner', 'hourly', 'daily', 'deed'] as const;

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Records that tell what people did, or what was put in force. */
const DEEDS: ReadonlySet<string> = new Set(['config_change', 'instance', 'access', 'control', 'approval', 'hold', 'purge', 'revocation']);

/** One command as the sums see it; ids of names, 0 for none. */
export interface Counted {
  readonly time: number;
  readonly session: number | undefined;
  readonly identity: number;
  readonly connection: number;
  readonly verb: number;
  /** All its verbs, as one name. */
  readonly verbs: number;
  readonly decision: number;
  readonly refused: boolean;
  readonly count: number;
}

interface Sum {
  count: number;
  refused: number;
  last: number;
}

/** Gathers within one transaction and writes at its end: a busy hour is one row, not one write for each command. */
export class Ledger {
  readonly #index: IndexFile;
  readonly #sessions = new Map<number, Sum>();
  readonly #manners = new Set<string>();
  readonly #hours = new Map<string, Sum>();
  readonly #days = new Map<string, Sum>();

  constructor(index: IndexFile) {
    this.#index = index;
  }

  opened(session: number, identity: number, connection: number, record: Extract<EvidenceRecord, { kind: 'session_open' }>, time: number): void {
    this.#index
      .sql(`INSERT INTO standing (session, identity, connection, protocol, peer, opened, state, commands, refused) VALUES (?, ?, ?, ?, ?, ?, 'open', 0, 0) ON CONFLICT DO NOTHING`)
      .run(session, identity, connection, record.protocol, record.peer.address, time);
  }

  ended(session: string, state: 'closed' | 'lost', time: number, { segment, position }: Place): void {
    this.#index
      .sql('UPDATE standing SET state = ?, closed = ?, closed_segment = ?, closed_position = ? WHERE session = (SELECT id FROM session WHERE text = ?)')
      .run(state, time, segment, position, session);
  }

  command({ time, session, identity, connection, verb, verbs, decision, refused, count }: Counted): void {
    if (session !== undefined) {
      add(this.#sessions, session, time, count, refused);
      this.#manners.add(`${session},${verbs},${decision}`);
    }
    add(this.#hours, `${Math.floor(time / HOUR_MS)},${identity},${connection},${decision}`, time, count, refused);
    add(this.#days, `${identity},${connection},${Math.floor(time / DAY_MS)},${verb}`, time, count, refused);
  }

  deed({ seq, record }: Leaf, time: number, { segment, position, bodies }: Place): void {
    if (!DEEDS.has(record.kind)) return;
    this.#index.sql('INSERT INTO deed (seq, time, kind, segment, position, bodies) VALUES (?, ?, ?, ?, ?, ?)').run(seq, time, record.kind, segment, position, bodies ?? null);
  }

  save(): void {
    const session = this.#index.sql('UPDATE standing SET commands = commands + ?, refused = refused + ?, last = max(coalesce(last, 0), ?) WHERE session = ?');
    for (const [id, { count, refused, last }] of this.#sessions) session.run(count - refused, refused, last, id);
    const manner = this.#index.sql('INSERT INTO manner (session, verb, decision) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
    for (const key of this.#manners) manner.run(...numbers(key));
    const hour = this.#index.sql('INSERT INTO hourly (hour, identity, connection, decision, count, last) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count, last = max(last, excluded.last)');
    for (const [key, { count, last }] of this.#hours) hour.run(...numbers(key), count, last);
    const day = this.#index.sql(
      'INSERT INTO daily (identity, connection, day, verb, allowed, refused, last) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET allowed = allowed + excluded.allowed, refused = refused + excluded.refused, last = max(last, excluded.last)',
    );
    for (const [key, { count, refused, last }] of this.#days) day.run(...numbers(key), count - refused, refused, last);
    for (const gathered of [this.#sessions, this.#manners, this.#hours, this.#days]) gathered.clear();
  }
}

const numbers = (key: string): number[] => key.split(',').map(Number);

const add = <K>(sums: Map<K, Sum>, key: K, time: number, count: number, refused: boolean): void => {
  let sum = sums.get(key);
  if (!sum) sums.set(key, (sum = { count: 0, refused: 0, last: 0 }));
  sum.count += count;
  if (refused) sum.refused += count;
  sum.last = Math.max(sum.last, time);
};
