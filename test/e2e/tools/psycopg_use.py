"""Typical use of psycopg 3: prepared statements, COPY, server-side cursors, pipelines, types, notifications."""
import psycopg
from psycopg.rows import dict_row
from psycopg.types.composite import CompositeInfo
from psycopg.types.enum import EnumInfo
from psycopg.types.json import Jsonb

with psycopg.connect("", row_factory=dict_row) as c:
    c.execute("CREATE TABLE public.py (id int PRIMARY KEY, note text, extra jsonb)")
    with c.cursor() as cur:
        cur.executemany("INSERT INTO public.py VALUES (%s, %s, %s)", [(i, f"n{i}", Jsonb({"i": i})) for i in range(10)])
        for _ in range(7):
            cur.execute("SELECT note FROM public.py WHERE id = %s", (3,))
        print(cur.fetchall())
        with cur.copy("COPY public.py (id, note) FROM STDIN") as copy:
            for i in range(10, 30):
                copy.write_row((i, "c\t'\\"))
        with cur.copy("COPY public.py (id, note) TO STDOUT (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "text"])
            print(sum(1 for _ in copy.rows()))
        with cur.copy("COPY (SELECT id FROM public.py WHERE id > 20) TO STDOUT") as copy:
            print(sum(1 for _ in copy))
        with c.transaction():
            cur.execute("UPDATE public.py SET note = 'z' WHERE id = 1 RETURNING *")
            print(cur.fetchone())
        try:
            with c.transaction():
                cur.execute("INSERT INTO public.py VALUES (1)")
        except psycopg.errors.UniqueViolation as e:
            print(e.sqlstate)
    with c.cursor(name="server") as cur:
        cur.execute("SELECT * FROM public.py ORDER BY id")
        print(len(cur.fetchmany(5)), len(cur.fetchall()))
    with c.pipeline():
        rows = [c.execute("SELECT %s::int AS n", (i,)) for i in range(5)]
        print([r.fetchone()["n"] for r in rows])
    print(EnumInfo.fetch(c, "shop.mood").labels, CompositeInfo.fetch(c, "shop.money_pair").field_names, psycopg.types.TypeInfo.fetch(c, "shop.postcode") is not None)
    heard = []
    c.add_notify_handler(lambda notify: heard.append(notify.payload))
    c.execute("LISTEN news")
    c.commit()
    c.execute("NOTIFY news, 'hello'")
    c.commit()
    c.execute("SELECT 1")
    print(heard)
    c.execute("DROP TABLE public.py")
    c.commit()
    c.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    c.read_only = True
    print(c.execute("SELECT current_setting('transaction_isolation') AS i").fetchone())
    c.rollback()
