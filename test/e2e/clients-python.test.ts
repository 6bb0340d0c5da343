import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { python } from '../kit/clients.ts';
import { skipUnless } from '../kit/present.ts';
import { startScene, type Role, type Scene } from './scene.ts';
import { stopAndVerify } from './whole-evidence.ts';

let scene: Scene;
before(async () => {
  scene = await startScene();
});
after(() => scene[Symbol.asyncDispose]());

const run = async (role: Role, script: string): Promise<string[]> => {
  const ran = await python(script, await scene.env(role));
  assert.equal(ran.stderr, '');
  return ran.stdout.trim().split('\n');
};

const psycopg = { skip: skipUnless('psycopg') };

test('psycopg 3: transactions, refusals, server-side cursors, binary', psycopg, async () => {
  const said = await run('writer', `
import psycopg
from psycopg.rows import dict_row
with psycopg.connect("", row_factory=dict_row) as c:
    print(c.execute("SELECT name FROM customers WHERE id = %s", (1,)).fetchone())
    c.commit()
    try:
        with c.transaction():
            c.execute("INSERT INTO audit VALUES (40, 'gone')")
            c.execute("DROP TABLE audit")
    except psycopg.errors.InsufficientPrivilege as e:
        print(e.sqlstate, e.diag.message_detail[:18])
    with c.transaction():
        c.execute("INSERT INTO audit VALUES (41, 'stays')")
        try:
            with c.transaction():
                c.execute("DROP TABLE audit")
        except psycopg.errors.InsufficientPrivilege:
            pass
        c.execute("INSERT INTO audit VALUES (42, 'stays')")
    print([r["id"] for r in c.execute("SELECT id FROM audit WHERE id >= 40 ORDER BY id")])
    with c.transaction(), c.cursor(name="server_side") as cur:
        cur.itersize = 100
        cur.execute("SELECT g FROM generate_series(1, 1000) g")
        print(sum(r["g"] for r in cur))
    with c.transaction(), c.cursor(binary=True) as cur:
        print(cur.execute("SELECT 1.5::float8 AS f, '\\\\x00ff'::bytea AS b, ARRAY[1,2] AS a, 12.34::numeric AS n").fetchone())
`);
  assert.deepEqual(said, ["{'name': 'Ada'}", '42501 wicketgate session', '[41, 42]', '500500', "{'f': 1.5, 'b': b'\\x00\\xff', 'a': [1, 2], 'n': Decimal('12.34')}"]);
});

test('psycopg 3: prepared statements by threshold, and forgotten ones', psycopg, async () => {
  const said = await run('writer', `
import psycopg
with psycopg.connect("", autocommit=True) as c:
    c.prepare_threshold = 0
    c.prepared_max = 3
    for n in range(20):
        assert c.execute(f"SELECT {n} + %s", (n,)).fetchone()[0] == 2 * n
    for n in range(20):
        assert c.execute("SELECT %s::int * 2", (n,)).fetchone()[0] == 2 * n
    for text in ("UPDATE audit SET note = note WHERE id = %s", "DROP TABLE audit", "SELECT %s::int * 2"):
        try:
            print(c.execute(text, (1,) if "%s" in text else None).statusmessage)
        except psycopg.Error as e:
            print(e.sqlstate)
    print(c.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0] <= 4)
    c.execute("DEALLOCATE ALL", prepare=False)
    print(c.execute("SELECT 7", prepare=False).fetchone()[0])
`);
  assert.deepEqual(said, ['UPDATE 1', '42501', 'SELECT 1', 'True', '7']);
});

for (const place of ['first', 'middle', 'last']) {
  test(`psycopg 3: a pipeline that is refused at its ${place} message commits nothing`, psycopg, async () => {
    const said = await run('writer', `
import psycopg
texts = ["INSERT INTO audit VALUES (50, 'a')", "INSERT INTO audit VALUES (51, 'b')"]
texts.insert({"first": 0, "middle": 1, "last": 2}["${place}"], "DROP TABLE audit")
with psycopg.connect("", autocommit=True) as c:
    try:
        with c.pipeline():
            for text in texts:
                c.execute(text)
    except psycopg.Error as e:
        print(type(e).__name__)
    print(c.info.transaction_status.name, c.execute("SELECT count(*) FROM audit WHERE id >= 50 AND id < 60").fetchone()[0])
    with c.pipeline():
        rows = [c.execute("SELECT %s::int", (n,)) for n in range(50)]
    print(sum(r.fetchone()[0] for r in rows))
`);
    assert.deepEqual(said, ['InsufficientPrivilege', 'IDLE 0', '1225']);
  });
}

test('psycopg 3: COPY in and out, text and binary, and one that is given up', psycopg, async () => {
  const said = await run('writer', `
import psycopg
with psycopg.connect("") as c:
    for binary in (False, True):
        with c.cursor().copy("COPY audit(id, note) FROM STDIN" + (" (FORMAT binary)" if binary else "")) as copy:
            if binary:
                copy.set_types(["int4", "text"])
            for n in range(3000):
                copy.write_row((10000 + n, "x" * (n % 50)))
        with c.cursor().copy("COPY (SELECT id FROM audit WHERE id >= 10000) TO STDOUT" + (" (FORMAT binary)" if binary else "")) as copy:
            if binary:
                copy.set_types(["int4"])
            print(sum(1 for _ in copy.rows()))
        c.rollback()
    try:
        with c.cursor().copy("COPY audit(id) FROM STDIN") as copy:
            copy.write_row((1,))
            raise RuntimeError("changed my mind")
    except psycopg.errors.QueryCanceled:
        print(c.info.transaction_status.name)
    c.rollback()
    try:
        with c.cursor().copy("COPY audit(id) FROM STDIN") as copy:
            for n in range(100000):
                copy.write("not a number\\n")
    except psycopg.errors.InvalidTextRepresentation as e:
        print(e.sqlstate)
    c.rollback()
    try:
        with c.cursor().copy("COPY customers FROM PROGRAM 'true'") as copy:
            pass
    except psycopg.Error as e:
        print(e.sqlstate)
`);
  assert.deepEqual(said, ['3000', '3000', 'INERROR', '22P02', '42501']);
});

test('psycopg 3: notifications', psycopg, async () => {
  const said = await run('writer', `
import psycopg
with psycopg.connect("", autocommit=True) as c:
    c.add_notify_handler(lambda n: print(n.payload))
    c.execute("LISTEN news")
    c.execute("NOTIFY news, 'heard'")
    c.execute("SELECT 1")
`);
  assert.deepEqual(said, ['heard']);
});

test('psycopg2', { skip: skipUnless('psycopg2') }, async () => {
  const said = await run('writer', `
import psycopg2, io
c = psycopg2.connect("")
cur = c.cursor()
cur.execute("SELECT name FROM customers ORDER BY id")
print(cur.fetchall())
try:
    cur.execute("DROP TABLE audit")
except psycopg2.errors.InsufficientPrivilege as e:
    print(e.pgcode)
c.rollback()
cur.copy_expert("COPY audit(id) FROM STDIN", io.StringIO("70\\n71\\n"))
c.commit()
named = c.cursor("big")
named.itersize = 10
named.execute("SELECT g FROM generate_series(1, 100) g")
print(sum(r[0] for r in named))
c.close()
`);
  assert.deepEqual(said, ["[('Ada',), ('Bob',)]", '42501', '5050']);
});

test('the evidence of all of it is whole', () => stopAndVerify(scene));
