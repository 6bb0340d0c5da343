import type { KeysFolder } from '../keys.ts';
import type { EvidenceRecord } from '../log.ts';
import type { Leaf } from '../read.ts';
import type { IndexFile } from './index-file.ts';
import { Ledger } from './ledger.ts';
import { BLOCK_BYTES, BLOCK_TEXTS, BlockSeal, folded, type TextBlock } from './texts.ts';

/** Where a leaf stands, and where the sealed frames of its write begin. */
export interface Place {
  readonly segment: number;
  readonly position: number;
  readonly bodies: number | undefined;
}

type Intent = Extract<EvidenceRecord, { kind: 'intent' }>;
type Refusal = Extract<EvidenceRecord, { kind: 'refusal' }>;
type NameKind = 'identity' | 'connection' | 'verb' | 'word' | 'decision' | 'object';

/** What a search sees of a command, in the words of its own record. */
export const wordsOf = (record: Intent | Refusal): { readonly verbs: readonly string[]; readonly decision: string; readonly objects: readonly string[] } => {
  // Its own (drop_table) and those of its effects (drop). At most 64 of them.
  const verbs = record.verb === undefined ? [] : [record.verb];
  const objects: string[] = [];
  for (const { verb, object, function: called } of record.effects ?? []) {
    once(verbs, verb);
    if (object !== undefined) once(objects, object);
    if (called !== undefined) once(objects, `function:${called}`);
  }
  return { verbs, decision: record.kind === 'intent' ? record.decision.effect : record.code, objects };
};

const once = (list: string[], text: string): void => {
  if (!list.includes(text)) list.push(text);
};

/** Rows that a command returned or changed, whichever is more. */
export const rowsOf = (record: EvidenceRecord): number | null => {
  if (record.kind !== 'outcome') return null;
  const { rowsReturned, rowsAffected } = record.outcome;
  return rowsReturned === undefined && rowsAffected === undefined ? null : Math.max(rowsReturned ?? 0, rowsAffected ?? 0);
};

interface Known {
  readonly id: number;
  readonly identity: number;
}

/** A row of `command`. */
interface CommandRow {
  readonly seq: number;
  readonly time: number;
  readonly session: number | null;
  readonly number: number | null;
  readonly identity: number | null;
  readonly connection: number | null;
  readonly verb: number | null;
  readonly decision: number;
  readonly segment: number;
  readonly position: number;
  readonly bodies: number | null;
  rows: number | null;
  outcome: number | null;
  outcomeSegment: number | null;
  outcomePosition: number | null;
}

/** Turns records into rows, and keeps their texts, sealed. Used within one transaction. */
export class Rows {
  readonly #index: IndexFile;
  readonly #keys: KeysFolder | undefined;
  readonly #names = new Map<NameKind, Map<string, number>>();
  readonly #texts = new Map<string, TextBlock>();
  readonly #ledger: Ledger;
  /** Sessions of this transaction, by name. */
  readonly #sessions = new Map<string, Known>();
  /** Commands of this transaction, in order, and those among them that have no outcome yet: most get theirs before it ends, and are written once. */
  readonly #commands: CommandRow[] = [];
  readonly #open = new Map<string, CommandRow>();
  #newest: number;
  #disorder: boolean;
  #timeText = '';
  #time = Number.NaN;

  constructor(index: IndexFile, keys: KeysFolder | undefined) {
    this.#index = index;
    this.#keys = keys;
    this.#ledger = new Ledger(index);
    this.#newest = Number(index.get('newest') ?? 0);
    this.#disorder = index.get('disorder') === 1;
  }

  add(leaf: Leaf, place: Place, textOf: () => { readonly key: string; readonly text: string } | undefined): void {
    const time = this.#timeOf(leaf);
    if (time < this.#newest) this.#disorder = true;
    else this.#newest = time;
    const { record } = leaf;
    this.#ledger.deed(leaf, time, place);
    switch (record.kind) {
      case 'session_open':
        this.#opened(record, time, place);
        return;
      case 'session_close':
        this.#ledger.ended(record.session, 'closed', time, place);
        return;
      case 'intent':
      case 'refusal':
        this.#command(leaf, record, time, place, textOf());
        return;
      case 'outcome':
      case 'recovery':
        if (record.kind === 'recovery' && record.what === 'session_lost' && record.session !== undefined) this.#ledger.ended(record.session, 'lost', time, place);
        this.#outcome(leaf, place);
        return;
      case 'purge':
        for (const id of record.keys) this.#forget(id);
        return;
      default:
    }
  }

  /** Milliseconds since the epoch. Records of one write mostly share the text. */
  #timeOf({ time }: Leaf): number {
    if (time !== this.#timeText) {
      this.#timeText = time;
      this.#time = Date.parse(time);
    }
    return this.#time;
  }

  /** Writes what was gathered. */
  save(): void {
    this.#writeCommands();
    for (const [key, { sequences, texts }] of this.#texts) this.#appendTexts(key, sequences, texts);
    this.#texts.clear();
    this.#ledger.save();
    this.#index.set('newest', this.#newest);
    this.#index.set('disorder', this.#disorder ? 1 : 0);
  }

  #opened(record: Extract<EvidenceRecord, { kind: 'session_open' }>, time: number, { segment, position }: Place): void {
    const identity = this.#name('identity', record.principal.identity);
    const { changes } = this.#index.sql('INSERT INTO session (text, identity, segment, position) VALUES (?, ?, ?, ?) ON CONFLICT (text) DO NOTHING').run(record.session, identity, segment, position);
    if (changes === 0) return;
    const { id } = this.#index.sql('SELECT id FROM session WHERE text = ?').get(record.session) as { id: number };
    this.#ledger.opened(id, identity, this.#name('connection', record.connection), record, time);
  }

  #command(leaf: Leaf, record: Intent | Refusal, time: number, { segment, position, bodies }: Place, text: { readonly key: string; readonly text: string } | undefined): void {
    const session = record.session === undefined ? undefined : this.#session(record.session);
    const identity = session?.identity ?? (record.kind === 'refusal' && record.identity !== undefined ? this.#name('identity', record.identity) : null);
    const { verbs, decision, objects } = wordsOf(record);
    const verbSet = verbs.length === 0 ? null : this.#name('verb', verbs.length === 1 ? (verbs[0] as string) : verbs.toSorted().join(' '));
    const connection = record.connection === undefined ? null : this.#name('connection', record.connection);
    this.#ledger.command({
      time,
      session: session?.id,
      identity: identity ?? 0,
      connection: connection ?? 0,
      verb: record.verb === undefined ? 0 : this.#name('word', record.verb),
      verbs: verbSet ?? 0,
      decision: this.#name('decision', decision),
      refused: record.kind === 'refusal',
      count: record.kind === 'refusal' ? Math.max(1, record.count ?? 1) : 1,
    });
    const row: CommandRow = {
      seq: leaf.seq,
      time,
      session: session?.id ?? null,
      number: record.command ?? null,
      identity,
      connection,
      verb: verbSet,
      decision: this.#name('decision', decision),
      segment,
      position,
      bodies: leaf.bodies ? (bodies ?? null) : null,
      rows: null,
      outcome: null,
      outcomeSegment: null,
      outcomePosition: null,
    };
    this.#commands.push(row);
    for (const object of objects) this.#index.sql('INSERT INTO object (object, seq) VALUES (?, ?) ON CONFLICT DO NOTHING').run(this.#name('object', object), leaf.seq);
    if (record.kind === 'intent' && session) this.#open.set(`${record.session} ${record.command}`, row);
    if (!text) return;
    let block = this.#texts.get(text.key);
    if (!block) this.#texts.set(text.key, (block = { sequences: [], texts: [] }));
    block.sequences.push(leaf.seq);
    block.texts.push(folded(text.text));
  }

  #outcome({ seq, record }: Leaf, { segment, position }: Place): void {
    if (record.kind !== 'outcome' && !(record.kind === 'recovery' && record.what === 'indeterminate')) return;
    if (record.session === undefined || record.command === undefined) return;
    const name = `${record.session} ${record.command}`;
    const row = this.#open.get(name);
    if (row) {
      this.#open.delete(name);
      row.rows = rowsOf(record);
      row.outcome = seq;
      row.outcomeSegment = segment;
      row.outcomePosition = position;
      return;
    }
    const found = this.#index.sql('SELECT pending.session AS session, seq FROM pending JOIN session ON session.id = pending.session WHERE session.text = ? AND number = ?').get(record.session, record.command);
    if (!found) return;
    this.#index.sql('DELETE FROM pending WHERE session = ? AND number = ?').run(found['session'] as number, record.command);
    this.#index.sql('UPDATE command SET rows = ?, outcome = ?, outcome_segment = ?, outcome_position = ? WHERE seq = ?').run(rowsOf(record), seq, segment, position, found['seq'] as number);
  }

  #session(text: string): Known | undefined {
    let known = this.#sessions.get(text);
    if (!known) {
      known = this.#index.sql('SELECT id, identity FROM session WHERE text = ?').get(text) as Known | undefined;
      if (known) this.#sessions.set(text, known);
    }
    return known;
  }

  #writeCommands(): void {
    const command = this.#index.sql(
      'INSERT INTO command (seq, time, session, number, identity, connection, verb, decision, segment, position, bodies, rows, outcome, outcome_segment, outcome_position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    for (const one of this.#commands) {
      const { seq, time, session, number, identity, connection, verb, decision, segment, position, bodies, rows, outcome, outcomeSegment, outcomePosition } = one;
      command.run(seq, time, session, number, identity, connection, verb, decision, segment, position, bodies, rows, outcome, outcomeSegment, outcomePosition);
    }
    const pending = this.#index.sql('INSERT INTO pending (session, number, seq) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq');
    for (const { session, number, seq } of this.#open.values()) pending.run(session, number, seq);
    this.#commands.length = 0;
    this.#open.clear();
  }

  /** A key was destroyed: what it sealed goes from here as well, for good once the file was vacuumed. */
  #forget(key: string): void {
    this.#texts.delete(key);
    this.#keys?.forget(key);
    if (this.#index.sql('DELETE FROM text WHERE key = ?').run(key).changes > 0) this.#index.set('vacuum', 1);
  }

  #name(kind: NameKind, text: string): number {
    let names = this.#names.get(kind);
    if (!names) this.#names.set(kind, (names = new Map<string, number>()));
    let id = names.get(text);
    if (id === undefined) {
      this.#index.sql('INSERT INTO name (kind, text) VALUES (?, ?) ON CONFLICT (kind, text) DO NOTHING').run(kind, text);
      id = this.#index.sql('SELECT id FROM name WHERE kind = ? AND text = ?').get(kind, text)?.['id'] as number;
      names.set(text, id);
    }
    return id;
  }

  /** Adds texts to the last block of a key while it has room, then to new ones. */
  #appendTexts(key: string, sequences: readonly number[], texts: readonly string[]): void {
    const secret = this.#keys?.forReading(key);
    if (!secret) return;
    const seal = new BlockSeal(secret, key);
    const last = this.#index.sql('SELECT id, count, texts FROM text WHERE key = ? ORDER BY id DESC LIMIT 1').get(key) as { id: number; count: number; texts: Uint8Array } | undefined;
    let block: TextBlock = { sequences: [], texts: [] };
    let replaces: number | undefined;
    if (last && last.count < BLOCK_TEXTS) {
      block = seal.open(last.texts);
      replaces = last.id;
    }
    let bytes = block.texts.reduce((sum, text) => sum + text.length, 0);
    const write = (): void => {
      if (block.texts.length === 0) return;
      const sealed = seal.seal(block);
      const range = [block.sequences[0] as number, block.sequences.at(-1) as number] as const;
      if (replaces === undefined) this.#index.sql('INSERT INTO text (key, first, last, count, filter, texts) VALUES (?, ?, ?, ?, ?, ?)').run(key, ...range, block.texts.length, sealed.filter, sealed.texts);
      else this.#index.sql('UPDATE text SET first = ?, last = ?, count = ?, filter = ?, texts = ? WHERE id = ?').run(...range, block.texts.length, sealed.filter, sealed.texts, replaces);
      replaces = undefined;
      block = { sequences: [], texts: [] };
      bytes = 0;
    };
    sequences.forEach((sequence, i) => {
      const text = texts[i] as string;
      if (block.texts.length >= BLOCK_TEXTS || (block.texts.length > 0 && bytes + text.length > BLOCK_BYTES)) write();
      block.sequences.push(sequence);
      block.texts.push(text);
      bytes += text.length;
    });
    write();
  }
}
