import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import { until } from '../kit/until.ts';
import { PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { gatewayWire } from './wire.ts';

const rule = (name: string, object: string, approval: Readonly<Record<string, unknown>>): Record<string, unknown> => ({ name, match: { verbs: ['delete'], objects: [object] }, effect: 'require_approval', reason: `${object} is kept`, approval: { ...PATIENT, ...approval } });

suite('how long and how many commands are held', () => {
  let scene: ApprovalScene;
  const tables = ['plain', 'briefly', 'waits_in_block', 'two_people', 'many'];
  before(async () => {
    scene = await startApprovalScene({
      postgres: { users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }], setup: tables.map((name) => `CREATE TABLE ${name}(id int); INSERT INTO ${name} VALUES (1); ALTER TABLE ${name} OWNER TO app;`).join(' ') },
      policies: [{
        name: 'deleting',
        identities: ['migrator', 'writer'],
        connections: ['*'],
        allow: ['read', 'write', 'session'],
        limits: { heldCommands: 2, rowsPerCommand: 3 },
        rules: [rule('plain', 'plain', {}), rule('many', 'many', {}), rule('brief', 'briefly', { hold: '1s' }), rule('block', 'waits_in_block', { holdInTransaction: '60s' }), rule('two', 'two_people', { count: 2, groups: ['okta/dba', 'okta/oncall'] })],
      }],
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  test('after the hold the client gets the link; approved later, the same command runs on its next try', async () => {
    const first = await scene.psql('migrator', '-c', 'DELETE FROM briefly');
    assert.equal(first.code, 1);
    const { id, session } = await scene.request();
    assert.match(first.stderr, new RegExp(`approvals/${id}`));
    assert.match(first.stderr, new RegExp(`DETAIL:  wicketgate session ${session}\\nHINT`));
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.equal(await scene.target.count('briefly'), 1);
    const second = await scene.psql('migrator', '-c', 'DELETE FROM briefly');
    assert.equal(second.code, 0, second.stderr);
    assert.equal(await scene.target.count('briefly'), 0);
  });

  test('what could not be counted runs beyond rowsPerCommand when people approve it, and they are told', async () => {
    await scene.target.query('INSERT INTO many SELECT generate_series(2, 9)');
    const counted = scene.psql('migrator', '-c', 'DELETE FROM many WHERE id = 1');
    const one = await scene.request();
    assert.deepEqual([one.rows, one.maxRows, one.liftsRowLimit], [1, 1, undefined]);
    assert.ok((await scene.answer(one.id, 'approve')).ok);
    assert.equal((await counted).code, 0);
    const job = scene.psql('migrator', '-c', 'DELETE FROM many');
    const { id, ...view } = await scene.request();
    assert.deepEqual([view.rows, view.maxRows, view.liftsRowLimit], [undefined, undefined, 3]);
    const shown = await scene.gateway.cli('approvals', 'show', id, '--config', scene.gateway.configFile);
    assert.match(shown.stdout, /^rows: +no row limit: could not be counted; rowsPerCommand of 3 does not hold for it; how many the changed tables hold is not known: never analyzed$/m);
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.equal((await job).stdout, 'DELETE 8\n');
  });

  test('a rule may hold inside a transaction', async () => {
    const job = scene.psql('migrator', '-c', 'BEGIN', '-c', 'DELETE FROM waits_in_block', '-c', 'COMMIT');
    const { id } = await scene.request();
    assert.ok((await scene.answer(id, 'approve')).ok);
    const ran = await job;
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await scene.target.count('waits_in_block'), 0);
  });

  test('two different people; one who says it twice is one; somebody else is nobody', async () => {
    const job = scene.psql('migrator', '-c', 'DELETE FROM two_people');
    const { id } = await scene.request();
    const nobody = await scene.answer(id, 'approve', { subject: 'mallory', groups: ['engineering'] });
    assert.ok(!nobody.ok && nobody.code === 'not_approver', JSON.stringify(nobody));
    assert.ok((await scene.answer(id, 'approve', { subject: 'alice' })).ok);
    const twice = await scene.answer(id, 'approve', { subject: 'alice' });
    assert.ok(!twice.ok && twice.code === 'already', JSON.stringify(twice));
    await scene.answer(id, 'approve', { subject: 'alice', groups: ['oncall'] });
    assert.equal((await scene.show(id)).state, 'pending', 'in whatever group, one person is one');
    assert.ok((await scene.answer(id, 'approve', { subject: 'bob', groups: ['oncall'] })).ok);
    const ran = await job;
    assert.equal(ran.code, 0, ran.stderr);
  });

  test('break-glass lets it through alone, with a reason', async () => {
    const job = scene.psql('migrator', '-c', 'DELETE FROM two_people');
    const { id } = await scene.request();
    const alice = await scene.answer(id, 'force');
    assert.ok(!alice.ok, 'not of the group');
    const silent = await scene.answer(id, 'force', { subject: 'carol', groups: ['commanders'], reason: ' ' });
    assert.ok(!silent.ok && silent.code === 'reason', JSON.stringify(silent));
    assert.ok((await scene.answer(id, 'force', { subject: 'carol', groups: ['commanders'], reason: 'the site is down' })).ok);
    assert.equal((await job).code, 0);
    await until(() => /"level":40.*force|force.*"level":40/i.test(scene.gateway.log()), 20_000, 'the log line');
  });

  test('beyond heldCommands it is refused at once, with the link', async () => {
    using one = await gatewayWire(scene, 'migrator');
    using two = await gatewayWire(scene, 'migrator');
    using three = await gatewayWire(scene, 'migrator');
    one.send(toServer.query('DELETE FROM plain WHERE id = 1'));
    two.send(toServer.query('DELETE FROM plain WHERE id = 2'));
    await until(async () => (await scene.requests('pending')).filter(({ waiting }) => waiting === 1).length === 2);
    const refused = await three.query('DELETE FROM plain WHERE id = 3');
    assert.match(JSON.stringify(refused.find(({ kind }) => kind === 'ErrorResponse')), /42501.*approvals\//);
    for (const { id } of await scene.requests('pending')) assert.ok((await scene.answer(id, 'deny')).ok);
    await one.until('ReadyForQuery');
    await two.until('ReadyForQuery');
  });

  test('the target ends its side meanwhile: 57P01, and the approval stays good', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DELETE FROM plain'));
    const { id } = await scene.request();
    await scene.target.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    assert.match(JSON.stringify(await client.rest()), /57P01/);
    assert.ok((await scene.answer(id, 'approve')).ok);
    const next = await scene.psql('migrator', '-c', 'DELETE FROM plain');
    assert.equal(next.code, 0, next.stderr);
  });

  test('a client that sends without end behind a held command is refused, not buffered', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DELETE FROM plain'));
    const { id } = await scene.request();
    client.send(toServer.query(`SELECT '${'x'.repeat(900_000)}'`), toServer.query(`SELECT '${'x'.repeat(900_000)}'`));
    const answer = await client.until('ReadyForQuery');
    assert.match(JSON.stringify(answer.find(({ kind }) => kind === 'ErrorResponse')), /54000.*behind/);
    assert.notEqual((await scene.show(id)).state, 'approved');
    await client.until('ReadyForQuery', 2);
    for (const { id: left } of await scene.requests('pending')) await scene.answer(left, 'deny');
  });

  test('a session that ends while it waits leaves nothing that could run', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DELETE FROM plain'));
    const { id } = await scene.request();
    const revoked = await scene.gateway.cli('identities', 'revoke', 'migrator', '--config', 'wicketgate.yaml');
    assert.equal(revoked.code, 0, revoked.stderr);
    await client.rest();
    await until(async () => (await scene.show(id)).waiting === 0);
    const { code, stdout } = await scene.gateway.cli('evidence', 'verify', 'data', '--keys', 'keys');
    assert.equal(code, 0, stdout);
  });
});
