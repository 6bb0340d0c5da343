import type { Soak } from '../soak.ts';
import { skipUnless } from '../../kit/present.ts';
import { together } from '../together.ts';
import { postgresSoak, pythonOf } from './clients.ts';

const CLIENTS = 2;

const SCRIPT = `
import psycopg
sent = 0
def run(c, sql):
    global sent
    sent += 1
    return c.execute(sql)
with psycopg.connect("", autocommit=True) as c:
    for n in range(40):
        with c.transaction(), c.cursor(name="walk", scrollable=True) as cur:
            cur.itersize = 50
            cur.execute("SELECT g FROM generate_series(1, 200) g")
            assert sum(r[0] for r in cur) == 20100
            cur.scroll(0, mode="absolute")
            assert cur.fetchone() == (1,)
        run(c, "BEGIN")
        run(c, f"DECLARE kept CURSOR WITH HOLD FOR SELECT g + {n} FROM generate_series(1, 10) g")
        run(c, "SAVEPOINT s")
        run(c, "DECLARE gone CURSOR WITH HOLD FOR SELECT 1")
        run(c, "ROLLBACK TO s")
        run(c, "COMMIT")
        assert run(c, "FETCH 2 FROM kept").fetchall() == [(1 + n,), (2 + n,)]
        run(c, "CLOSE kept")
        run(c, "BEGIN")
        run(c, "DECLARE undone CURSOR WITH HOLD FOR SELECT 1")
        run(c, "ROLLBACK")
        with c.cursor(name="beyond", withhold=True) as cur:
            cur.execute("SELECT 'a' || g FROM generate_series(1, 300) g")
            assert cur.fetchmany(3) == [("a1",), ("a2",), ("a3",)]
            sent += 3
        try:
            run(c, "FETCH 1 FROM undone")
            raise SystemExit("a cursor that went with its transaction answered")
        except psycopg.errors.InvalidCursorName:
            pass
print(sent)
`;

/** Exports that walk through cursors of the server, within a transaction and beyond it, and give some up. */
export const soak: Soak = postgresSoak('cursors', async (scene) => {
  let sent = 0;
  await together(CLIENTS, async () => {
    sent += await pythonOf(scene, 'writer', SCRIPT);
  });
  return sent;
}, { missing: () => skipUnless('psycopg') || undefined });
