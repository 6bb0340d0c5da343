import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { psql } from '../kit/clients.ts';
import { gatewayWire, say } from './wire.ts';
import { startScene, type Role, type Scene } from './scene.ts';
import { recorded, stopAndVerify } from './whole-evidence.ts';

/* The rows that COPY FROM STDIN brings are on record: without what is protected or what a detector finds, up to the cap. */

let scene: Scene;
before(async () => {
  scene = await startScene({
    connection: { evidence: { recordAnswers: '64KiB' } },
    policies: [
      { name: 'all', identities: ['writer', 'migrator'], connections: ['*'], allow: ['read', 'write', 'schema', 'session'] },
      { name: 'masked', identities: ['writer'], connections: ['*'], mask: [{ columns: ['customers.ssn'], transform: 'redact' }] },
    ],
  });
});
after(() => scene?.[Symbol.asyncDispose]());

const copy = async (role: Role, text: string, rows: string): Promise<void> => {
  const { code, stderr } = await psql(['-c', text], await scene.env(role), { input: rows });
  assert.equal(code, 0, stderr);
};

/** What the terminal shows of the session that has this text in one of its statements. */
const shown = async (text: string): Promise<string> => {
  const [found] = await recorded(scene, text);
  assert.ok(found, `nothing is recorded of ${text}`);
  const { stdout, stderr } = await scene.gateway.cli('sessions', 'show', found.session, '--config', scene.gateway.configFile);
  assert.equal(stderr, '');
  return stdout;
};

test('as they came, but for what a detector finds', async () => {
  await copy('migrator', 'COPY audit(id, note) FROM STDIN', '10\tasked by eve@example.com\n11\t\\N\n');
  assert.match(await shown('COPY audit'), /copy[^]*ok, COPY, 2 rows affected[^]*data: 10\tasked by <email>\n {4}11\t\\N\n/);
  assert.equal((await scene.target.query("SELECT count(*)::int AS n FROM audit WHERE note = 'asked by eve@example.com'"))[0]?.['n'], 1);
});

test('without the fields of protected columns', async () => {
  await copy('writer', 'COPY customers(id, name, ssn) FROM STDIN (FORMAT csv)', '20,Cid,"345-secret"\n21,"D, E",\n');
  const text = await shown('COPY customers');
  assert.match(text, /data: 20\tCid\t<value:text>\n {4}21\tD, E\t\\N\n/);
  assert.ok(!text.includes('345-secret'));
});

test('beyond the cap they are counted', async () => {
  await copy('migrator', 'COPY orders(id, customer_id, note) FROM STDIN', Array.from({ length: 20_000 }, (_, id) => `${id}\t1\tnote number ${id}\n`).join(''));
  const text = await shown('COPY orders');
  assert.match(text, /data: 0\t1\tnote number 0\n {4}1\t1\tnote number 1\n/);
  assert.ok(text.length > 60_000 && text.length < 200_000, `${text.length} characters are kept`);
});

test('a message that comes in pieces, all of them', async () => {
  using wire = await gatewayWire(scene, 'migrator');
  using other = await gatewayWire(scene, 'migrator');
  wire.send(say.query('COPY audit(note, id) FROM STDIN'));
  await wire.until('CopyInResponse');
  const message = say.copyData(Buffer.from('first\t21\nsecond\t22\nthird\t23\n'));
  wire.send(message.subarray(0, 20));
  await other.query('SELECT 1');
  wire.send(message.subarray(20), say.copyData(Buffer.from('fourth\t24\n')), say.copyDone);
  await wire.until('ReadyForQuery');
  assert.match(await shown('COPY audit(note, id)'), /4 rows affected[^]*data: first\t21\n {4}second\t22\n {4}third\t23\n {4}fourth\t24\n/);
});

test('all of it verifies', () => stopAndVerify(scene));
