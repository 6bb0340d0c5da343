import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import type { JobName } from './data.ts';

/** What one job does again and again: a connection, its statements one after the other, and a pause. */
interface Round {
  readonly job: JobName;
  readonly statements: readonly string[];
  readonly betweenMs: number;
  readonly thenMs: number;
}

/** Some are refused and one waits for people: that is what there is to see. Each line of rounds goes on by itself. */
const LINES: readonly (readonly Round[])[] = [
  [
    {
      job: 'shop-job', betweenMs: 1_500, thenMs: 4_000,
      statements: [
        "INSERT INTO orders (customer, item, cents) SELECT 1 + n % 20, 'order of the day', 900 FROM generate_series(1, 3) AS n",
        'SELECT c.name, c.email, o.item, o.cents FROM orders o JOIN customers c ON c.id = o.customer ORDER BY o.id DESC LIMIT 5',
        "UPDATE orders SET cents = cents + 1 WHERE item = 'item 1'",
      ],
    },
    { job: 'shop-job', betweenMs: 1_000, thenMs: 6_000, statements: ['SELECT city, count(*) FROM customers GROUP BY city ORDER BY city', 'DELETE FROM customers WHERE id = 20'] },
    { job: 'shop-job', betweenMs: 1_000, thenMs: 5_000, statements: ['SELECT sum(cents) FROM orders', "SELECT id FROM customers WHERE email LIKE 'customer1%'", "DELETE FROM orders WHERE item = 'order of the day'"] },
  ],
  [
    {
      job: 'shop-migrations', betweenMs: 1_000, thenMs: 30_000,
      statements: ['CREATE TABLE IF NOT EXISTS import_staging (id int PRIMARY KEY, line text)', "INSERT INTO import_staging SELECT n, 'line ' || n FROM generate_series(1, 40) AS n ON CONFLICT DO NOTHING", 'DROP TABLE import_staging'],
    },
  ],
];

export interface BusyJobs {
  /** Ends all of them, also the one that waits. */
  stop(): Promise<void>;
}

/** Keeps a few small jobs running until they are stopped, so that the page and the lists have something to show. */
export const startBusyJobs = (connect: (job: JobName) => Promise<Client>): BusyJobs => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const open = new Set<Client>();
  const rest = (ms: number): Promise<void> => pause(ms, undefined, { signal }).catch(() => {});

  const play = async ({ job, statements, betweenMs, thenMs }: Round): Promise<void> => {
    try {
      const client = await connect(job);
      open.add(client);
      try {
        for (const sql of statements) {
          if (signal.aborted) return;
          // A refusal is an answer, and the connection goes on.
          await client.query(sql).catch(() => {});
          await rest(betweenMs);
        }
      } finally {
        open.delete(client);
        await client.end();
      }
    } catch {
      // Whoever tries the demo may revoke a job, end its session, or stop the gateway: it comes back later.
    }
    await rest(thenMs);
  };
  const keepPlaying = async (rounds: readonly Round[]): Promise<void> => {
    while (!signal.aborted) for (const round of rounds) if (!signal.aborted) await play(round);
  };
  const lines = LINES.map(keepPlaying);

  return {
    async stop() {
      stopping.abort();
      for (const client of open) client.end().catch(() => {});
      await Promise.all(lines);
    },
  };
};

/** Requests to the payments API, one line after the other. Some are refused and one waits for people. */
const REQUESTS: readonly (readonly { readonly method: string; readonly path: string; readonly thenMs: number }[])[] = [
  [
    { method: 'GET', path: '/v1/payments/3', thenMs: 2_000 },
    { method: 'GET', path: '/v1/payments/12', thenMs: 3_000 },
    { method: 'DELETE', path: '/v1/payments/12', thenMs: 5_000 },
    { method: 'GET', path: '/v1/payments/99', thenMs: 4_000 },
  ],
  [{ method: 'POST', path: '/v1/payments/4/refund', thenMs: 30_000 }],
];

/** Keeps requests going until they are stopped. */
export const startBusyRequests = (send: (method: string, path: string, signal: AbortSignal) => Promise<unknown>): BusyJobs => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const keepSending = async (line: (typeof REQUESTS)[number]): Promise<void> => {
    while (!signal.aborted) {
      for (const { method, path, thenMs } of line) {
        if (signal.aborted) return;
        // A refusal is an answer; a gateway that was stopped, or a job that was revoked, may be back later.
        await send(method, path, signal).catch(() => {});
        await pause(thenMs, undefined, { signal }).catch(() => {});
      }
    }
  };
  const lines = REQUESTS.map(keepSending);
  return {
    async stop() {
      stopping.abort();
      await Promise.all(lines);
    },
  };
};
