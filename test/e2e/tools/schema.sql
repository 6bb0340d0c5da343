-- What the tools look at: one of everything that an application's schema holds. Owned by the user of the connection.
SET ROLE app;
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'what is sold';
SET search_path = shop, public;
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TYPE money_pair AS (amount numeric(12, 2), currency char(3));
CREATE DOMAIN postcode AS text CHECK (VALUE ~ '^[0-9]{5}$');
CREATE SEQUENCE ticket START 100 INCREMENT 5;
CREATE TABLE buyer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  code varchar(12) UNIQUE,
  place postcode,
  feeling mood DEFAULT 'calm',
  price money_pair,
  tags text[] DEFAULT '{}',
  extra jsonb,
  born date,
  full_name text GENERATED ALWAYS AS (name || ' ' || coalesce(code, '')) STORED,
  CONSTRAINT has_name CHECK (length(name) > 0)
);
COMMENT ON TABLE buyer IS 'who buys';
COMMENT ON COLUMN buyer.name IS 'as written on letters';
CREATE INDEX buyer_lower ON buyer (lower(name)) WHERE place IS NOT NULL;
CREATE INDEX buyer_extra ON buyer USING gin (extra);
CREATE TABLE sale (
  id serial PRIMARY KEY,
  buyer bigint NOT NULL REFERENCES buyer ON DELETE CASCADE,
  amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
  at timestamptz NOT NULL DEFAULT now(),
  note text
);
CREATE TABLE event (id bigint, at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE TABLE base (id int); CREATE TABLE child (more text) INHERITS (base);
CREATE VIEW big_sale AS SELECT s.id, b.name, s.amount FROM sale s JOIN buyer b ON b.id = s.buyer WHERE s.amount > 100;
CREATE MATERIALIZED VIEW per_buyer AS SELECT buyer, count(*) AS sales, sum(amount) AS total FROM sale GROUP BY buyer;
CREATE UNIQUE INDEX ON per_buyer (buyer);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, 'touched'); RETURN NEW; END $$;
CREATE TRIGGER sale_touched BEFORE INSERT OR UPDATE ON sale FOR EACH ROW EXECUTE FUNCTION touched();
CREATE FUNCTION total_of(who bigint, OUT total numeric) LANGUAGE sql STABLE AS 'SELECT sum(amount) FROM shop.sale WHERE buyer = who';
CREATE PROCEDURE forget(who bigint) LANGUAGE sql AS 'DELETE FROM shop.buyer WHERE id = who';
CREATE FUNCTION plus_one(numeric, int) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE total_plus (int) (SFUNC = plus_one, STYPE = numeric, INITCOND = '0');
CREATE OPERATOR |+| (LEFTARG = numeric, RIGHTARG = int, FUNCTION = plus_one);
CREATE RULE no_rest AS ON DELETE TO event_rest DO INSTEAD NOTHING;
ALTER TABLE base ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON base FOR SELECT USING (id < 100);
CREATE STATISTICS sale_stat ON buyer, amount FROM sale;
CREATE COLLATION german FROM "C";
GRANT SELECT ON sale TO PUBLIC;
GRANT SELECT (id, name) ON buyer TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC;
INSERT INTO buyer (name, code, place, feeling, price, tags, extra, born) VALUES
  ('Ada', 'A1', '12345', 'calm', (1.5, 'EUR'), '{a,b}', '{"k": [1, "it''s"]}', '1990-01-02'),
  ('Bob', NULL, NULL, 'cross', NULL, '{}', NULL, NULL);
INSERT INTO sale (buyer, amount) VALUES (1, 250), (1, 20.5), (2, 101);
INSERT INTO event VALUES (1, '2024-05-01', 'in'), (2, '2025-05-01', E'tab\tline\nbackslash\\');
INSERT INTO child VALUES (1, 'x');
REFRESH MATERIALIZED VIEW per_buyer;
ANALYZE;
RESET search_path;
RESET ROLE;
