import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { until } from '../kit/until.ts';
import { ASKING, PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { gatewayWire, openSocket, type Wire } from './wire.ts';

const errorOf = (messages: readonly BackendMessage[]): string => JSON.stringify(messages.find(({ kind }) => kind === 'ErrorResponse') ?? 'none');
const tags = (messages: readonly BackendMessage[]): string[] => messages.flatMap((message) => (message.kind === 'CommandComplete' ? [message.tag] : []));

/** In a transaction a command is refused at once and runs on the next try: what is another command is refused again, with another request. */
const IN_BLOCK = (text: string): readonly string[] => ['BEGIN', text, 'ROLLBACK'];

suite('an approval lets exactly one command through', () => {
  let scene: ApprovalScene;
  before(async () => {
    const [migrating] = ASKING;
    scene = await startApprovalScene({
      postgres: { users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }], setup: 'CREATE SCHEMA other AUTHORIZATION app; CREATE TABLE victim(id int); CREATE TABLE other.victim(id int); ALTER TABLE victim OWNER TO app; ALTER TABLE other.victim OWNER TO app; GRANT CREATE ON SCHEMA public TO app; CREATE ROLE helper; GRANT helper TO app; ALTER ROLE app SET client_min_messages = warning' },
      connectionsAt: (port) => ['shop', 'copy'].map((name) => ({ name, protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } })),
      policies: [
        {
          ...migrating,
          rules: [
            { name: 'deletes', match: { verbs: ['delete', 'drop', 'truncate'] }, effect: 'require_approval', reason: 'what is gone is gone', approval: PATIENT },
            { name: 'roles', match: { classes: ['admin'], verbs: ['set'] }, effect: 'allow' },
          ],
        },
      ],
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  const runAll = async (client: Wire, texts: readonly string[]): Promise<BackendMessage[][]> => {
    const answers: BackendMessage[][] = [];
    for (const text of texts) answers.push(await client.query(text));
    return answers;
  };
  /** Asks for DELETE FROM victim in a block, and has it approved. */
  const approved = async (): Promise<string> => {
    using client = await gatewayWire(scene, 'migrator');
    const [, refused] = await runAll(client, IN_BLOCK('DELETE FROM victim'));
    assert.match(errorOf(refused ?? []), /42501/);
    const { id } = await scene.request();
    const answered = await scene.answer(id, 'approve');
    assert.ok(answered.ok, JSON.stringify(answered));
    return id;
  };
  /** Nothing of what was tried used the approval, and the command itself still does. */
  const unusedAndGood = async (id: string): Promise<void> => {
    assert.equal((await scene.show(id)).state, 'approved');
    for (const { id: other } of await scene.requests('pending')) assert.ok((await scene.answer(other, 'deny')).ok);
    using client = await gatewayWire(scene, 'migrator');
    const [, deleted] = await runAll(client, IN_BLOCK('DELETE FROM victim'));
    assert.deepEqual(tags(deleted ?? []), ['DELETE 0'], errorOf(deleted ?? []));
    assert.equal((await scene.show(id)).state, 'used');
  };

  const cheats: readonly (readonly [string, (client: Wire) => Promise<BackendMessage[]>])[] = [
    ['another blank', async (client) => (await runAll(client, IN_BLOCK('DELETE FROM  victim')))[1] ?? []],
    ['a comment', async (client) => (await runAll(client, IN_BLOCK('DELETE FROM victim -- x')))[1] ?? []],
    ['another case', async (client) => (await runAll(client, IN_BLOCK('delete FROM victim')))[1] ?? []],
    ['a second statement', async (client) => (await runAll(client, IN_BLOCK('DELETE FROM victim; DELETE FROM victim')))[1] ?? []],
    ['another search_path', async (client) => (await runAll(client, ['SET search_path = other', ...IN_BLOCK('DELETE FROM victim')]))[2] ?? []],
    ['another search_path in the block', async (client) => (await runAll(client, ['BEGIN', 'SET LOCAL search_path = other', 'DELETE FROM victim', 'ROLLBACK']))[2] ?? []],
    ['another role', async (client) => (await runAll(client, ['SET ROLE helper', ...IN_BLOCK('DELETE FROM victim')]))[2] ?? []],
    ['another setting', async (client) => (await runAll(client, ["SET datestyle = 'SQL, DMY'", ...IN_BLOCK('DELETE FROM victim')]))[2] ?? []],
    ['a setting of an application', async (client) => (await runAll(client, ["SET app.tenant = '7'", ...IN_BLOCK('DELETE FROM victim')]))[2] ?? []],
    ['the same text by Parse and Bind', async (client) => {
      await client.query('BEGIN');
      client.send(toServer.parse('', 'DELETE FROM victim'), toServer.bind('', '', [], []), toServer.execute(''), toServer.sync);
      const answer = await client.until('ReadyForQuery');
      await client.query('ROLLBACK');
      return answer;
    }],
    ['EXECUTE of a statement of that text', async (client) => {
      client.send(toServer.parse('gone', 'DELETE FROM victim'), toServer.sync);
      await client.until('ReadyForQuery');
      return (await runAll(client, IN_BLOCK('EXECUTE gone')))[1] ?? [];
    }],
  ];
  for (const [what, cheat] of cheats) {
    test(`${what} is another command`, async () => {
      const id = await approved();
      using client = await gatewayWire(scene, 'migrator');
      const answer = await cheat(client);
      assert.match(errorOf(answer), /42501.*approval/, JSON.stringify(tags(answer)));
      await unusedAndGood(id);
    });
  }

  test('another identity, and another connection to the same target, have nothing of it', async () => {
    const id = await approved();
    for (const client of [await gatewayWire(scene, 'writer'), await gatewayWire(scene, 'migrator', { connection: 'copy', database: 'copy' })]) {
      using other = client;
      assert.match(errorOf((await runAll(other, IN_BLOCK('DELETE FROM victim')))[1] ?? []), /42501.*approval/);
    }
    await unusedAndGood(id);
  });

  test('outside a transaction it is another command than inside', async () => {
    const id = await approved();
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DELETE FROM victim'));
    const held = await scene.request();
    assert.ok((await scene.answer(held.id, 'deny', { reason: 'another one' })).ok);
    assert.match(errorOf(await client.until('ReadyForQuery')), /another one/);
    await unusedAndGood(id);
  });

  test('bound values, their formats, and a name that stands for another text now', async () => {
    using client = await gatewayWire(scene, 'migrator');
    const bound = (text: string, value: string, formats: readonly (0 | 1)[] = []): Promise<BackendMessage[]> => {
      client.send(toServer.close('statement', 'gone'), toServer.parse('gone', text), toServer.sync, toServer.bind('', 'gone', formats, [Buffer.from(value)]), toServer.execute(''), toServer.sync);
      return client.until('ReadyForQuery', 2);
    };
    await client.query('BEGIN');
    assert.match(errorOf(await bound('DELETE FROM victim WHERE id = $1', '7')), /42501/);
    await client.query('ROLLBACK');
    const { id } = await scene.request();
    assert.ok((await scene.answer(id, 'approve')).ok);
    for (const [text, value, formats] of [['DELETE FROM victim WHERE id = $1', '8', []], ['DELETE FROM victim WHERE id = $1 OR true', '7', []], ['DELETE FROM victim WHERE id = $1', '\0\0\0\u0007', [1]]] as const) {
      await client.query('BEGIN');
      assert.match(errorOf(await bound(text, value, formats)), /42501.*approval/, text + value);
      await client.query('ROLLBACK');
    }
    for (const { id: other } of await scene.requests('pending')) await scene.answer(other, 'deny');
    await client.query('BEGIN');
    const ran = await bound('DELETE FROM victim WHERE id = $1', '7');
    assert.deepEqual(tags(ran), ['DELETE 0'], errorOf(ran));
    await client.query('BEGIN');
    const again = await bound('DELETE FROM victim WHERE id = $1', '7');
    assert.match(errorOf(again), /42501/, 'used once');
    for (const { id: other } of await scene.requests('pending')) await scene.answer(other, 'deny');
  });

  test('a row that only a cursor names is not asked about: which one it is would be decided afterwards', async () => {
    await scene.target.query('CREATE TABLE rowed(id int); INSERT INTO rowed VALUES (1), (2); ALTER TABLE rowed OWNER TO app');
    using client = await gatewayWire(scene, 'migrator');
    const before = (await scene.requests('pending')).length;
    for (const text of ['DELETE FROM rowed WHERE CURRENT OF c', 'WITH gone AS (DELETE FROM rowed WHERE CURRENT OF c RETURNING id) SELECT * FROM gone', 'EXECUTE p']) {
      client.send(toServer.close('statement', 'p'), toServer.parse('p', 'DELETE FROM rowed WHERE CURRENT OF c'), toServer.sync);
      await client.until('ReadyForQuery');
      for (const each of ['BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM rowed', 'FETCH 1 FROM c']) assert.equal(errorOf(await client.query(each)), '"none"');
      assert.match(errorOf(await client.query(text)), /42501.*WHERE CURRENT OF does not say for which row/, text);
      await client.query('ROLLBACK');
    }
    assert.equal((await scene.requests('pending')).length, before);
    assert.equal(await scene.target.count('rowed'), 2);
  });

  test('two live waiters on one approval: the older runs, the other waits on for one of its own', async () => {
    await scene.target.query('CREATE TABLE twice(id int); ALTER TABLE twice OWNER TO app');
    using first = await gatewayWire(scene, 'migrator');
    using second = await gatewayWire(scene, 'migrator');
    first.send(toServer.query('DELETE FROM twice'));
    const one = await scene.request();
    second.send(toServer.query('DELETE FROM twice'));
    await until(async () => (await scene.show(one.id)).waiting === 2, 20_000, 'both wait for one request');
    assert.ok((await scene.answer(one.id, 'approve')).ok);
    assert.deepEqual(tags(await first.until('ReadyForQuery')), ['DELETE 0']);
    const two = await scene.request();
    assert.notEqual(two.id, one.id);
    assert.equal(two.waiting, 1);
    assert.ok((await scene.answer(two.id, 'deny', { reason: 'once is enough' })).ok);
    assert.match(errorOf(await second.until('ReadyForQuery')), /once is enough/);
  });

  test('approval and cancel race: it runs or it is cancelled, never both, never neither', async () => {
    for (let round = 0; round < 12; round += 1) {
      await scene.target.query(`CREATE TABLE race_${round}(id int); INSERT INTO race_${round} VALUES (1); ALTER TABLE race_${round} OWNER TO app`);
      using client = await gatewayWire(scene, 'migrator');
      client.send(toServer.query(`DELETE FROM race_${round}`));
      const { id } = await scene.request();
      const { digest } = await scene.show(id);
      const cancel = async (): Promise<void> => void (await openSocket(scene.gateway.port())).end(toServer.cancelRequest(client.processId, client.key));
      await Promise.all(round % 2 === 0 ? [scene.answer(id, 'approve', { digest }), cancel()] : [cancel(), scene.answer(id, 'approve', { digest })]);
      const answer = await client.until('ReadyForQuery');
      const ran = tags(answer).includes('DELETE 1');
      assert.notEqual(ran, /57014/.test(errorOf(answer)), JSON.stringify(answer));
      assert.equal(await scene.target.count(`race_${round}`), ran ? 0 : 1);
      for (const state of ['pending', 'approved'] as const) for (const { id: left } of await scene.requests(state)) await scene.answer(left, 'deny').catch(() => undefined);
    }
  });

  test('the gateway is killed while commands wait: none of them runs, and the request stays for the next try', async () => {
    await scene.target.query('CREATE TABLE killed(id int); INSERT INTO killed VALUES (1); ALTER TABLE killed OWNER TO app');
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DELETE FROM killed'));
    const before = (await until(async () => (await scene.requests('pending')).find(({ waiting }) => waiting === 1))).id;
    await scene.gateway.kill9();
    await scene.gateway.start();
    const shown = await scene.show(before);
    assert.deepEqual([shown.state, shown.waiting, shown.text], ['pending', 0, 'DELETE FROM killed']);
    assert.ok((await scene.answer(before, 'approve')).ok);
    assert.equal(await scene.target.count('killed'), 1, 'nothing runs without a live client');
    const next = await scene.psql('migrator', '-c', 'DELETE FROM killed');
    assert.equal(next.code, 0, next.stderr);
    assert.equal((await scene.show(before)).state, 'used');
  });

  test('the evidence of all of it verifies, and holds no answer without its record', async () => {
    const { code, stdout, stderr } = await scene.gateway.cli('evidence', 'verify', 'data', '--keys', 'keys');
    assert.equal(code, 0, stdout + stderr);
  });
});
