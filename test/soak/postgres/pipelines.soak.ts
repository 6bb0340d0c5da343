import type { Soak } from '../soak.ts';
import { skipUnless } from '../../kit/present.ts';
import { together } from '../together.ts';
import { postgresSoak, pythonOf } from './clients.ts';

const CLIENTS = 2;

const SCRIPT = `
import psycopg
sent = 0
with psycopg.connect("", autocommit=True, prepare_threshold=3) as c:
    c.prepared_max = 20
    for n in range(4):
        # More shapes than are kept: the oldest are forgotten.
        for i in range(30):
            for _ in range(5):
                assert c.execute(f"SELECT %s::int AS n{i}", (i,)).fetchone() == (i,)
                sent += 1
with psycopg.connect("", autocommit=True, prepare_threshold=None) as c:
    for n in range(4):
        with c.pipeline() as p:
            answers = [c.execute("SELECT %s::int AS n", (i,)) for i in range(50)]
            p.sync()
            assert [a.fetchone()[0] for a in answers] == list(range(50))
            sent += 50
        with c.transaction():
            with c.cursor() as cur:
                cur.executemany("INSERT INTO audit VALUES (%s, %s)", [(200000 + i, "piped") for i in range(100)])
                cur.execute("DELETE FROM audit WHERE id >= 200000 AND note = 'piped'")
                sent += 101
        for wrong, error in (("SELECT 1 / %s::int", psycopg.errors.DivisionByZero), ("SELECT %s::int FROM nothing_there", (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege))):
            try:
                with c.pipeline() as p:
                    first = c.execute("SELECT 1")
                    failed = c.execute(wrong, (0,))
                    behind = c.execute("SELECT 3")
                    p.sync()
                    sent += 3
            except error:
                pass
            else:
                raise SystemExit("nothing failed")
            assert first.fetchone() == (1,)
            assert c.execute("SELECT 4").fetchone() == (4,)
print(sent)
`;

/**
 * Jobs with psycopg: what they repeat becomes prepared and is forgotten again, what is many goes out in pipelines, some of which fail
 * within. Not both on one connection: psycopg 3.1 then loses count of what is prepared, also straight to a server.
 */
export const soak: Soak = postgresSoak('pipelines', async (scene) => {
  let sent = 0;
  await together(CLIENTS, async () => {
    sent += await pythonOf(scene, 'writer', SCRIPT);
  });
  return sent;
}, { missing: () => skipUnless('psycopg') || undefined });
