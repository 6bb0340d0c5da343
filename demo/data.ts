/** Sample data of the demo: a small shop. Every person in it is made up by counting. */
export const SETUP = `
CREATE ROLE shop_rw LOGIN PASSWORD 'demo-target-password';
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, ssn text NOT NULL, city text NOT NULL);
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customers, item text NOT NULL, cents int NOT NULL);
INSERT INTO customers
  SELECT n, 'Customer ' || n, 'customer' || n || '@example.com', lpad((100 + n)::text, 3, '0') || '-' || lpad((10 + n)::text, 2, '0') || '-' || lpad((4000 + n)::text, 4, '0'),
         (ARRAY['Bern', 'Lyon', 'Porto', 'Turku'])[1 + n % 4]
  FROM generate_series(1, 20) AS n;
INSERT INTO orders (customer, item, cents) SELECT 1 + n % 20, 'item ' || n, 100 * n FROM generate_series(1, 50) AS n;
ALTER TABLE customers OWNER TO shop_rw;
ALTER TABLE orders OWNER TO shop_rw;
`;

export const TARGET_PASSWORD = 'demo-target-password';

/** What the demo's gateway is told; data, keys and addresses are filled in. */
export const configuration = (issuer: string, targetPort: number): Record<string, unknown> => ({
  gateway: { names: ['localhost', '127.0.0.1'] },
  identityProviders: [{ name: 'ci', issuer, audience: 'wicketgate', allowPrivate: true }],
  identities: [
    { name: 'shop-job', owner: { contact: 'shop-team@acme.example' }, purpose: 'nightly report and order import', provider: 'ci', claims: { repository: 'acme/shop', ref: 'refs/heads/main' } },
  ],
  connections: [
    {
      name: 'shop',
      protocol: 'postgres',
      target: { host: '127.0.0.1', port: targetPort, database: 'postgres', tls: 'disable' },
      credential: { username: 'shop_rw', password: 'env:SHOP_DATABASE_PASSWORD' },
    },
  ],
  policies: [
    {
      name: 'shop-job',
      identities: ['shop-job'],
      connections: ['shop'],
      allow: ['read', 'write', 'session'],
      rules: [{ name: 'customers-stay', match: { verbs: ['delete', 'truncate'], objects: ['customers'] }, effect: 'deny', reason: 'customers are removed by the privacy team' }],
      mask: [{ columns: ['customers.ssn', 'customers.email'], transform: { partial: 4 } }],
      limits: { commandsPerMinute: 600, concurrentSessions: 10 },
    },
  ],
});
