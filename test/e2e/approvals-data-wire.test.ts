import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ApprovalView } from '../../src/approvals/approvals.ts';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import { until } from '../kit/until.ts';
import { openSpools, PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { directWire, errorText, gatewayWire, openSocket, plain, type Wire } from './wire.ts';

const ROWS = Buffer.from('1\tone\n2\ttwo\n');
const MASK = [{ columns: ['customers.ssn'], mode: 'display', transform: 'redact' }, { detect: ['credit_card'], transform: 'redact' }];
const COVER = { ...PATIENT, cover: 'data' };

suite('rows that are approved with COPY, message by message', () => {
  let scene: ApprovalScene;
  before(async () => {
    scene = await startApprovalScene({
      postgres: {
        users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }],
        setup: `CREATE TABLE t(id int, note text); CREATE TABLE made(a int, twice int GENERATED ALWAYS AS (a * 2) STORED, b text); CREATE TABLE customers(id int, twice int GENERATED ALWAYS AS (id * 2) STORED, ssn text);
          INSERT INTO customers(id, ssn) VALUES (1, '123-45-6789'); ALTER TABLE t OWNER TO app; ALTER TABLE made OWNER TO app; ALTER TABLE customers OWNER TO app;`,
      },
      policies: [
        { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], mask: MASK },
        { name: 'asking', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'session'], mask: MASK, limits: { rowsPerCommand: 100 }, rules: [{ name: 'copies', match: { verbs: ['copy'] }, effect: 'require_approval', reason: 'rows are looked at', approval: COVER }] },
      ],
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  const count = (table = 't'): Promise<number> => scene.target.count(table);
  const kept = (): number => openSpools(scene.gateway.pid).length;
  const forgotten = (): Promise<unknown> => until(() => kept() === 0, 20_000, 'the end of what was kept');
  const nothingAsked = async (): Promise<void> => assert.deepEqual(await scene.requests('pending'), []);
  const request = (): Promise<ApprovalView> => scene.request();
  /** A client that was asked for rows. */
  const asked = async (text = 'COPY t FROM STDIN'): Promise<Wire> => {
    const client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query(text));
    assert.equal((await client.until('CopyInResponse')).at(-1)?.kind, 'CopyInResponse');
    return client;
  };
  const extended = (text: string): Buffer[] => [toServer.parse('', text), toServer.bind('', '', [], []), toServer.describe('portal', ''), toServer.execute(''), toServer.sync];
  const works = async (client: Wire): Promise<void> => assert.deepEqual(plain(await client.query('SELECT 42 AS n')).slice(1), ['(42)', 'SELECT 1', 'ZI']);

  test('the client is asked as the target would ask it', async () => {
    using direct = await directWire(scene.target, 'app');
    for (const text of ['COPY t FROM STDIN', 'COPY t(note) FROM STDIN (FORMAT csv, HEADER)', 'COPY t FROM STDIN (FORMAT binary)', 'COPY made FROM STDIN', 'COPY made(b, a) FROM STDIN (FORMAT csv)']) {
      direct.send(toServer.query(text));
      const [wanted] = await direct.until('CopyInResponse');
      direct.send(toServer.copyFail('enough'));
      const words = errorText(await direct.until('ReadyForQuery'));
      using client = await gatewayWire(scene, 'migrator');
      client.send(toServer.query(text));
      assert.deepEqual((await client.until('CopyInResponse')).at(-1), wanted, text);
      client.send(toServer.copyFail('enough'));
      const told = errorText(await client.until('ReadyForQuery'));
      for (const field of ['C:57014', 'M:COPY from stdin failed: enough']) for (const one of [words, told]) assert.ok(one.includes(field), one);
      await works(client);
    }
    await nothingAsked();
    await forgotten();
  });

  test('a client that leaves, in the middle of its rows or while it waits, leaves nothing', async () => {
    const middle = await asked();
    middle.send(toServer.copyData(ROWS));
    await until(() => kept() === 1);
    middle.close();
    await forgotten();
    await nothingAsked();
    const waiting = await asked();
    waiting.send(toServer.copyData(ROWS), toServer.copyDone);
    const { id } = await request();
    waiting.close();
    await forgotten();
    await until(async () => (await scene.show(id)).waiting === 0);
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.equal(await count(), 0, 'approved, and nobody was there');
    // In other pieces, by another session: the same rows.
    using again = await asked();
    for (const byte of ROWS) again.send(toServer.copyData(Buffer.from([byte])));
    again.send(toServer.copyDone);
    assert.deepEqual(plain(await again.until('ReadyForQuery')), ['COPY 2', 'ZI']);
    assert.equal(await count(), 2);
    assert.equal((await scene.show(id)).state, 'used');
    await scene.target.query('TRUNCATE t');
    await forgotten();
  });

  test('a cancel ends it, in the middle of its rows or while it waits', async () => {
    const cancel = async ({ processId, key }: Wire): Promise<void> => void (await openSocket(scene.gateway.port())).end(toServer.cancelRequest(processId, key));
    using middle = await asked();
    middle.send(toServer.copyData(ROWS));
    await until(() => kept() === 1);
    await cancel(middle);
    assert.match(errorText(await middle.until('ReadyForQuery')), /C:57014/);
    middle.send(toServer.copyData(ROWS), toServer.copyDone);
    await works(middle);
    await nothingAsked();
    using waiting = await asked();
    waiting.send(toServer.copyData(ROWS), toServer.copyDone);
    const { id } = await request();
    await cancel(waiting);
    assert.match(errorText(await waiting.until('ReadyForQuery')), /C:57014/);
    await until(async () => (await scene.show(id)).state === 'withdrawn');
    await works(waiting);
    assert.equal(await count(), 0);
    await forgotten();
  });

  test('by the extended protocol', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(...extended('COPY t FROM STDIN'));
    assert.deepEqual(plain(await client.until('CopyInResponse')), ['ParseComplete', 'BindComplete', 'NoData', 'CopyInResponse']);
    client.send(toServer.copyData(ROWS), toServer.copyDone, toServer.sync);
    const { id } = await request();
    assert.equal((await scene.show(id)).data?.rows, 2);
    assert.equal(await count(), 0);
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.deepEqual(plain(await client.until('ReadyForQuery')).filter((one) => !one.startsWith('N')), ['COPY 2', 'ZI']);
    assert.equal(await count(), 2);
    await works(client);
    // A prepared one, twice: each time with its own rows and an approval of its own. The second is failed by its client.
    client.send(toServer.parse('load', 'COPY t FROM STDIN'), toServer.sync);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['ParseComplete', 'ZI']);
    client.send(toServer.bind('', 'load', [], []), toServer.execute(''), toServer.sync);
    assert.deepEqual(plain(await client.until('CopyInResponse')), ['BindComplete', 'CopyInResponse']);
    client.send(toServer.copyData(Buffer.from('3\tthree\n')), toServer.copyDone, toServer.sync);
    assert.ok((await scene.answer((await request()).id, 'approve')).ok);
    assert.deepEqual(plain(await client.until('ReadyForQuery')).filter((one) => !one.startsWith('N')), ['COPY 1', 'ZI']);
    client.send(toServer.bind('', 'load', [], []), toServer.execute(''), toServer.sync);
    await client.until('CopyInResponse');
    client.send(toServer.copyFail('no'), toServer.sync);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['E57014', 'ZI']);
    await nothingAsked();
    assert.equal(await count(), 3);
    await scene.target.query('TRUNCATE t');
    await forgotten();
  });

  test('by the extended protocol without an approval, where answers are masked', async () => {
    using client = await gatewayWire(scene, 'writer');
    client.send(...extended('COPY t FROM STDIN'));
    assert.deepEqual(plain(await client.until('CopyInResponse')), ['ParseComplete', 'BindComplete', 'NoData', 'CopyInResponse']);
    client.send(toServer.copyData(ROWS), toServer.copyDone, toServer.sync);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['COPY 2', 'ZI']);
    await scene.target.query('TRUNCATE t');
  });

  test('by the extended protocol in a transaction, and behind something in the same series', async () => {
    using client = await gatewayWire(scene, 'migrator');
    const attempt = async (): Promise<string[]> => {
      await client.query('BEGIN');
      client.send(...extended('COPY t FROM STDIN'));
      await client.until('CopyInResponse');
      client.send(toServer.copyData(ROWS), toServer.copyDone, toServer.sync);
      return plain(await client.until('ReadyForQuery'));
    };
    assert.deepEqual(await attempt(), ['E42501', 'ZE']);
    await client.query('ROLLBACK');
    assert.ok((await scene.answer((await request()).id, 'approve')).ok);
    assert.deepEqual(await attempt(), ['COPY 2', 'ZT']);
    assert.equal(await count(), 0);
    await client.query('COMMIT');
    assert.equal(await count(), 2);
    const [parse, bind, ...rest] = extended('COPY t FROM STDIN') as [Buffer, Buffer, ...Buffer[]];
    client.send(toServer.parse('one', 'SELECT 1'), toServer.bind('', 'one', [], []), toServer.execute(''), parse, bind, ...rest);
    const told = await client.until('ReadyForQuery');
    assert.match(errorText(told), /something was sent before it in the same series, send Sync first; approval is required by asking\/copies: rows are looked at/);
    await nothingAsked();
    await scene.target.query('TRUNCATE t');
    await forgotten();
  });

  test('rows that were sent before they were asked for; more than COPY in one message; other messages in the middle', async () => {
    using eager = await gatewayWire(scene, 'migrator');
    eager.send(toServer.query('COPY t FROM STDIN'), toServer.copyData(ROWS), toServer.copyDone, toServer.query('SELECT 42 AS n'));
    const { id } = await request();
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.deepEqual(plain(await eager.until('ReadyForQuery', 2)).filter((one) => !one.startsWith('N')).slice(1, 3), ['COPY 2', 'ZI']);
    using several = await gatewayWire(scene, 'migrator');
    assert.match(errorText(await several.query('SELECT 1; COPY t FROM STDIN')), /C:42501[^]*send COPY in a message of its own; approval is required by asking\/copies: rows are looked at/);
    await works(several);
    using odd = await asked();
    odd.send(toServer.query('SELECT 1'));
    assert.match(errorText(await odd.rest()), /C:08P01/);
    await nothingAsked();
    await scene.target.query('TRUNCATE t');
    await forgotten();
  });

  test('a failed transaction asks nobody', async () => {
    using client = await gatewayWire(scene, 'migrator');
    await client.query('BEGIN');
    await client.query('SELECT no_such_column');
    assert.match(errorText(await client.query('COPY t FROM STDIN')), /the transaction has failed/);
    await client.query('ROLLBACK');
    await nothingAsked();
  });

  test('masked values that come back are refused before people are asked, behind columns that COPY leaves out as well', async () => {
    using reader = await gatewayWire(scene, 'writer');
    const shown = (await reader.query('SELECT ssn FROM customers WHERE id = 1')).find((message) => message.kind === 'DataRow');
    const masked = shown?.values[0]?.toString() ?? '';
    assert.ok(masked !== '' && masked !== '123-45-6789');
    using covered = await asked('COPY customers FROM STDIN');
    covered.send(toServer.copyData(Buffer.from(`7\t${masked}\n`)), toServer.copyDone);
    assert.match(errorText(await covered.until('ReadyForQuery')), /C:42501/);
    using plainly = await gatewayWire(scene, 'writer');
    plainly.send(toServer.query('COPY customers FROM STDIN'));
    await plainly.until('CopyInResponse');
    plainly.send(toServer.copyData(Buffer.from(`8\t${masked}\n`)), toServer.copyDone);
    assert.match(errorText(await plainly.until('ReadyForQuery')), /C:42501/);
    assert.equal(await count('customers'), 1);
    await nothingAsked();
    await forgotten();
  });

  test('a table that is altered while people think: nothing runs', async () => {
    using client = await asked();
    client.send(toServer.copyData(ROWS), toServer.copyDone);
    const { id } = await request();
    await scene.target.query('ALTER TABLE t ADD COLUMN more int');
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.match(errorText(await client.until('ReadyForQuery')), /C:42501/);
    assert.equal(await count(), 0);
    await scene.target.query('ALTER TABLE t DROP COLUMN more');
    await forgotten();
  });

  test('what is not asked about any more when its rows are there runs with these rows; what is denied by then does not', async () => {
    const policies = scene.config['policies'] as { readonly rules?: unknown }[];
    const [writing, asking] = policies;
    const reload = async (changed: unknown): Promise<void> => {
      const before = scene.gateway.logLines().length;
      await scene.gateway.reload({ ...scene.config, policies: [writing, changed] });
      await until(() => scene.gateway.logLines().slice(before).some(({ msg }) => String(msg).includes('configuration')), 20_000, 'the reload');
    };
    using client = await asked();
    client.send(toServer.copyData(ROWS));
    await until(() => kept() === 1);
    await reload({ ...asking, rules: [] });
    client.send(toServer.copyDone);
    assert.deepEqual(plain(await client.until('ReadyForQuery')), ['COPY 2', 'ZI']);
    await reload(asking);
    using other = await asked();
    other.send(toServer.copyData(ROWS));
    await reload({ ...asking, rules: [{ name: 'none', match: { verbs: ['copy'] }, effect: 'deny' }] });
    other.send(toServer.copyDone);
    assert.match(errorText(await other.until('ReadyForQuery')), /C:42501/);
    assert.equal(await count(), 2);
    await forgotten();
  });
});
