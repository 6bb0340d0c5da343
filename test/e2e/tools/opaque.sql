-- What a migration may hold that nobody can look into: refused unless class unknown, or the function, is granted.
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'colour') THEN CREATE TYPE billing.colour AS ENUM ('red'); END IF; END $$;
SELECT billing.open_total(id) FROM billing.customer;
