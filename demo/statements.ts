import { readFileSync } from 'node:fs';
import pg from 'pg';
import { startService } from '../test/kit/run.ts';
import { Fatal, until } from '../test/kit/until.ts';
import { command } from './print.ts';

/** The environment of libpq programs that log in as one job. */
export type JobEnvironment = Readonly<Record<'PGHOST' | 'PGPORT' | 'PGDATABASE' | 'PGUSER' | 'PGPASSWORD' | 'PGSSLMODE' | 'PGSSLROOTCERT', string>>;

/** Statements that run on one connection, as a user would run them. */
export interface Running {
  /** What was printed when the pattern was seen in it. Rejects when the end comes without. */
  seen(pattern: RegExp): Promise<string>;
  /** All that was printed, at the end. */
  ended(): Promise<string>;
}

/** Starts statements, one after the other, on a connection of this job's. */
export type RunSql = (env: JobEnvironment, ...statements: readonly string[]) => Promise<Running>;

const PATIENCE_MS = 60_000;

const seenIn = (printed: () => string, over: () => boolean) => (pattern: RegExp): Promise<string> =>
  until(() => {
    const [last, text] = [over(), printed()];
    if (pattern.test(text)) return text;
    if (last) throw new Fatal(`the demo did not see ${pattern.source}:\n${text}`);
    return undefined;
  }, PATIENCE_MS, pattern.source);

/** With psql. `nextFile`: where it prints to, a new file each time. */
export const withPsql = (psql: string, nextFile: () => string): RunSql => async (env, ...statements) => {
  command(`psql ${statements.map((sql) => `-c "${sql}"`).join(' ')}`);
  const ran = await startService(psql, ['-X', '-w', ...statements.flatMap((sql) => ['-c', sql])], { env, logFile: nextFile() });
  return {
    seen: seenIn(() => ran.log(), () => ran.ended() !== undefined),
    ended: async () => {
      await ran.wait(PATIENCE_MS);
      return ran.log();
    },
  };
};

/** A client of node-postgres, connected as this job. It never throws by itself when its connection ends. */
export const connect = async (env: JobEnvironment): Promise<pg.Client> => {
  const client = new pg.Client({ host: env.PGHOST, port: Number(env.PGPORT), database: env.PGDATABASE, user: env.PGUSER, password: env.PGPASSWORD, ssl: { ca: readFileSync(env.PGSSLROOTCERT, 'utf8') } });
  client.on('error', () => {});
  await client.connect();
  return client;
};

/** With the driver that comes along, where psql is not installed. */
export const withDriver: RunSql = async (env, ...statements) => {
  for (const sql of statements) command(`(psql is not installed; node-postgres runs) ${sql}`);
  let printed = '';
  let over = false;
  const print = (severity: string, { message, detail }: { readonly message?: string | undefined; readonly detail?: string | undefined }): void => {
    printed += `${severity}:  ${message ?? ''}\n${detail === undefined ? '' : `DETAIL:  ${detail}\n`}`;
  };
  const client = await connect(env);
  client.on('notice', (notice) => print('NOTICE', notice));
  const runAll = async (): Promise<void> => {
    try {
      for (const sql of statements) {
        const { rows, command: done } = await client.query<Record<string, unknown>>(sql);
        printed += rows.length === 0 ? `${done}\n` : rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      }
    } catch (error) {
      print('ERROR', error as Error & { detail?: string });
    } finally {
      over = true;
      await client.end();
    }
  };
  const running = runAll();
  // Whoever waits for the end gets it; until then nobody does.
  running.catch(() => {});
  return {
    seen: seenIn(() => printed, () => over),
    ended: async () => {
      await running;
      return printed;
    },
  };
};
