import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../kit/until.ts';
import { startScene, TABLES } from './scene.ts';
import { gatewayWire, plain, say } from './wire.ts';

/* A function that is not vouched for any more is not run by statements that were prepared while it was. */

const SETUP = `${TABLES} CREATE FUNCTION purge() RETURNS int LANGUAGE sql AS 'DELETE FROM audit; SELECT 7';`;

test('what was prepared is judged anew when the list of vouched functions has changed', async () => {
  const at = (functions: readonly string[]) => (port: number): Record<string, unknown> => ({
    name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' }, ...(functions.length === 0 ? {} : { functions }),
  });
  await using scene = await startScene({ postgres: { setup: SETUP }, connectionsAt: (port) => [at(['public.purge()'])(port)] });
  using wire = await gatewayWire(scene, 'writer');
  wire.send(say.parse('kept', 'SELECT purge()'), say.bind('', 'kept', [], []), say.execute(''), say.sync);
  assert.ok(plain(await wire.until('ReadyForQuery')).includes('(7)'));
  await wire.query('PREPARE spoken AS SELECT purge()');
  assert.ok(plain(await wire.query('EXECUTE spoken')).includes('(7)'));
  await scene.gateway.reload({ ...scene.config, connections: [at([])(scene.target.port)] });
  // Whatever is asked anew says when the reload is in force for this session.
  await until(async () => plain(await wire.query('SELECT purge()')).includes('E42501'));
  wire.send(say.bind('', 'kept', [], []), say.execute(''), say.sync);
  assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['E42501', 'ZI']);
  assert.deepEqual(plain(await wire.query('EXECUTE spoken')), ['E42501', 'ZI']);
});
