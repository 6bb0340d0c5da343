import { createHash } from 'node:crypto';
import { TABLES, TARGET_PASSWORD } from '../../e2e/scene.ts';
import { psql } from '../../kit/clients.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const LOADERS = 2;
const LINES = 40_000;
const SMALL = 5;
const LOADS = Array.from({ length: LOADERS }, (_, n) => `CREATE TABLE load${n} (id int, note text); ALTER TABLE load${n} OWNER TO app;`).join('\n');

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Loads and exports: CSV and text by \copy of psql, some megabytes each way, a COPY that fails half way, and many small ones. */
export const soak: Soak = postgresSoak('copies', async (scene) => {
  const rows = Array.from({ length: LINES }, (_, n) => `${n},"a note, ""quoted"", ${'x'.repeat(n % 120)}"\n`).join('');
  let sent = 0;
  await together(LOADERS, async (loader) => {
    const run = async (script: string, input?: string): Promise<string> => {
      sent += 1;
      const { code, stdout, stderr } = await psql(['-q', '-v', 'ON_ERROR_STOP=1', '-c', script], await scene.env('writer'), input === undefined ? {} : { input });
      if (code !== 0) throw new Error(`${script}: ${stderr}`);
      return stdout;
    };
    const table = `load${loader}`;
    await run(`\\copy ${table} FROM pstdin CSV`, rows);
    answered(digestOf(await run(`\\copy (SELECT * FROM ${table} ORDER BY id) TO pstdout (FORMAT csv, FORCE_QUOTE (note))`)), digestOf(rows));
    const bad = await psql(['-q', '-c', `\\copy ${table} FROM pstdin CSV`], await scene.env('writer'), { input: `${rows}no number,x\n` });
    if (!bad.stderr.includes('invalid input syntax')) throw new Error(`a COPY of what is no number: ${bad.stderr}`);
    const client = await scene.client('writer');
    answered((await client.query(`SELECT count(*)::int AS n FROM ${table}`)).rows, [{ n: LINES }]);
    await client.query(`DELETE FROM ${table}`);
    await client.end();
    for (let n = 0; n < SMALL; n++) await run(`\\copy orders FROM pstdin`, '');
  });
  return sent + 2 * LOADERS;
}, { scene: { postgres: { users: [{ name: 'app', password: TARGET_PASSWORD }], setup: `${TABLES} ${LOADS}` } } });
