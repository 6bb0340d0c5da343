import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { startScene, TABLES } from '../e2e/scene.ts';
import { errorText, gatewayWire, say, type Wire } from '../e2e/wire.ts';
import { FAILING_SYNC, operating } from './operating.ts';
import type { Client, MaskedValue, Said, Stage } from './scenarios.ts';

const SECRET = '123-45-6789';

const SETUP = `${TABLES}
INSERT INTO customers(id, name, ssn) VALUES (3, 'Cy', NULL), (4, 'Di', repeat('${SECRET} ', 400000)), (5, 'Ed', repeat('${SECRET} ', 2000000));
CREATE TABLE forbidden(id int); GRANT ALL ON forbidden TO app; CREATE TABLE changes(id int); ALTER TABLE changes OWNER TO app;`;

const ROWS: Readonly<Record<MaskedValue, number>> = { text: 1, binary: 2, null: 3, large: 4, 'too large': 5 };

/** What one command's messages come to. */
const meaning = (messages: readonly BackendMessage[], ended: boolean): Said => {
  const error = errorText(messages);
  if (ended) return { kind: 'ended', text: error };
  if (error !== '') return { kind: 'error', refusal: error.includes('C:42501') && error.includes('wicketgate session'), text: error };
  return { kind: 'answer', values: messages.flatMap((message) => (message.kind === 'DataRow' ? message.values.map((value) => value?.toString('latin1') ?? null) : [])) };
};

const client = (wire: Wire): Client => {
  const upToReady = async (): Promise<Said> => {
    const messages = await wire.until('ReadyForQuery');
    return meaning(messages, messages.at(-1)?.kind !== 'ReadyForQuery');
  };
  const query = (text: string): Promise<Said> => {
    wire.send(say.query(text));
    return upToReady();
  };
  const extended = (text: string, format: 0 | 1 = 0): Buffer[] => [say.parse('', text), say.bind('', '', [], [], [format]), say.execute('')];
  return {
    read: () => query('SELECT name FROM customers WHERE id = 1'),
    write: () => query('INSERT INTO changes VALUES (1)'),
    forbidden: () => query('INSERT INTO changes SELECT id FROM forbidden; INSERT INTO changes VALUES (1)'),
    unit: async (refusedAt) => {
      const texts = ['INSERT INTO changes VALUES (2)', 'INSERT INTO changes VALUES (3)'];
      texts.splice(refusedAt, 0, 'DELETE FROM forbidden');
      wire.send(...texts.flatMap((text) => extended(text)), say.sync);
      const messages = await wire.until('ReadyForQuery');
      return messages.filter(({ kind }) => kind === 'CommandComplete' || kind === 'ErrorResponse').map((message) => meaning([message], false));
    },
    masked: async (which) => {
      wire.send(...extended(`SELECT ssn FROM customers WHERE id = ${ROWS[which]}`, which === 'binary' ? 1 : 0), say.sync);
      return upToReady();
    },
    withheld: () => query('SELECT g FROM generate_series(1, 101) g'),
    begin: async () => wire.send(say.query('INSERT INTO changes VALUES ((SELECT 4 FROM pg_sleep(60)))')),
    result: upToReady,
    idle: upToReady,
    nonsense: async () => {
      wire.send(Buffer.from([0x7e, 0, 0, 0, 4]));
      return upToReady();
    },
    leave: () => wire.close(),
  };
};

/** PostgreSQL's column. */
export const postgresStage = async (): Promise<Stage> => {
  const trigger = join(tmpdir(), `wicketgate-failing-sync-${process.pid}`);
  const scene = await startScene({
    postgres: { setup: SETUP },
    nodeArgs: ['--import', FAILING_SYNC],
    env: { FAILING_SYNC: trigger },
    connection: { functions: ['pg_catalog.pg_sleep(double precision)'] },
    policies: [
      {
        name: 'jobs', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'],
        rules: [{ name: 'no', match: { objects: ['forbidden'] }, effect: 'deny', reason: 'not for jobs' }],
        mask: [{ columns: ['customers.ssn'], mode: 'display', transform: 'redact' }],
        limits: { rowsPerCommand: 100 },
      },
    ],
  });
  const { target } = scene;
  return {
    together: 'one',
    secret: SECRET,
    open: async () => client(await gatewayWire(scene, 'writer')),
    changes: () => target.count('changes'),
    running: async () => (await target.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name LIKE 'wg:%'")).length > 0,
    loseTarget: () => target.kill9(),
    regainTarget: () => target.restart(),
    ...operating(scene, trigger),
  };
};
