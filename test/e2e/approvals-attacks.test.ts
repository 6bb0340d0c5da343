import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { until } from '../kit/until.ts';
import { PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { TARGET_PASSWORD } from './scene.ts';
import { directWire, gatewayWire, openSocket, type Wire } from './wire.ts';

const errorOf = (messages: readonly BackendMessage[]): string => JSON.stringify(messages.find(({ kind }) => kind === 'ErrorResponse') ?? 'none');
const tags = (messages: readonly BackendMessage[]): string[] => messages.flatMap((message) => (message.kind === 'CommandComplete' ? [message.tag] : []));

/** The role of the gateway is `app`, whose own schema comes first in its path and is empty. */
const SETUP = `
CREATE SCHEMA app AUTHORIZATION app; CREATE SCHEMA evil AUTHORIZATION app;
CREATE TABLE victim(id int, tenant text); INSERT INTO victim VALUES (1, '7'), (2, '8'); CREATE TABLE other(id int, tenant text); INSERT INTO other VALUES (1, '7');
CREATE VIEW shown AS SELECT * FROM victim; CREATE TABLE tally(n int); INSERT INTO tally VALUES (0);
CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'UPDATE public.tally SET n = n + 1 RETURNING n';
ALTER TABLE victim OWNER TO app; ALTER TABLE other OWNER TO app; ALTER VIEW shown OWNER TO app; ALTER TABLE tally OWNER TO app; ALTER FUNCTION wipe() OWNER TO app;
GRANT CREATE ON SCHEMA public TO app; GRANT CREATE, TEMP ON DATABASE postgres TO app;`;

suite('what was approved means the same when it runs', () => {
  let scene: ApprovalScene;
  before(async () => {
    scene = await startApprovalScene({
      postgres: { users: [{ name: 'app', password: TARGET_PASSWORD }], setup: SETUP },
      connectionsAt: (port) => [{ name: 'shop', protocol: 'postgres', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' }, functions: ['public.wipe()'] }],
      policies: [{
        name: 'migrating',
        identities: ['migrator', 'writer'],
        connections: ['*'],
        allow: ['read', 'write', 'schema', 'session'],
        rules: [{ name: 'deletes', match: { verbs: ['delete', 'call', 'drop'] }, effect: 'require_approval', reason: 'what is gone is gone', approval: PATIENT }],
      }],
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  /** Holds a command, changes something, approves, and gives what came of it. */
  const heldWhile = async (text: string, change: () => Promise<unknown>): Promise<BackendMessage[]> => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query(text));
    const { id, digest } = await scene.request();
    await change();
    assert.ok((await scene.answer(id, 'approve', { digest })).ok);
    return await client.until('ReadyForQuery');
  };
  const clear = async (): Promise<void> => {
    for (const state of ['pending', 'approved'] as const) for (const { id } of await scene.requests(state)) await scene.answer(id, 'deny');
  };
  const series = (client: Wire, ...messages: readonly Uint8Array[]): Promise<BackendMessage[]> => {
    client.send(...messages, toServer.sync);
    return client.until('ReadyForQuery');
  };

  test('a table of that name in front of the approved one', async () => {
    const answer = await heldWhile('DELETE FROM victim', () => scene.target.query('CREATE TABLE app.victim(id int); INSERT INTO app.victim VALUES (1); ALTER TABLE app.victim OWNER TO app'));
    assert.match(errorOf(answer), /42501/, JSON.stringify(tags(answer)));
    assert.equal(await scene.target.count('app.victim'), 1);
    await scene.target.query('DROP TABLE app.victim');
    await clear();
  });

  test('a view that shows another table now', async () => {
    const answer = await heldWhile('DELETE FROM shown', () => scene.target.query('CREATE OR REPLACE VIEW shown AS SELECT * FROM other'));
    assert.match(errorOf(answer), /42501/, JSON.stringify(tags(answer)));
    assert.equal(await scene.target.count('other'), 1);
    await clear();
  });

  test('a view that shows more of the same table now', async () => {
    await scene.target.query("CREATE VIEW part AS SELECT * FROM victim WHERE id = 1; ALTER VIEW part OWNER TO app");
    const answer = await heldWhile('DELETE FROM part', () => scene.target.query('CREATE OR REPLACE VIEW part AS SELECT * FROM victim'));
    assert.match(errorOf(answer), /42501/, JSON.stringify(tags(answer)));
    assert.equal(await scene.target.count('victim'), 2);
    await clear();
  });

  test('a function with another body', async () => {
    const answer = await heldWhile('SELECT wipe()', () => scene.target.query("CREATE OR REPLACE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'UPDATE public.tally SET n = n + 100 RETURNING n'"));
    assert.match(errorOf(answer), /42501/, JSON.stringify(tags(answer)));
    assert.equal((await scene.target.query('SELECT n FROM tally'))[0]?.['n'], 0);
    await clear();
  });

  test('a view that another session has replaced and not committed: the command would wait for it, and run on the new one', async () => {
    await scene.target.query("CREATE TABLE low(id int); CREATE TABLE high(id int); INSERT INTO high VALUES (1); CREATE VIEW between AS SELECT * FROM low; ALTER TABLE low OWNER TO app; ALTER TABLE high OWNER TO app; ALTER VIEW between OWNER TO app");
    using other = await directWire(scene.target, 'app');
    const answer = await heldWhile('DELETE FROM public.between', async () => {
      await other.query('BEGIN');
      assert.deepEqual(tags(await other.query('CREATE OR REPLACE VIEW public.between AS SELECT * FROM public.high')), ['CREATE VIEW']);
    });
    assert.match(errorOf(answer), /42501.*another session/, JSON.stringify(tags(answer)));
    await other.query('COMMIT');
    using next = await gatewayWire(scene, 'migrator');
    next.send(toServer.query('DELETE FROM public.between'));
    assert.match((await scene.request()).state, /pending/, 'it is another command now');
    next.close();
    assert.equal(await scene.target.count('high'), 1);
    await until(async () => (await scene.requests('pending')).every(({ waiting }) => waiting === 0));
    await clear();
  });

  test('EXECUTE: people see the statement that the name stands for', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('PREPARE harmless AS DELETE FROM victim WHERE id = 99'));
    assert.ok((await scene.answer((await scene.request()).id, 'approve')).ok);
    assert.deepEqual(tags(await client.until('ReadyForQuery')), ['PREPARE']);
    client.send(toServer.query('EXECUTE harmless'));
    const { id } = await scene.request();
    assert.match((await scene.show(id)).text ?? '', /^-- "harmless" stands for:\nPREPARE harmless AS DELETE FROM victim WHERE id = 99;\n\nEXECUTE harmless$/);
    await scene.answer(id, 'deny');
    await client.until('ReadyForQuery');
    await series(client, toServer.parse('byparse', 'DELETE FROM victim WHERE id = 98'));
    client.send(toServer.query('EXECUTE byparse'));
    const second = await scene.request();
    assert.match((await scene.show(second.id)).text ?? '', /^-- "byparse" stands for:\nDELETE FROM victim WHERE id = 98;\n\nEXECUTE byparse$/);
    await scene.answer(second.id, 'deny');
    await client.until('ReadyForQuery');
  });

  test('a portal that was approved is not kept for other settings', async () => {
    using client = await gatewayWire(scene, 'migrator');
    const bindIt = async (): Promise<BackendMessage[]> => {
      await client.query('BEGIN');
      return series(client, toServer.parse('', "DELETE FROM victim WHERE tenant = current_setting('app.tenant', true)"), toServer.bind('kept', '', [], []));
    };
    assert.match(errorOf(await bindIt()), /42501/);
    await client.query('ROLLBACK');
    const { id } = await scene.request();
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.equal(errorOf(await bindIt()), '"none"');
    await client.query("SET LOCAL app.tenant = '8'");
    const ran = await series(client, toServer.execute('kept'));
    assert.match(errorOf(ran), /42501/, JSON.stringify(tags(ran)));
    await client.query('ROLLBACK');
    await clear();
  });

  test('operators of the client do not answer for what an approval is bound to', async () => {
    using client = await gatewayWire(scene, 'migrator');
    // By somebody who may; the client only puts them in front.
    await scene.target.query("CREATE FUNCTION evil.never(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql RETURN false; CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never); GRANT USAGE ON SCHEMA evil TO app");
    assert.equal(errorOf(await client.query('SET search_path = evil, pg_catalog, public')), '"none"');
    const digests: string[] = [];
    for (const setting of ['SQL, DMY', 'ISO, MDY']) {
      await client.query(`SET datestyle = '${setting}'`);
      client.send(toServer.query("DELETE FROM public.other"));
      const { id, digest } = await scene.request();
      digests.push(digest);
      await scene.answer(id, 'deny');
      await client.until('ReadyForQuery');
    }
    assert.notEqual(digests[0], digests[1]);
    await scene.target.query('DROP SCHEMA evil CASCADE');
    await clear();
  });

  test('approved to commit by itself is not approved inside a block that the same series opens', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.parse('', 'DELETE FROM victim WHERE id = 50'), toServer.bind('', '', [], []), toServer.execute(''), toServer.sync);
    const { id } = await scene.request();
    client.close();
    await until(async () => (await scene.show(id)).waiting === 0);
    assert.ok((await scene.answer(id, 'approve')).ok);
    using other = await gatewayWire(scene, 'migrator');
    const answer = await series(other, toServer.parse('', 'BEGIN'), toServer.bind('', '', [], []), toServer.execute(''), toServer.parse('', 'DELETE FROM victim WHERE id = 50'), toServer.bind('', '', [], []), toServer.execute(''));
    assert.match(errorOf(answer), /42501/, JSON.stringify(tags(answer)));
    await other.query('ROLLBACK');
    await clear();
  });

  test('a client that is called and vanishes while its target is silent does not keep the approval from the next', async () => {
    using first = await gatewayWire(scene, 'migrator', { parameters: { application_name: 'first' } });
    using second = await gatewayWire(scene, 'migrator', { parameters: { application_name: 'second' } });
    first.send(toServer.query('DELETE FROM victim WHERE id = 60'));
    const { id } = await scene.request();
    second.send(toServer.query('DELETE FROM victim WHERE id = 60'));
    const { digest } = await until(async () => {
      const shown = await scene.show(id);
      return shown.waiting === 2 ? shown : undefined;
    });
    const pid = Number((await scene.target.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%first'"))[0]?.['pid']);
    process.kill(pid, 'SIGSTOP');
    try {
      assert.ok((await scene.answer(id, 'approve', { digest })).ok);
      first.close();
      assert.deepEqual(tags(await second.until('ReadyForQuery')), ['DELETE 0']);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await clear();
  });

  test('what is sent behind is bounded over all commands that are held one after the other', async () => {
    using client = await gatewayWire(scene, 'migrator');
    const behind = Array.from({ length: 600 }, (_, at) => toServer.query(`DELETE FROM victim WHERE id = ${1000 + at} -- ${'x'.repeat(1_000)}`));
    client.send(...behind);
    const first = await scene.request();
    const cancel = async (): Promise<void> => void (await openSocket(scene.gateway.port())).end(toServer.cancelRequest(client.processId, client.key));
    await cancel();
    assert.match(errorOf(await client.until('ReadyForQuery')), /57014/);
    await until(async () => (await scene.requests('pending')).some(({ id }) => id !== first.id));
    client.send(...behind);
    assert.match(errorOf(await client.until('ReadyForQuery')), /54000.*behind/);
    client.close();
    await until(async () => (await scene.requests('pending')).every(({ waiting }) => waiting === 0));
    await clear();
  });

  test('many small messages behind a held command neither fill memory nor keep others waiting', async () => {
    using client = await gatewayWire(scene, 'migrator');
    using other = await gatewayWire(scene, 'writer');
    client.send(toServer.query('DELETE FROM victim WHERE id = 70'));
    await scene.request();
    client.send(Buffer.concat(Array.from({ length: 200_000 }, () => toServer.flush)));
    const began = performance.now();
    assert.match(errorOf(await client.until('ReadyForQuery')), /54000.*behind/);
    assert.deepEqual(tags(await other.query('SELECT 1')), ['SELECT 1']);
    assert.ok(performance.now() - began < 5_000, `${performance.now() - began} ms`);
    await clear();
  });

  test('bytes that are no message behind a held command end that session and nothing else', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query('DELETE FROM victim WHERE id = 71'));
    const { id } = await scene.request();
    client.send(Buffer.from([0xff, 0, 0, 0, 4]));
    assert.match(errorOf(await client.rest()), /08P01/);
    await until(async () => (await scene.show(id)).waiting === 0);
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.equal((await scene.show(id)).state, 'approved', 'nobody is there to run it');
    await clear();
  });

  test('a text that people could not be shown to its end is not asked about', async () => {
    using client = await gatewayWire(scene, 'migrator');
    const answer = await client.query(`DELETE FROM victim WHERE tenant = '${'x'.repeat(1_005_000)}' OR true`);
    assert.match(errorOf(answer), /54000.*cannot be approved/, JSON.stringify(tags(answer)));
    assert.deepEqual(await scene.requests('pending'), []);
  });

  test('quotes around what looks like a key do not hide SQL from people', async () => {
    using client = await gatewayWire(scene, 'migrator');
    client.send(toServer.query("DELETE FROM victim WHERE tenant = '-----BEGIN PRIVATE KEY-----' OR id > 0 OR tenant = '-----END PRIVATE KEY-----'"));
    const { id } = await scene.request();
    const { text } = await scene.show(id);
    await scene.answer(id, 'deny');
    await client.until('ReadyForQuery');
    assert.match(text ?? '', /OR id > 0/);
  });
});
