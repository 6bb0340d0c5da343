import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { pgbench } from '../test/kit/clients.ts';
import { until } from '../test/kit/until.ts';
import { PATIENT, startApprovalScene, type ApprovalScene } from '../test/e2e/approvals-scene.ts';
import { median } from './rounds.ts';

/*
 * Commands that wait for people: how soon the client goes on after the decision, what a held one costs in memory, and what the others
 * notice. One PostgreSQL process for each connection stands behind the gateway, on the same machine.
 */

const HELD = 1000;
const DECISIONS = 40;
const PASSWORD = 'only-the-gateway-knows-this-9f2';

const pss = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? NaN);
const said = (reached: boolean): string => (reached ? 'reached' : 'MISSED');

const decisions = async (scene: ApprovalScene): Promise<string> => {
  const client = await scene.client('migrator');
  const times: number[] = [];
  for (let round = 0; round < DECISIONS; round += 1) {
    const running = client.query(`DELETE FROM kept WHERE id = ${-round - 1}`);
    const { id } = await scene.request();
    const { digest } = await scene.show(id);
    const idToken = await scene.idToken('alice', ['dba']);
    const began = performance.now();
    const answering = scene.answer(id, 'approve', { digest, idToken });
    await running;
    times.push(performance.now() - began);
    await answering;
  }
  await client.end();
  const worst = Math.max(...times);
  return `  from the decision to the client's answer      median ${median(times).toFixed(1)} ms, worst of ${DECISIONS} ${worst.toFixed(1)} ms   goal 250 ms: ${said(worst < 250)}`;
};

const readsPerSecond = async (scene: ApprovalScene): Promise<number> => {
  const ran = await pgbench(['-n', '-S', '-M', 'prepared', '-c', '4', '-T', '3'], await scene.env('reader'));
  return ran.tps ?? NaN;
};

const many = async (scene: ApprovalScene): Promise<string[]> => {
  const clients: pg.Client[] = [];
  for (let n = 0; n < HELD; n += 1) clients.push(await scene.client('migrator'));
  await readsPerSecond(scene);
  const before: number[] = [];
  for (let round = 0; round < 3; round += 1) before.push(await readsPerSecond(scene));
  const idle = pss(scene.gateway.pid);
  const held = clients.map((client, n) => client.query(`DELETE FROM kept WHERE id = 1 AND note = $1`, [`of ${n % 50}`]).catch(() => undefined));
  await until(async () => (await scene.requests('pending')).reduce((sum, { waiting }) => sum + waiting, 0) === HELD, 120_000, 'all are held');
  const each = (pss(scene.gateway.pid) - idle) / HELD;
  const during: number[] = [];
  for (let round = 0; round < 3; round += 1) during.push(await readsPerSecond(scene));
  for (const { id } of await scene.requests('pending')) await scene.answer(id, 'deny');
  await Promise.all(held);
  for (const client of clients) await client.end();
  const ratio = median(during) / median(before);
  return [
    `  ${HELD} commands held, memory of each            ${each.toFixed(1)} KiB   goal 64 KiB: ${said(each < 64)}`,
    `  reads of others meanwhile                     ${ratio.toFixed(2)} of before (${Math.round(median(before))} and ${Math.round(median(during))} a second)`,
  ];
};

export const heldCommands = async (): Promise<string> => {
  const scene = await startApprovalScene({
    postgres: { version: 15, users: [{ name: 'app', password: PASSWORD }], config: { max_connections: HELD + 100, shared_buffers: '128MB' }, setup: "CREATE TABLE kept(id int, note text); INSERT INTO kept SELECT n, 'n' FROM generate_series(1, 1000) n; ALTER TABLE kept OWNER TO app; CREATE TABLE pgbench_accounts(aid int primary key, abalance int); INSERT INTO pgbench_accounts SELECT n, 0 FROM generate_series(1, 100000) n; CREATE TABLE pgbench_branches(bid int); INSERT INTO pgbench_branches VALUES (1); CREATE TABLE pgbench_tellers(tid int); ALTER TABLE pgbench_accounts OWNER TO app; ALTER TABLE pgbench_branches OWNER TO app; ALTER TABLE pgbench_tellers OWNER TO app" },
    policies: [
      { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] },
      { name: 'deleting', identities: ['migrator'], connections: ['*'], allow: ['read', 'write'], limits: { heldCommands: 2 * HELD }, rules: [{ name: 'deletes', match: { verbs: ['delete'] }, effect: 'require_approval', reason: 'kept', approval: { ...PATIENT, hold: '1h', expires: '1h' } }] },
    ],
  });
  try {
    return ['\ncommands that wait for people', await decisions(scene), ...(await many(scene))].join('\n');
  } finally {
    await scene[Symbol.asyncDispose]();
  }
};

if (import.meta.main) process.stdout.write(`${await heldCommands()}\n`);
