import type pg from 'pg';
import { say, type Wire } from './wire.ts';

/** One command as it was sent, and how it shows in a trace of system calls. */
export interface Sent {
  /** What the command is, for messages. */
  readonly what: string;
  /** What stands in the message to the target, and in nothing else. */
  readonly text: string;
  /** What stands in its answer, as strace shows it; where it is not the text, others may have the same. */
  readonly answer: string;
  /** What commits it: the message itself, the Sync behind it, an Execute of that portal, CopyDone, a COMMIT of the gateway's, or nothing of its own. */
  readonly commits: 'message' | 'sync' | 'copyDone' | 'guard' | { readonly execute: string } | undefined;
}

/** Marks that are in one command each. */
class Marks {
  readonly #mode: string;
  readonly sent: Sent[] = [];

  constructor(mode: string) {
    this.#mode = mode;
  }

  take(what: string, commits: Sent['commits'] | ((mark: string) => Sent['commits']), answer?: string): string {
    const mark = `${this.#mode}${this.sent.length + 1}mark`;
    this.sent.push({ what, text: mark, answer: answer ?? mark, commits: typeof commits === 'function' ? commits(mark) : commits });
    return mark;
  }
}

/** What drivers send: one command after the other. */
export const sendAsDriver = async (mode: string, client: pg.Client, rounds: number): Promise<Sent[]> => {
  const marks = new Marks(`${mode}d`);
  for (let round = 0; round < rounds; round += 1) {
    let mark = marks.take('INSERT', 'message');
    await client.query(`INSERT INTO audit VALUES (${round}, '${mark}') RETURNING note`);
    mark = marks.take('SELECT', undefined);
    await client.query(`SELECT '${mark}' AS note`);
    mark = marks.take('INSERT, extended', 'sync');
    await client.query('INSERT INTO audit VALUES ($1, $2) RETURNING note', ['7', mark]);
    mark = marks.take('SELECT, extended', undefined);
    await client.query('SELECT name, $1::text FROM customers WHERE id = 1', [mark]);
    mark = marks.take('UPDATE, extended', 'sync');
    await client.query(`UPDATE audit SET note = '${mark}' WHERE id = $1 RETURNING note`, ['1']);
    mark = marks.take('BEGIN', undefined, 'BEGIN\\0');
    await client.query(`BEGIN /* ${mark} */`);
    mark = marks.take('INSERT in a block', undefined);
    await client.query(`INSERT INTO audit VALUES (${round}, '${mark}') RETURNING note`);
    mark = marks.take('UPDATE in a block, extended', undefined);
    await client.query('UPDATE audit SET note = $1 WHERE id = 1 RETURNING note', [mark]);
    mark = marks.take('COMMIT', 'message', 'COMMIT\\0');
    await client.query(`COMMIT /* ${mark} */`);
  }
  return marks.sent;
};

/** What somebody sends whose rows are limited: it runs in a transaction of the gateway's own, or behind a savepoint. */
export const sendGuarded = async (mode: string, wire: Wire, rounds: number): Promise<Sent[]> => {
  const marks = new Marks(`${mode}g`);
  for (let round = 0; round < rounds; round += 1) {
    let mark = marks.take('UPDATE of limited rows', 'guard');
    await wire.query(`UPDATE few SET note = '${mark}' WHERE id = 1 RETURNING note`);
    mark = marks.take('UPDATE of limited rows, extended', 'guard');
    wire.send(say.parse('', 'UPDATE few SET note = $1 WHERE id = 2 RETURNING note'), say.bind('', '', [], [Buffer.from(mark)]), say.execute(''), say.sync);
    await wire.until('ReadyForQuery');
    mark = marks.take('INSERT of rows that are not counted before', 'guard');
    await wire.query(`INSERT INTO few SELECT 10, '${mark}' RETURNING note`);
    mark = marks.take('BEGIN', undefined, 'BEGIN\\0');
    await wire.query(`BEGIN /* ${mark} */`);
    mark = marks.take('UPDATE of limited rows in a block', undefined);
    await wire.query(`UPDATE few SET note = '${mark}' WHERE id = 1 RETURNING note`);
    mark = marks.take('COMMIT', 'message', 'COMMIT\\0');
    await wire.query(`COMMIT /* ${mark} */`);
  }
  return marks.sent;
};

/** Procedures that `sendAsWire` calls, and the table of `sendGuarded`. */
export const OBJECTS = `
CREATE TABLE few(id int, note text); INSERT INTO few VALUES (1, 'n'), (2, 'n'); GRANT ALL ON few TO app;
CREATE PROCEDURE note(text) LANGUAGE sql AS 'INSERT INTO audit VALUES (3, $1)';
CREATE PROCEDURE note_and_commit(text) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (3, $1); COMMIT; INSERT INTO audit VALUES (4, $1); END $$;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO app;`;

/** What few drivers send: COPY, procedures, an Execute that commits, pipelines. */
export const sendAsWire = async (mode: string, wire: Wire, rounds: number): Promise<Sent[]> => {
  const marks = new Marks(`${mode}w`);
  const value = (text: string): Buffer => Buffer.from(text);
  /** Parse, Bind, Execute of an INSERT that answers with its mark. */
  const insert = (mark: string): Buffer =>
    Buffer.concat([say.parse('', 'INSERT INTO audit VALUES (5, $1) RETURNING note'), say.bind('', '', [], [value(mark)]), say.execute('')]);
  const commitBy = (mark: string): Buffer => Buffer.concat([say.parse('', `COMMIT /* ${mark} */`), say.bind(mark, '', [], []), say.execute(mark)]);
  for (let round = 0; round < rounds; round += 1) {
    let mark = marks.take('COPY FROM STDIN', 'copyDone', 'COPY 2\\0');
    wire.send(say.query(`COPY audit (id, note) FROM STDIN WHERE note <> '${mark}'`));
    await wire.until('CopyInResponse');
    wire.send(say.copyData(value('8\tone\n')), say.copyData(value('8\ttwo\n')));
    wire.send(say.copyDone);
    await wire.until('ReadyForQuery');

    mark = marks.take('COPY FROM STDIN, extended', 'copyDone', 'COPY 1\\0');
    wire.send(say.parse('', `COPY audit (id, note) FROM STDIN WHERE note <> '${mark}'`), say.bind('', '', [], []), say.execute(''), say.sync);
    await wire.until('CopyInResponse');
    wire.send(say.copyData(value('8\tthree\n')), say.copyDone, say.sync);
    await wire.until('ReadyForQuery');

    mark = marks.take('COPY TO STDOUT', undefined);
    await wire.query(`COPY (SELECT '${mark}') TO STDOUT`);
    mark = marks.take('an error', undefined);
    await wire.query(`SELECT '${mark}'::int`);

    mark = marks.take('CALL', 'message', 'CALL\\0');
    await wire.query(`CALL note('${mark}')`);
    mark = marks.take('CALL of what commits by itself', 'message', 'CALL\\0');
    await wire.query(`CALL note_and_commit('${mark}')`);
    mark = marks.take('DO', 'message', 'DO\\0');
    await wire.query(`DO $$ BEGIN INSERT INTO audit VALUES (6, '${mark}'); END $$`);
    mark = marks.take('DO that commits by itself', 'message', 'DO\\0');
    await wire.query(`DO $$ BEGIN INSERT INTO audit VALUES (6, '${mark}'); COMMIT; END $$`);
    mark = marks.take('CALL, extended', (own) => ({ execute: own }), 'CALL\\0');
    wire.send(say.parse('', 'CALL note_and_commit($1)'), say.bind(mark, '', [], [value(mark)]), say.execute(mark), say.sync);
    await wire.until('ReadyForQuery');

    await wire.query('BEGIN');
    mark = marks.take('Execute of COMMIT', (own) => ({ execute: own }), 'COMMIT\\0');
    wire.send(commitBy(mark), say.sync);
    await wire.until('ReadyForQuery');

    mark = marks.take('a series that commits', 'message');
    await wire.query(`BEGIN; INSERT INTO audit VALUES (9, '${mark}') RETURNING note; COMMIT`);

    // Pipelines: nothing is waited for in between.
    wire.send(insert(marks.take('first of a pipeline', 'sync')), insert(marks.take('second of a pipeline', 'sync')), insert(marks.take('third of a pipeline', 'sync')), say.sync);
    await wire.until('ReadyForQuery');
    wire.send(insert(marks.take('first of two transactions in a row', 'sync')), say.sync, insert(marks.take('second of two transactions in a row', 'sync')), say.sync);
    await wire.until('ReadyForQuery', 2);
    const inBlock = marks.take('INSERT of a pipelined block', undefined);
    mark = marks.take('Execute of COMMIT in a pipeline', (own) => ({ execute: own }), 'COMMIT\\0');
    wire.send(say.parse('', 'BEGIN'), say.bind('', '', [], []), say.execute(''), insert(inBlock), commitBy(mark), insert(marks.take('INSERT behind a pipelined COMMIT', 'sync')), say.sync);
    await wire.until('ReadyForQuery');
    const [one, two] = [marks.take('first of two Queries in a row', 'message'), marks.take('second of two Queries in a row', 'message')];
    wire.send(say.query(`INSERT INTO audit VALUES (9, '${one}') RETURNING note`), say.query(`INSERT INTO audit VALUES (9, '${two}') RETURNING note`));
    await wire.until('ReadyForQuery', 2);
  }
  return marks.sent;
};
