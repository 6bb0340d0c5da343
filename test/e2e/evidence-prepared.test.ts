import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SOON_MS, until } from '../kit/until.ts';
import { startScene, type Scene } from './scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';
import { errorText, gatewayWire, plain, say, type Wire } from './wire.ts';

/* What a name stands for is on record with what runs it, in the form that the masks in force ask for. */

const POLICY = { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'] };
const MASKED = { ...POLICY, mask: [{ name: 'pii', mode: 'display', columns: ['customers.ssn'], transform: 'redact' }] };

let scene: Scene;
before(async () => { scene = await startScene({ policies: [MASKED] }); });
after(() => scene?.[Symbol.asyncDispose]());

const series = async (wire: Wire, ...messages: readonly Uint8Array[]): Promise<string[]> => {
  wire.send(...messages, say.sync);
  const answer = await wire.until('ReadyForQuery');
  assert.equal(errorText(answer), '');
  return plain(answer);
};

/** Recorded statements with the mark in them, as soon as there is one. */
const statements = async (mark: string): Promise<readonly (string | undefined)[]> => {
  await until(async () => (await recorded(scene, mark)).length > 0, SOON_MS, `a record of ${mark}`);
  return (await recorded(scene, mark)).map(({ statement }) => statement);
};

test('EXECUTE of what the protocol prepared and never bound', async () => {
  using wire = await gatewayWire(scene, 'writer');
  await series(wire, say.parse('quiet', `UPDATE orders /* hidden */ SET note = 'done' WHERE id = $1`));
  assert.deepEqual(plain(await wire.query('EXECUTE quiet(2)')), ['UPDATE 1', 'ZI']);
  assert.deepEqual(await statements('EXECUTE quiet(2)'), [`-- "quiet" stands for:\nUPDATE orders SET note = 'done' WHERE id = $1;\n\nEXECUTE quiet(2)`]);
  await series(wire, say.parse('outer', 'EXECUTE quiet(3)'), say.bind('', 'outer', [], []), say.execute(''));
  assert.deepEqual(await statements('quiet(<'), [`-- "quiet" stands for:\nUPDATE orders SET note = 'done' WHERE id = $1;\n\nEXECUTE quiet(<literal:number>)`], 'what its argument meets is not known at Parse');
  await wire.query('EXPLAIN EXECUTE quiet(4)');
  assert.deepEqual(await statements('EXECUTE quiet(4)'), [`-- "quiet" stands for:\nUPDATE orders SET note = 'done' WHERE id = $1;\n\nEXPLAIN EXECUTE quiet(4)`]);
  wire.close();
});

test('each name once; one that the same message makes anew is in its text already', async () => {
  using wire = await gatewayWire(scene, 'writer');
  await series(wire, say.parse('one', 'SELECT 41'), say.parse('two', 'SELECT 42'));
  await wire.query('EXECUTE one; EXECUTE two; EXECUTE one');
  assert.deepEqual(await statements('; EXECUTE two'), ['-- "one" stands for:\nSELECT 41;\n\n-- "two" stands for:\nSELECT 42;\n\nEXECUTE one; EXECUTE two; EXECUTE one']);
  await wire.query('DEALLOCATE one; PREPARE one AS SELECT 43; EXECUTE one');
  assert.deepEqual(await statements('SELECT 43'), ['DEALLOCATE one; PREPARE one AS SELECT 43; EXECUTE one']);
  await wire.query('EXECUTE one');
  assert.deepEqual((await recorded(scene, 'EXECUTE one')).at(-1)?.statement, 'EXECUTE one', 'PREPARE has a record of its own');
  wire.close();
});

test('Execute of a cursor that SQL declared names it', async () => {
  using wire = await gatewayWire(scene, 'writer');
  await wire.query('BEGIN; DECLARE "one ""c" CURSOR FOR SELECT 1; DECLARE two_c CURSOR FOR SELECT 2');
  await series(wire, say.execute('two_c'), say.execute('one "c'));
  assert.deepEqual((await statements('FETCH')).slice(-2), ['FETCH FROM "two_c"', 'FETCH FROM "one ""c"']);
  wire.close();
});

test('Bind of what SQL prepared: without what is protected', async () => {
  using wire = await gatewayWire(scene, 'writer');
  assert.equal(errorText(await wire.query(`SELECT 1; PREPARE bysql AS UPDATE orders SET note = 'mark-b' FROM customers WHERE ssn = 'prep-secret'`)), '');
  await series(wire, say.bind('', 'bysql', [], []), say.execute(''));
  const [prepared, bound] = await statements('mark-b');
  assert.equal(prepared, `SELECT 1; ${bound}`);
  assert.equal(bound, `PREPARE bysql AS UPDATE orders SET note = 'mark-b' FROM customers WHERE ssn = <literal:text>`);
  wire.close();
});

test('what was prepared before a mask was in force', async () => {
  await scene.gateway.reloaded({ ...scene.config, policies: [POLICY] });
  using wire = await gatewayWire(scene, 'writer');
  await series(wire, say.parse('before', `SELECT count(*) AS mark_c FROM customers WHERE ssn = 'late-secret'`));
  await series(wire, say.bind('', 'before', [], []), say.execute(''));
  await scene.gateway.reloaded({ ...scene.config, policies: [MASKED] });
  await series(wire, say.bind('', 'before', [], []), say.execute(''));
  await wire.query('EXECUTE before');
  const masked = 'SELECT count(*) AS mark_c FROM customers WHERE ssn = <literal:text>';
  assert.deepEqual(await statements('mark_c'), [masked.replace('<literal:text>', `'late-secret'`), masked, `-- "before" stands for:\n${masked};\n\nEXECUTE before`]);
  wire.close();
});

test('all of it verifies', () => stopAndVerify(scene));
