/* What the orders of messages are made of: statements of every kind, each known by a mark of its own. */

/** Who plays: everything is granted; reading only; with masks; with a limit on rows. */
export const PLAYERS = ['writer', 'reader', 'migrator', 'stranger'] as const;
export type Player = (typeof PLAYERS)[number];

export interface Statement {
  readonly sql: string;
  /** Who is refused it, by policy or by a mask, as soon as it is understood. */
  readonly refused: readonly Player[];
  /** A server says this of it only when it is bound, as the gateway does of what a mask refuses. Default: when it is parsed. */
  readonly instead?: string;
  /** The grammar does not have it. */
  readonly broken: boolean;
  /** It asks for rows of the client. */
  readonly copyIn: boolean;
  /** Values that fit its parameters. */
  readonly values: readonly string[];
}

const statement = (sql: string, more: Partial<Omit<Statement, 'sql'>> = {}): Statement => ({ sql, refused: [], broken: false, copyIn: false, values: [], ...more });
const write = (sql: string): Statement => statement(sql, { refused: ['reader'] });
const copyIn = (sql: string): Statement => statement(sql, { refused: ['reader'], copyIn: true });

export const PLAIN: readonly Statement[] = [
  statement("SELECT 'x'::text AS a"),
  statement('SELECT 1 AS one'),
  statement('SELECT id, v FROM t ORDER BY id'),
  statement('SELECT g FROM generate_series(1, 3) g'),
  statement('SELECT id, 10 / (3 - id) AS d FROM t ORDER BY id'),
  statement('SELECT 1/0'),
  statement('SELECT pg_sleep(0.01) IS NULL AS slept'),
  statement('SELECT $1::text AS p, $2::int AS n', { values: ['x', '7'] }),
  statement('SELECT v FROM t WHERE id = $1', { values: ['2'] }),
  statement('VALUES (1), (2)'),
  statement('SHOW TimeZone'),
  statement('COPY t TO STDOUT'),
  statement("COPY (SELECT 1, 'b') TO STDOUT (FORMAT csv)"),
];

export const TRANSACTIONS: readonly Statement[] = ['BEGIN', 'BEGIN READ ONLY', 'COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN', 'SAVEPOINT a', 'ROLLBACK TO a', 'RELEASE a'].map((sql) => statement(sql));

export const NAMED: readonly Statement[] = [
  statement("PREPARE s1 AS SELECT 'prepared' AS w"),
  statement('PREPARE s2(int) AS SELECT v FROM t WHERE id = $1'),
  statement('EXECUTE s1'),
  statement('EXECUTE s2(1)'),
  statement('DEALLOCATE s1'),
  statement('DEALLOCATE ALL'),
  statement('DECLARE p1 CURSOR FOR SELECT g FROM generate_series(1, 3) g'),
  statement('DECLARE p2 CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id'),
  statement('FETCH 2 FROM p1'),
  statement('FETCH ALL FROM p2'),
  statement('MOVE 1 IN p1'),
  statement('CLOSE p1'),
  statement('CLOSE ALL'),
];

export const SETTINGS: readonly Statement[] = ["SET TimeZone = 'Asia/Tokyo'", "SET LOCAL TimeZone = 'UTC'", 'RESET TimeZone', 'RESET ALL', 'DISCARD PLANS', 'DISCARD ALL', 'SET search_path = public', "SET statement_timeout = '5s'"].map((sql) => statement(sql));

export const WRITES: readonly Statement[] = [
  write("INSERT INTO t VALUES (7, 'seven')"),
  statement('INSERT INTO t VALUES ($1, $2)', { refused: ['reader'], values: ['8', 'eight'] }),
  write("UPDATE t SET v = 'new' WHERE id = 1 RETURNING id, v"),
  write('DELETE FROM t WHERE id = 2'),
  copyIn('COPY t FROM STDIN'),
  copyIn('COPY t FROM STDIN (FORMAT csv)'),
  copyIn('COPY t(v) FROM STDIN'),
];

export const BROKEN: readonly Statement[] = [
  statement('SELEC 1', { broken: true }),
  statement("SELECT 'no end", { broken: true }),
  statement('SELECT nothing'),
  statement('SELECT * FROM missing'),
  statement('EXECUTE nobody'),
  statement('FETCH 1 FROM nobody'),
  statement(''),
  statement('/* only a comment */'),
];

/** Refused to everybody. */
export const REFUSED: readonly Statement[] = ['SELECT * FROM forbidden', 'DELETE FROM forbidden', 'COPY forbidden TO STDOUT', 'COPY forbidden FROM STDIN', 'SELECT 1 AS a, id FROM forbidden WHERE id = 1', 'PREPARE s1 AS SELECT id FROM forbidden', 'DECLARE p1 CURSOR FOR SELECT id FROM forbidden'].map((sql) => statement(sql, { refused: PLAYERS }));

/** Where masks are in force, some are refused and some are answered with masked values. */
export const PROTECTED: readonly Statement[] = [
  statement('SELECT id, ssn, mail FROM people ORDER BY id'),
  statement('SELECT mail, ssn FROM people WHERE id = 1'),
  statement("SELECT id FROM people WHERE mail LIKE 'ada%'"),
  statement("SELECT id FROM people WHERE ssn LIKE 'ssn%'", { refused: ['migrator'], instead: 'SELECT id FROM people WHERE 1/0 = 1' }),
  statement('SELECT length(ssn) AS n FROM people', { refused: ['migrator'], instead: 'SELECT 1/0 AS n' }),
  statement('COPY people TO STDOUT', { refused: ['migrator'], instead: 'COPY people TO STDOUT' }),
  statement('DECLARE p1 CURSOR FOR SELECT id, ssn FROM people ORDER BY id'),
  statement('PREPARE s1 AS SELECT ssn FROM people ORDER BY id'),
  statement('SELECT id, upper(ssn) AS u FROM people ORDER BY id'),
  statement('DECLARE p1 CURSOR FOR SELECT upper(ssn) AS u FROM people'),
  statement('PREPARE s1 AS SELECT upper(ssn) AS u FROM people'),
  copyIn('COPY people FROM STDIN'),
];
