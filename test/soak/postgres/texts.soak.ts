import type { Soak } from '../soak.ts';
import { refused } from '../expected.ts';
import { together } from '../together.ts';
import { answered, postgresSoak } from './clients.ts';

const CLIENTS = 4;
const TEXTS = 500;
/** Until what is kept of texts is as much as it may be: some 14,000 of these. */
const ROUNDS_TO_FILL = 9;
let made = 0;

/** Programs that put their values and names into the text: no statement is like another, some fail, some are refused. */
export const soak: Soak = postgresSoak('texts', async (scene) => {
  await together(CLIENTS, async () => {
    const client = await scene.client('writer');
    for (let n = 0; n < TEXTS; n++) {
      const value = ++made;
      const { rows } = await client.query(`SELECT ${value} AS "n${value}", 'text ${value}' AS t`);
      answered(rows, [{ [`n${value}`]: value, t: `text ${value}` }]);
      if (n % 50 === 0) await refused(client.query(`SELECT 1 / (${value} - ${value})`), '22012');
      if (n % 50 === 25) await refused(client.query('DROP TABLE audit'), '42501');
    }
    await client.end();
  });
  return CLIENTS * TEXTS;
}, { warm: ROUNDS_TO_FILL });
