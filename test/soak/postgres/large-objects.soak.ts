import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const CLIENTS = 2;
const OBJECTS = 20;
const PIECE = 64 * 1024;
const PIECES = 6;

/** Archives that keep files as large objects: written and read in pieces within a transaction, and whole ones at once. */
export const soak: Soak = postgresSoak('large-objects', async (scene) => {
  await together(CLIENTS, async (number) => {
    const client = await scene.client('writer');
    const one = async (text: string, values: readonly unknown[] = []): Promise<unknown> => Object.values((await client.query<Readonly<Record<string, unknown>>>(text, [...values])).rows[0] ?? {})[0];
    const piece = Buffer.alloc(PIECE, number + 1);
    for (let n = 0; n < OBJECTS; n++) {
      await client.query('BEGIN');
      const id = await one('SELECT lo_create(0)');
      const open = await one('SELECT lo_open($1, 131072 + 262144)', [id]);
      for (let at = 0; at < PIECES; at++) answered(await one('SELECT lowrite($1, $2)', [open, piece]), PIECE);
      answered(await one('SELECT lo_lseek64($1, $2, 0)', [open, PIECE]), String(PIECE));
      answered(piece.equals((await one('SELECT loread($1, $2)', [open, PIECE])) as Buffer), true);
      await one('SELECT lo_close($1)', [open]);
      await client.query(n % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
      if (n % 2 === 0) await one('SELECT lo_unlink($1)', [id]);
      const whole = await one('SELECT lo_from_bytea(0, $1)', [piece]);
      answered(piece.equals((await one('SELECT lo_get($1)', [whole])) as Buffer), true);
      await one('SELECT lo_unlink($1)', [whole]);
    }
    await client.end();
  });
  return CLIENTS * OBJECTS * (PIECES + 10);
});
