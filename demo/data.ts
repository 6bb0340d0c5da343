/** Sample data of the demo: a small shop. Every person in it is made up by counting. */
export const SETUP = `
CREATE ROLE shop_rw LOGIN PASSWORD 'demo-target-password';
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, ssn text NOT NULL, city text NOT NULL);
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customers, item text NOT NULL, cents int NOT NULL);
CREATE TABLE orders_2019 (id int PRIMARY KEY, item text NOT NULL, cents int NOT NULL);
INSERT INTO customers
  SELECT n, 'Customer ' || n, 'customer' || n || '@example.com', lpad((100 + n)::text, 3, '0') || '-' || lpad((10 + n)::text, 2, '0') || '-' || lpad((4000 + n)::text, 4, '0'),
         (ARRAY['Bern', 'Lyon', 'Porto', 'Turku'])[1 + n % 4]
  FROM generate_series(1, 20) AS n;
INSERT INTO orders (customer, item, cents) SELECT 1 + n % 20, 'item ' || n, 100 * n FROM generate_series(1, 50) AS n;
INSERT INTO orders_2019 SELECT n, 'item ' || n, 100 * n FROM generate_series(1, 30) AS n;
ALTER TABLE customers OWNER TO shop_rw;
ALTER TABLE orders OWNER TO shop_rw;
ALTER TABLE orders_2019 OWNER TO shop_rw;
GRANT CREATE ON SCHEMA public TO shop_rw;
`;

export const TARGET_PASSWORD = 'demo-target-password';

/** The jobs, by the repository that their tokens name. */
export const JOBS = {
  'shop-job': { repository: 'acme/shop', purpose: 'nightly report and order import' },
  'shop-migrations': { repository: 'acme/shop-schema', purpose: 'changes the schema when a release goes out' },
} as const;
export type JobName = keyof typeof JOBS;

const REF = 'refs/heads/main';

/** What the issuer of the CI system says of a job. */
export const tokenOf = (job: JobName): { readonly sub: string; readonly claims: Readonly<Record<string, string>> } => {
  const { repository } = JOBS[job];
  return { sub: `repo:${repository}:ref:${REF}`, claims: { repository, ref: REF } };
};

/** What the job may do at the payments API. */
const PAYMENTS_POLICY = {
  name: 'shop-payments',
  identities: ['shop-job'],
  connections: ['payments'],
  allow: ['read'],
  rules: [
    { name: 'payments-stay', match: { request: { methods: ['DELETE'] } }, effect: 'deny', reason: 'payments are kept for ten years' },
    {
      name: 'refunds-are-looked-at',
      match: { request: { methods: ['POST'], paths: ['/v1/payments/{id}/refund'] } },
      effect: 'require_approval',
      reason: 'money leaves',
      approval: { groups: ['acme/dba'], count: 1, hold: '10m', expires: '1h' },
    },
  ],
  mask: [{ fields: ['iban'], transform: { partial: 4 } }],
};

export interface Surroundings {
  /** Of the jobs. */
  readonly issuer: string;
  /** `control.login`: of the people, at `acme`. */
  readonly login: Readonly<Record<string, unknown>>;
  readonly controlPort: number;
  readonly targetPort: number;
  /** Of the payments API; undefined: there is none. */
  readonly apiPort?: number;
}

/** What the demo's gateway is told; data, keys and the other addresses are filled in. */
export const configuration = ({ issuer, login, controlPort, targetPort, apiPort }: Surroundings): Record<string, unknown> => ({
  gateway: { names: ['localhost', '127.0.0.1'] },
  control: {
    listen: `127.0.0.1:${controlPort}`,
    url: `http://127.0.0.1:${controlPort}`,
    login: [login],
    roles: {
      admin: { groups: ['acme/incident-commanders'] },
      approver: { groups: ['acme/dba'] },
      auditor: { groups: ['acme/oncall'] },
      viewer: { groups: ['acme/engineering'] },
    },
  },
  approvals: { breakGlass: { groups: ['acme/incident-commanders'] } },
  identityProviders: [{ name: 'ci', issuer, audience: 'wicketgate', allowPrivate: true }],
  identities: Object.entries(JOBS).map(([name, { repository, purpose }]) => ({
    name, purpose,
    owner: { contact: 'shop-team@acme.example', group: 'acme/engineering' },
    provider: 'ci',
    claims: { repository, ref: REF },
  })),
  connections: [
    {
      name: 'shop',
      protocol: 'postgres',
      target: { host: '127.0.0.1', port: targetPort, database: 'postgres', tls: 'disable' },
      credential: { username: 'shop_rw', password: 'env:SHOP_DATABASE_PASSWORD' },
    },
    ...(apiPort === undefined ? [] : [{ name: 'payments', protocol: 'http', target: { host: '127.0.0.1', port: apiPort, tls: 'disable' }, credential: { type: 'bearer', token: 'env:PAYMENTS_API_TOKEN' } }]),
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
    ...(apiPort === undefined ? [] : [PAYMENTS_POLICY]),
    {
      name: 'shop-migrations',
      identities: ['shop-migrations'],
      connections: ['shop'],
      allow: ['read', 'write', 'schema', 'session'],
      rules: [
        {
          name: 'drops-are-looked-at',
          match: { verbs: ['drop', 'truncate'] },
          effect: 'require_approval',
          reason: 'what is dropped is gone',
          approval: { groups: ['acme/dba'], count: 1, hold: '10m', expires: '1h' },
        },
      ],
      mask: [{ columns: ['customers.ssn', 'customers.email'], transform: { partial: 4 } }],
    },
  ],
});
