import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startScene, type Scene } from './scene.ts';
import { errorText, gatewayWire, plain, say, type Wire } from './wire.ts';
import { stopAndVerify } from './whole-evidence.ts';

/*
 * A reload puts a mask in force while portals stand open: what is executed from there on is masked, whatever it was bound under.
 */

const POLICY = { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'] };
const MASKED = { ...POLICY, mask: [{ name: 'pii', columns: ['customers.ssn'], transform: 'redact' }] };

let scene: Scene;
before(async () => { scene = await startScene({ policies: [POLICY] }); });
after(() => scene?.[Symbol.asyncDispose]());

const inForce = (policy: Readonly<Record<string, unknown>>): Promise<void> => scene.gateway.reloaded({ ...scene.config, policies: [policy] });
const series = async (wire: Wire, ...messages: readonly Uint8Array[]): Promise<string[]> => {
  wire.send(...messages, say.sync);
  return plain(await wire.until('ReadyForQuery'));
};

test('rows of portals that were bound before a mask was in force are masked', async () => {
  await inForce(POLICY);
  using wire = await gatewayWire(scene, 'writer');
  await wire.query('BEGIN');
  const text = 'SELECT ssn FROM customers ORDER BY id';
  assert.deepEqual(await series(wire, say.parse('s', text), say.bind('suspended', 's', [], []), say.execute('suspended', 1)), ['ParseComplete', 'BindComplete', '(123-45-6789)', 'PortalSuspended', 'ZT']);
  assert.deepEqual(await series(wire, say.bind('bound', 's', [], [])), ['BindComplete', 'ZT']);
  await wire.query(`DECLARE declared CURSOR FOR ${text}`);
  await wire.query(`PREPARE prepared AS ${text}`);
  await inForce(MASKED);
  assert.deepEqual(await series(wire, say.execute('suspended', 1)), ['(***)', 'PortalSuspended', 'ZT']);
  assert.deepEqual(await series(wire, say.describe('portal', 'bound'), say.execute('bound')), ['[ssn:25:0]', '(***)', '(***)', 'SELECT 2', 'ZT']);
  assert.deepEqual(await series(wire, say.execute('declared')), ['(***)', '(***)', 'SELECT 2', 'ZT']);
  assert.deepEqual(plain(await wire.query('EXECUTE prepared')), ['[ssn:25:0]', '(***)', '(***)', 'SELECT 2', 'ZT']);
  // And back: what is bound under a mask is not the poorer for it when that has gone.
  assert.deepEqual(await series(wire, say.bind('masked', 's', [], [])), ['BindComplete', 'ZT']);
  await inForce(POLICY);
  assert.deepEqual(await series(wire, say.execute('masked')), ['(123-45-6789)', '(987-65-4321)', 'SELECT 2', 'ZT']);
});

test('a portal that could not be bound under the mask in force is not executed either', async () => {
  await inForce(POLICY);
  using wire = await gatewayWire(scene, 'writer');
  await wire.query('BEGIN');
  assert.deepEqual(await series(wire, say.parse('', 'SELECT count(*) FROM customers WHERE ssn < $1', [25]), say.bind('judged', '', [], [Buffer.from('2')])), ['ParseComplete', 'BindComplete', 'ZT']);
  await inForce(MASKED);
  wire.send(say.execute('judged'), say.sync);
  const refused = await wire.until('ReadyForQuery');
  assert.match(errorText(refused), /writing\/pii/);
  assert.deepEqual(plain(refused).at(-1), 'ZE');
});

test('the log verifies, and everything in it has an end', () => stopAndVerify(scene));
