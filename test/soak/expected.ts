import type pg from 'pg';
import type { Role, Scene } from '../e2e/scene.ts';

/** The SQLSTATE that it failed with, or the system's code of a connection that broke; undefined when it went well. */
export const codeOf = async (work: Promise<unknown>): Promise<string | undefined> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
  }
};

/** Waits for work that has to fail so. */
export const refused = async (work: Promise<unknown>, ...codes: readonly string[]): Promise<void> => {
  const code = await codeOf(work);
  if (code === undefined || !codes.includes(code)) throw new Error(`expected ${codes.join(' or ')}, and got ${code ?? 'an answer'}`);
};

/** The only value of the only row has to be this. */
export const one = async (client: Pick<pg.Client, 'query'>, sql: string, expected: unknown, values?: unknown[]): Promise<void> => {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array', ...(values === undefined ? {} : { values }) });
  if (rows.length !== 1 || rows[0]?.[0] !== expected) throw new Error(`${sql}: expected ${String(expected)}, and got ${JSON.stringify(rows).slice(0, 200)}`);
};

/** A session whose end is seen by the next statement, and by `end`: not by an event that nobody listens for. */
export const session = async (scene: Pick<Scene, 'client'>, role: Role, options: pg.ClientConfig = {}): Promise<pg.Client> => {
  const client = await scene.client(role, options);
  client.on('error', () => {});
  return client;
};
