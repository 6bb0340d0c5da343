import { deepStrictEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { startScene, type Role, type Scene, type SceneOptions } from '../../e2e/scene.ts';
import { python } from '../../kit/clients.ts';
import type { Soak } from '../soak.ts';

/** A soak in front of a target of its own. `round` is what its clients do, and says how many commands that was. */
export const postgresSoak = (name: string, round: (scene: Scene) => Promise<number>, { scene: options, filled, ...more }: Pick<Soak, 'missing' | 'warm'> & { readonly scene?: SceneOptions; readonly filled?: Role } = {}): Soak => ({
  name: `postgres-${name}`,
  ...more,
  async start(nodeArgs) {
    const plain = await startScene({ ...options, nodeArgs });
    // What ends a client is told by the query that it does not answer; one that is left over must not hide that.
    const scene: Scene = { ...plain, client: async (...wanted) => (await plain.client(...wanted)).on('error', () => {}) };
    if (filled !== undefined) await fill(scene, filled);
    return { gateway: scene.gateway, round: () => round(scene), [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() };
  },
});

/**
 * Texts so large and so different that what is kept of them is as much as it may be: for soaks under which the catalog changes all the time,
 * where each statement is understood and kept anew. From here on new ones take the place of others.
 */
const fill = async (scene: Scene, role: Role): Promise<void> => {
  const client = await scene.client(role);
  for (let n = 0; n < 600; n++) await client.query(`SELECT ${Array.from({ length: 1_000 }, (_, column) => `1 AS "n${n}_${column}"`).join(', ')} LIMIT 0`);
  await client.end();
};

/** The answer is that of this statement, or the client was given another's. */
export const answered = (answer: unknown, expected: unknown): void => deepStrictEqual(answer, expected);

/** Clients of `postgres`, as its users make them: a pool that prepares what it is given. */
export const poolOf = async (scene: Scene, role: Role, options: postgres.Options<Record<string, never>> = {}): Promise<postgres.Sql> =>
  postgres({ host: 'localhost', port: scene.gateway.port(), database: 'shop', user: role, password: await scene.token(role), ssl: { ca: readFileSync(scene.gateway.caFile, 'utf8') }, onnotice: () => {}, ...options });

/** A program in Python: what it prints last is how many commands it sent; all that fails in it is told on standard error. */
export const pythonOf = async (scene: Scene, role: Role, script: string): Promise<number> => {
  const { code, stdout, stderr } = await python(script, await scene.env(role));
  if (code !== 0 || stderr !== '') throw new Error(`Python ended with ${code}: ${stderr}`);
  return Number(stdout.trim().split('\n').at(-1));
};
