import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { psql } from '../kit/clients.ts';
import type { Ran } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';

const TABLES = ['lapses', 'outlives', 'own', 'moved'];
const PASSWORD = 'only-the-gateway-knows-this-9f2';

/** Refused after a second with its request; what is approved then is for the next try. */
const rule = (table: string, expires: string): Record<string, unknown> => ({ name: table, match: { verbs: ['delete'], objects: [table] }, effect: 'require_approval', reason: `${table} is kept`, approval: { ...PATIENT, groups: ['okta/dba', 'okta/leads'], hold: '1s', expires } });

suite('an approval that counts no more, or not for this job', () => {
  let scene: ApprovalScene;
  before(async () => {
    scene = await startApprovalScene({
      postgres: { users: [{ name: 'app', password: PASSWORD }, { name: 'other', password: PASSWORD, attributes: 'SUPERUSER' }], setup: TABLES.map((name) => `CREATE TABLE ${name}(id int); INSERT INTO ${name} VALUES (1); ALTER TABLE ${name} OWNER TO app;`).join(' ') },
      control: { roles: { approver: { groups: ['okta/dba'] } } },
      env: { SAME_PASSWORD: PASSWORD },
      login: { accounts: { ci: 'claims.ci_login' } },
      policies: [{ name: 'deleting', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'session'], rules: [rule('lapses', '6s'), rule('outlives', '15m'), rule('own', '15m'), rule('moved', '15m')] }],
      more: {
        approvals: { forbid: ['requester'] },
        identities: [{ name: 'migrator', owner: { contact: 'migrators@acme.example' }, provider: 'ci', claims: { job: 'migrator' }, requester: 'claims.actor' }],
      },
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  const remove = async (table: string, actor = 'dana-ci'): Promise<Ran> => psql(['-c', `DELETE FROM ${table}`], { ...(await scene.env('migrator')), PGPASSWORD: await scene.issuer.token({ claims: { job: 'migrator', actor } }) });
  const refused = async (table: string, actor?: string): Promise<string> => {
    const { code, stderr } = await remove(table, actor);
    assert.equal(code, 1, stderr);
    const [, request] = /\(request (\w+)\)/.exec(stderr) ?? [];
    assert.ok(request, stderr);
    assert.equal(await scene.target.count(table), 1);
    return request;
  };
  const approve = async (id: string, subject: string, groups: readonly string[] = ['dba']) =>
    scene.answer(id, 'approve', { idToken: await scene.idToken(subject, groups, { claims: { ci_login: `${subject}-ci` } }) });

  const reload = (changed: Readonly<Record<string, unknown>>): Promise<void> => scene.gateway.reloaded({ ...scene.config, ...changed });

  test('given for another server, address or user than the connection has by now: not used, until it leads there again', async () => {
    const [connection] = scene.config['connections'] as readonly [Readonly<Record<'target' | 'credential', Readonly<Record<string, unknown>>>>];
    const leading = (change: { readonly target?: object; readonly credential?: object }): Promise<void> =>
      reload({ connections: [{ ...connection, target: { ...connection.target, ...change.target }, credential: { ...connection.credential, ...change.credential } }] });
    const asked = await refused('moved');
    assert.ok((await approve(asked, 'alice')).ok);
    const elsewhere: string[] = [];
    for (const change of [{ target: { host: 'localhost' } }, { credential: { username: 'other' } }]) {
      await leading(change);
      elsewhere.push(await refused('moved'));
    }
    assert.equal(new Set([asked, ...elsewhere]).size, 3);
    assert.equal((await scene.show(asked)).state, 'approved');
    // The same user by another password is the same.
    await leading({ credential: { password: 'env:SAME_PASSWORD' } });
    const ran = await remove('moved');
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal((await scene.show(asked)).state, 'used');
    await reload({});
  });

  test('expired: the command is asked for anew', async () => {
    const first = await refused('lapses');
    assert.ok((await approve(first, 'alice')).ok);
    await until(async () => (await scene.show(first)).state === 'expired', 20_000, 'the end of the approval');
    assert.notEqual(await refused('lapses'), first);
    const over = await approve(first, 'bob');
    assert.ok(!over.ok && over.code === 'over', JSON.stringify(over));
  });

  test('given by somebody whose job it is by now: not for that job, until somebody else approves', async () => {
    const asked = await refused('own', 'dana-ci');
    assert.ok((await approve(asked, 'alice')).ok);
    assert.equal(await refused('own', 'Alice-CI'), asked);
    const own = await approve(asked, 'alice');
    assert.ok(!own.ok && own.code === 'forbidden', JSON.stringify(own));
    assert.ok((await approve(asked, 'bob')).ok);
    const ran = await remove('own', 'Alice-CI');
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await scene.target.count('own'), 0);
  });

  test('an approver who lost the role meanwhile counts no more', async () => {
    const asked = await refused('outlives');
    assert.ok((await approve(asked, 'alice')).ok);
    assert.equal((await scene.show(asked)).state, 'approved');
    const control = scene.config['control'] as Readonly<Record<string, unknown>>;
    await reload({ control: { ...control, roles: { approver: { groups: ['okta/leads'] } } } });
    assert.equal(await refused('outlives'), asked);
    assert.equal((await scene.show(asked)).state, 'pending');
    const gone = await approve(asked, 'alice');
    assert.ok(!gone.ok && gone.code === 'not_approver', JSON.stringify(gone));
    assert.ok((await approve(asked, 'lee', ['leads'])).ok);
    const ran = await remove('outlives');
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await scene.target.count('outlives'), 0);
  });

  test('the evidence of all of it verifies', async () => {
    const { code, stdout, stderr } = await scene.gateway.cli('evidence', 'verify', 'data', '--keys', 'keys');
    assert.equal(code, 0, stdout + stderr);
  });
});
