import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import { SOON_MS, until } from '../kit/until.ts';
import { startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { gatewayWire, openSocket, openWire, type Wire } from './wire.ts';

suite('a command that people have to approve', () => {
  let scene: ApprovalScene;
  before(async () => { scene = await startApprovalScene({ connection: { plaintext: true } }); });
  after(() => scene[Symbol.asyncDispose]());

  const table = async (name: string): Promise<void> => {
    const made = await scene.psql('migrator', '-c', `CREATE TABLE ${name} (id int)`);
    assert.equal(made.code, 0, made.stderr);
  };
  const exists = async (name: string): Promise<boolean> => (await scene.target.query(`SELECT to_regclass('public.${name}') IS NOT NULL AS there`))[0]?.['there'] === true;

  test('is held on its live psql connection, and runs once when a person approves', async () => {
    await table('held_one');
    const job = scene.psql('migrator', '-c', 'DROP TABLE held_one');
    const request = await scene.request();
    const shown = await scene.show(request.id);
    assert.equal(shown.text, 'DROP TABLE held_one');
    assert.deepEqual([shown.identity, shown.connection, shown.verb, shown.waiting, shown.inTransaction, shown.reason], ['migrator', 'shop', 'drop_table', 1, false, 'what is dropped is gone']);
    assert.equal(shown.url, `https://wicketgate.test/approvals/${request.id}`);
    assert.equal(await exists('held_one'), true, 'nothing runs before');
    const answered = await scene.answer(request.id, 'approve');
    assert.ok(answered.ok, JSON.stringify(answered));
    const ran = await job;
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /NOTICE: {2}wicketgate: .*https:\/\/wicketgate\.test\/approvals\//);
    assert.equal(await exists('held_one'), false);
    assert.equal((await scene.show(request.id)).state, 'used');
    await table('held_one');
    const again = scene.psql('migrator', '-c', 'DROP TABLE held_one');
    const second = await scene.request();
    assert.notEqual(second.id, request.id, 'an approval serves once');
    assert.ok((await scene.answer(second.id, 'deny', { reason: 'not on a Sunday' })).ok);
    const denied = await again;
    assert.equal(denied.code, 1);
    assert.ok(denied.stderr.includes(`an approver denied this command: not on a Sunday (request ${second.id}); approval is required by migrating/drops: what is dropped is gone\n`), denied.stderr);
    assert.equal(await exists('held_one'), true);
  });

  test('the client cancels: the error is its server\'s own, and nothing runs when it is approved afterwards', async () => {
    await table('cancelled_one');
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DROP TABLE cancelled_one'));
    const request = await scene.request();
    const notice = await client.until('NoticeResponse');
    assert.equal(notice.length, 1);
    const cancel = await openSocket(scene.gateway.port());
    cancel.end(toServer.cancelRequest(client.processId, client.key));
    const answer = await client.until('ReadyForQuery');
    const error = answer.find(({ kind }) => kind === 'ErrorResponse');
    assert.match(JSON.stringify(error), /57014.*canceling statement due to user request/);
    const late = await scene.answer(request.id, 'approve');
    assert.equal(late.ok, false, 'nobody waits for it any more');
    client.send(toServer.query('SELECT 1'));
    assert.ok((await client.until('ReadyForQuery')).some(({ kind }) => kind === 'DataRow'), 'the session goes on');
    assert.equal(await exists('cancelled_one'), true);
  });

  for (const [how, leave] of [
    ['says Terminate', (client: Wire) => client.send(toServer.terminate)],
    ['closes its side', (client: Wire) => client.socket.end()],
    ['is reset', (client: Wire) => client.socket.resetAndDestroy()],
  ] as const) {
    test(`the client ${how}: seen at once, and an approval then runs nothing`, async () => {
      await table(`left_${how.length}`);
      // Without TLS, so that it can be reset as well.
      using client = await openWire({ to: scene.gateway.port(), parameters: { user: 'migrator', database: 'shop' }, password: await scene.token('migrator') });
      client.send(toServer.query(`DROP TABLE left_${how.length}`));
      const request = await scene.request();
      leave(client);
      await until(async () => (await scene.show(request.id)).waiting === 0, SOON_MS, 'nobody waits');
      const answered = await scene.answer(request.id, 'approve');
      assert.ok(answered.ok, JSON.stringify(answered));
      assert.equal(await exists(`left_${how.length}`), true);
      const state = (await scene.show(request.id)).state;
      assert.equal(state, 'approved', 'it stays unused');
      const next = await scene.psql('migrator', '-c', `DROP TABLE left_${how.length}`);
      assert.equal(next.code, 0, next.stderr);
      assert.equal((await scene.show(request.id)).state, 'used', 'the next try uses it');
    });
  }

  test('what the client sent behind it runs after it, in order', async () => {
    await table('behind_one');
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DROP TABLE behind_one'), toServer.query("SELECT 'behind'"));
    const request = await scene.request();
    assert.ok((await scene.answer(request.id, 'approve')).ok);
    const answers = await client.until('ReadyForQuery', 2);
    assert.deepEqual(answers.flatMap((message) => (message.kind === 'CommandComplete' ? [message.tag] : [])), ['DROP TABLE', 'SELECT 1']);
  });

  test('in a transaction it is refused at once with the link, fails the transaction, and runs on the next try after approval', async () => {
    await table('in_block');
    const script = ['-c', 'BEGIN', '-c', 'DROP TABLE in_block', '-c', 'COMMIT'];
    const first = await scene.psql('migrator', ...script);
    assert.match(first.stdout, /ROLLBACK/);
    const request = await scene.request();
    assert.equal((await scene.show(request.id)).inTransaction, true);
    assert.ok(first.stderr.includes(`cannot be held inside a transaction or a series (request ${request.id}); approval is required by migrating/drops: what is dropped is gone\n`), first.stderr);
    assert.match(first.stderr, new RegExp(`https://wicketgate.test/approvals/${request.id}`));
    assert.match(first.stderr, new RegExp(`DETAIL:  wicketgate session ${request.session}`));
    assert.ok((await scene.answer(request.id, 'approve')).ok);
    const second = await scene.psql('migrator', ...script);
    assert.equal(second.code, 0, second.stderr);
    assert.equal(await exists('in_block'), false);
  });

  test('the extended protocol is held before anything of the series is sent', async () => {
    await table('extended_one');
    const client = await scene.client('migrator');
    try {
      const job = client.query({ text: 'DROP TABLE extended_one', values: [], name: 'dropper' });
      const request = await scene.request();
      // What the gateway has looked up for people ends a moment after they are asked.
      await until(async () => (await scene.target.query("SELECT 1 FROM pg_locks WHERE relation = 'extended_one'::regclass")).length === 0, 20_000, 'no lock while people think');
      assert.ok((await scene.answer(request.id, 'approve')).ok);
      assert.equal((await job).command, 'DROP');
      assert.equal(await exists('extended_one'), false);
    } finally {
      await client.end();
    }
  });

});
