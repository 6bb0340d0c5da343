import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ApprovalView } from '../../src/approvals/approvals.ts';
import { canariesIn, secretCanary } from '../kit/canaries.ts';
import { python } from '../kit/clients.ts';
import { skipUnless } from '../kit/present.ts';
import type { Ran } from '../kit/run.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { openSpools, PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';

/** A row that must not be written down in clear. */
const row = (id: number): string => {
  const value = `canary-of-copied-rows-${id}`;
  secretCanary(value);
  return `${id}\t${value}\n`;
};
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const covering = (name: string, object: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  name, match: { verbs: ['copy'], objects: [object] }, effect: 'require_approval', reason: 'rows are looked at', approval: { ...PATIENT, cover: 'data', coverUpTo: '64KiB', ...more },
});

const TABLES = ['loads', 'briefly', 'blocks', 'killed', 'wide'];

suite('an approval that covers the rows of COPY', () => {
  let scene: ApprovalScene;
  const files = tempFolder('rows');
  before(async () => {
    scene = await startApprovalScene({
      postgres: { users: [{ name: 'app', password: 'only-the-gateway-knows-this-9f2' }], setup: TABLES.map((name) => `CREATE TABLE ${name}(id int, note text); ALTER TABLE ${name} OWNER TO app;`).join(' ') },
      policies: [{
        name: 'loading',
        identities: ['migrator', 'writer'],
        connections: ['*'],
        allow: ['read', 'write', 'session'],
        limits: { rowsPerCommand: 5 },
        rules: [covering('loads', 'loads'), covering('brief', 'briefly', { hold: '1s' }), covering('blocks', 'blocks'), covering('killed', 'killed'), covering('wide', 'wide')],
      }],
    });
  });
  after(async () => {
    files.remove();
    await scene[Symbol.asyncDispose]();
  });

  const fileOf = (name: string, text: string): string => {
    writeFileSync(files.file(name), text);
    return files.file(name);
  };
  const load = (table: string, text: string): Promise<Ran> => scene.psql('migrator', '-c', `\\copy ${table} FROM '${fileOf(`${table}-${sha256(text).slice(0, 8)}`, text)}'`);
  const spools = (): string[] => openSpools(scene.gateway.pid);
  const closed = (): Promise<unknown> => until(() => spools().length === 0, 20_000, 'the end of what was kept');
  const requestOf = (table: string): Promise<ApprovalView> =>
    until(async () => (await scene.requests('pending')).find(({ effects }) => effects.some(({ object }) => object === `table:public.${table}`)), 20_000, `a request for ${table}`);

  test('psql: the rows are kept sealed, shown by number and digest, and run once', async () => {
    const text = [1, 2, 3].map(row).join('');
    const job = load('loads', text);
    const { id } = await requestOf('loads');
    const view = await scene.show(id);
    assert.deepEqual(view.data, { bytes: text.length, rows: 3, sha256: sha256(text) });
    assert.equal(view.notCovered, undefined);
    assert.equal(view.liftsRowLimit, 5);
    const [kept = ''] = spools();
    assert.equal(readFileSync(kept).length, text.length + 16);
    assert.deepEqual(canariesIn(scene.gateway.dataDir), []);
    assert.equal(readFileSync(kept).includes('canary'), false);
    assert.equal((await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE query ILIKE '%copy%loads%' AND pid <> pg_backend_pid()")).length, 0, 'the target has seen nothing of it');
    const shown = await scene.gateway.cli('approvals', 'show', id, '--config', scene.gateway.configFile);
    assert.match(shown.stdout, new RegExp(`^data: +3 rows, ${text.length} bytes, covered by the digest; SHA-256 ${sha256(text)}$`, 'm'));
    assert.match(shown.stdout, /^rows: +no row limit: rowsPerCommand of 5 does not hold for it$/m);
    assert.ok((await scene.answer(id, 'approve')).ok);
    const ran = await job;
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(ran.stdout, 'COPY 3\n');
    assert.deepEqual((await scene.target.query('SELECT id, note FROM loads ORDER BY id')).map((one) => `${String(one['id'])}\t${String(one['note'])}\n`).join(''), text);
    assert.equal((await scene.show(id)).state, 'used');
    const recorded = await scene.gateway.cli('sessions', 'show', view.session, '--config', scene.gateway.configFile);
    assert.ok(recorded.stdout.includes(`covered: {"bytes":${text.length},"rows":3,"sha256":"${sha256(text)}"}`), recorded.stdout);
    await closed();
  });

  test('after the hold: other rows are another request, the same rows run on the next try, and once', async () => {
    const text = [11, 12].map(row).join('');
    const first = await load('briefly', text);
    assert.equal(first.code, 1);
    const { id } = await requestOf('briefly');
    assert.match(first.stderr, new RegExp(`approvals/${id}`));
    await closed();
    assert.ok((await scene.answer(id, 'approve')).ok);
    const other = await load('briefly', text.replace('11\t', '19\t'));
    assert.equal(other.code, 1);
    assert.doesNotMatch(other.stderr, new RegExp(id));
    const others = await requestOf('briefly');
    assert.notEqual(others.id, id);
    assert.ok((await scene.answer(others.id, 'deny')).ok);
    assert.equal(await scene.target.count('briefly'), 0);
    const second = await load('briefly', text);
    assert.equal(second.code, 0, second.stderr);
    assert.equal(await scene.target.count('briefly'), 2);
    const third = await load('briefly', text);
    assert.equal(third.code, 1, 'one approval is one execution');
    assert.equal(await scene.target.count('briefly'), 2);
    assert.ok((await scene.answer((await requestOf('briefly')).id, 'deny')).ok);
    await closed();
  });

  test('denied, the client hears why and nothing is left', async () => {
    const job = load('loads', row(31));
    const { id } = await requestOf('loads');
    assert.ok((await scene.answer(id, 'deny', { reason: 'wrong month' })).ok);
    const ran = await job;
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /wrong month/);
    assert.equal(await scene.target.count('loads'), 3);
    await closed();
  });

  test('more than the cap is refused, and says so', async () => {
    const ran = await load('loads', Array.from({ length: 4_000 }, (_, id) => `${id}\tsome row of many\n`).join(''));
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /needs approval, and it brings more than 65536 bytes of data, the most that is kept for people to approve/);
    assert.equal(await scene.target.count('loads'), 3);
    assert.deepEqual(await scene.requests('pending'), []);
    await closed();
  });

  test('in a transaction it is refused once the rows are there, with the link, and runs on the next try', async () => {
    const text = row(41);
    const file = fileOf('block', text);
    const script = ['-c', 'BEGIN', '-c', `\\copy blocks FROM '${file}'`, '-c', 'COMMIT'];
    const first = await scene.psql('migrator', ...script);
    const { id } = await requestOf('blocks');
    assert.match(first.stderr, new RegExp(`approvals/${id}`));
    assert.match(first.stdout, /ROLLBACK/);
    assert.deepEqual((await scene.show(id)).data, { bytes: text.length, rows: 1, sha256: sha256(text) });
    assert.ok((await scene.answer(id, 'approve')).ok);
    const second = await scene.psql('migrator', ...script);
    assert.equal(second.code, 0, second.stderr);
    assert.equal(second.stdout, 'BEGIN\nCOPY 1\nCOMMIT\n');
    assert.equal(await scene.target.count('blocks'), 1);
    await closed();
  });

  test('csv and binary, by psycopg', { skip: skipUnless('psycopg') }, async () => {
    for (const format of ['csv', 'binary']) {
      await scene.target.query('TRUNCATE wide');
      const env = await scene.env('migrator');
      const job = python(
        `import psycopg\nwith psycopg.connect('', autocommit=True) as c:\n  with c.cursor().copy("COPY wide FROM STDIN (FORMAT ${format})") as out:\n${
          format === 'binary'
            ? "    out.set_types(['int4', 'text'])\n    for i in range(4): out.write_row((i, 'a \\\"word\\\"'))"
            : "    for i in range(4): out.write(f'{i},\"a \"\"word\"\"\\nand a line\"\\n')"
        }\n`,
        env,
      );
      const { id } = await requestOf('wide');
      assert.equal((await scene.show(id)).data?.rows, 4);
      assert.ok((await scene.answer(id, 'approve')).ok);
      const ran = await job;
      assert.equal(ran.code, 0, ran.stderr);
      assert.equal(await scene.target.count('wide'), 4);
    }
    await closed();
  });

  test('the gateway is killed while it waits: nothing is left in clear, nothing runs, and the same rows run after it', async () => {
    const text = [51, 52].map(row).join('');
    const job = load('killed', text);
    const { id } = await requestOf('killed');
    assert.equal(spools().length, 1);
    await scene.gateway.kill9();
    assert.notEqual((await job).code, 0);
    assert.deepEqual(canariesIn(scene.gateway.dataDir), []);
    assert.deepEqual(readdirSync(join(scene.gateway.dataDir, 'spool')), []);
    // As if it had been killed before the file lost its name.
    writeFileSync(join(scene.gateway.dataDir, 'spool', 'left.spool'), 'x');
    await scene.gateway.start();
    assert.deepEqual(readdirSync(join(scene.gateway.dataDir, 'spool')), []);
    assert.ok((await scene.answer(id, 'approve')).ok);
    assert.equal(await scene.target.count('killed'), 0, 'nothing runs without a client');
    const again = await load('killed', text);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(await scene.target.count('killed'), 2);
  });
});
