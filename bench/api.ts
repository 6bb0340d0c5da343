import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packed, type RequestDetail } from '../src/approvals/detail.ts';
import { openEvidenceLog } from '../src/evidence/open.ts';
import { sealState } from '../src/evidence/sealed-state.ts';
import { openState, STATE_FILE } from '../src/store/state.ts';
import { Browser, REDIRECT } from '../test/e2e/control-browser.ts';
import { ROLE_GROUPS } from '../test/e2e/control-scene.ts';
import { startGateway } from '../test/kit/gateway.ts';
import { startIssuer } from '../test/kit/issuer.ts';
import { startPeople } from '../test/kit/people.ts';
import { until } from '../test/kit/until.ts';
import { quantile } from './latency.ts';
import { logOptions, writeLongLog } from './write-log.ts';

/*
 * What a page waits for: node bench/api.ts [COMMANDS] [FOLDER]. A log of so many commands (default a million), ten for each session, over
 * 60 days, and 5,000 requests for approval; then a real gateway on it, and a person who is signed in and asks over HTTP, one question after
 * the other. FOLDER: use what is there from a run before, and keep it. The gateway's CPU is of all its threads, also of what it does meanwhile;
 * unlike the times it says the same on a busy machine.
 */

const COMMANDS_OF_SESSION = 10;
const APPROVALS = 5_000;
const ROUNDS = 100;
const WARM = 3;
const GOAL_MS = 50;
/** Browsers take turns, so that no limit of one session is in the way. */
const BROWSERS = 8;

const [commandsText = '1000000', kept] = process.argv.slice(2);
const commands = Number(commandsText);
const folder = kept ?? mkdtempSync(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'wicketgate-bench-api-'));
const [data, keys] = [join(folder, 'data'), join(folder, 'keys')];
const log = { folder: join(data, 'evidence'), keysFolder: keys };
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const writeRequests = async (): Promise<void> => {
  // Opened once more: requests are sealed with keys of the log.
  const evidence = await openEvidenceLog(logOptions(log));
  const state = openState(data);
  const now = Date.now();
  const detail: RequestDetail = { text: `DELETE FROM orders WHERE note = '${'x'.repeat(200)}'`, protocol: 'postgres', verb: 'delete', effects: [{ class: 'write', verb: 'delete', object: 'table:public.orders' }], reason: 'many rows', demand: { steps: [{ rule: { policy: 'jobs', rule: 'big', origin: { file: 'wicketgate.yaml', line: 1 } }, groups: ['okta/dba'], count: 1 }], hold: 300_000, expires: 900_000, holdInTransaction: 0 }, owner: { contact: 'jobs@acme.example' }, askers: [{ provider: 'ci' }], inTransaction: false };
  for (let n = 0; n < APPROVALS; n += 1) {
    const id = Array.from(randomBytes(16), (byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('');
    const askedAt = now - (APPROVALS - n) * 60_000;
    // The last hundred wait.
    const open = n >= APPROVALS - 100;
    state.approvals.exclusively(() => state.approvals.insert({ id, digest: randomBytes(32).toString('hex'), state: open ? 'pending' : 'expired', session: `S${String(n * COMMANDS_OF_SESSION).padStart(25, '0')}`, identity: `job-${n % 40}`, connection: `db-${n % 5}`, askedAt, lastAskedAt: askedAt, approvedAt: undefined, expiresAt: open ? now + 86_400_000 : askedAt + 900_000, sealed: sealState(evidence.keys, `db-${n % 5}`, new Date(askedAt).toISOString().slice(0, 10), packed(detail)) }), true);
  }
  state.close();
  await evidence.close();
};

/** Milliseconds of CPU that a process has used; in steps of ten. Where the kernel does not tell: not a number. */
const cpuOf = (pid: number): number => {
  if (!existsSync(`/proc/${pid}/stat`)) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** What the pages ask. */
const questions = (session: string, approval: string, cursors: { readonly sessions: string; readonly commands: string }): readonly (readonly [string, string])[] => [
  ['overview, a day', '/overview'],
  ['overview, a week', '/overview?hours=168'],
  ['sessions', '/sessions'],
  ['sessions, 200 on a page', '/sessions?limit=200'],
  ['sessions, in the middle', `/sessions?cursor=${cursors.sessions}`],
  ['sessions, live', '/sessions?state=live'],
  ['sessions, past', '/sessions?state=past'],
  ['sessions of an identity', '/sessions?identity=job-7'],
  ['sessions of identities with *', '/sessions?identity=job-3*'],
  ['sessions with a refusal', '/sessions?decision=refused'],
  ['sessions of an identity, with a verb', '/sessions?identity=job-12&verb=delete'],
  ['sessions with an object', '/sessions?object=payments'],
  ['sessions of a connection, a week', `/sessions?connection=db-3&since=${new Date(Date.now() - 7 * 86_400_000).toISOString()}`],
  ['sessions with a rare text', `/sessions?text=${encodeURIComponent(`id = ${Math.floor(commands / 3) * 7919}`)}`],
  ['session', `/sessions/${session}`],
  ['timeline', `/sessions/${session}/timeline`],
  ['replay', `/sessions/${session}/replay`],
  ['commands', '/commands'],
  ['commands, in the middle', `/commands?cursor=${cursors.commands}`],
  ['commands that were refused', '/commands?decision=refused'],
  ['commands with an object and rows', `/commands?object=refunds&rows=${encodeURIComponent('>190')}`],
  ['search: common text', `/commands?text=${encodeURIComponent("region = 'r13'")}`],
  ['search: rare text', `/commands?text=${encodeURIComponent(`id = ${Math.floor(commands / 3) * 7919}`)}`],
  ['search: absent text', '/commands?text=drop%20database%20production'],
  ['approvals', '/approvals'],
  ['approvals that wait', '/approvals?state=pending'],
  ['approval', `/approvals/${approval}`],
  ['identities', '/identities'],
  ['identity', '/identities/job-7'],
  ['connections', '/connections'],
  ['connection', '/connections/db-1'],
  ['policies', '/policies'],
  ['matrix', '/policies/matrix'],
  ['evidence', '/evidence'],
  ['activity', '/activity'],
];

const measure = async (): Promise<void> => {
  const people = await startPeople({ redirectUris: [REDIRECT] });
  const issuer = await startIssuer();
  const gateway = await startGateway(
    {
      gateway: { data, keys },
      control: { login: [people.login()], roles: { ...ROLE_GROUPS, auditor: ROLE_GROUPS.admin } },
      identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', allowPrivate: true }],
      identities: Array.from({ length: 40 }, (_, n) => ({ name: `job-${n}`, owner: { contact: 'jobs@acme.example' }, provider: 'ci', claims: { job: `job-${n}` }, groups: ['jobs'] })),
      connections: Array.from({ length: 5 }, (_, n) => ({ name: `db-${n}`, protocol: 'postgres', target: { host: '127.0.0.1', port: 1, database: 'postgres', tls: 'disable' }, credential: { username: 'app', password: 'env:TARGET_PASSWORD' } })),
      policies: [{ name: 'jobs', groups: ['jobs'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'big', match: { verbs: ['delete'] }, effect: 'require_approval', approval: { groups: ['okta/dba'] } }] }],
    },
    { env: { ...people.env, TARGET_PASSWORD: 'only-of-this-bench' } },
  );
  try {
    const browsers: Browser[] = [];
    for (let n = 0; n < BROWSERS; n += 1) {
      const browser = new Browser(gateway.control);
      await browser.signIn(people, 'alice');
      browsers.push(browser);
    }
    const [first] = browsers;
    if (first?.csrf === undefined) throw new Error(`nobody could sign in:\n${gateway.log().slice(-2000)}`);
    const began = performance.now();
    await until(async () => {
      const page = await first.get('/overview');
      if (page.status !== 200) return false;
      const { indexed } = page.json<{ indexed: { size: number; of: number } }>();
      return indexed.size >= indexed.of - 20;
    }, 1_800_000, 'the index of the log');
    say(`  the index was ready ${((performance.now() - began) / 1000).toFixed(1)} s after the first question`);
    const middle = async (path: string): Promise<string> => (await first.get(path)).json<{ next: string }>().next;
    const sessions = commands / COMMANDS_OF_SESSION;
    const session = `S${String(Math.floor(sessions / 2) * COMMANDS_OF_SESSION).padStart(25, '0')}`;
    const approval = (await first.get('/approvals?state=pending&limit=1')).json<{ items: { id: string }[] }>().items[0]?.id ?? '';
    const lastCommand = Number(await middle('/commands?limit=1'));
    const asked = questions(session, approval, { sessions: String(Math.floor(sessions / 2)), commands: String(Math.floor(lastCommand / 2)) });
    let turn = 0;
    const ask = async (path: string): Promise<number> => {
      const browser = browsers[turn++ % BROWSERS] as Browser;
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const began = performance.now();
      const response = await fetch(`${gateway.control}/api/v1${path}`, { headers: { cookie, 'x-forwarded-for': browser.address } });
      const body = await response.text();
      const took = performance.now() - began;
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${body}`);
      return took;
    };
        const all: number[] = [];
    for (const [name, path] of asked) {
      const times: number[] = [];
      let before = 0;
      for (let round = -WARM; round < ROUNDS; round += 1) {
        if (round === 0) before = cpuOf(gateway.pid);
        const took = await ask(path);
        if (round >= 0) times.push(took);
        // Below what one address may ask each second.
        if (took < 12) await new Promise((resolve) => setTimeout(resolve, 12 - took));
      }
      const cpu = (cpuOf(gateway.pid) - before) / ROUNDS;
      all.push(...times);
      times.sort((a, b) => a - b);
      say(`  ${name.padEnd(38)} p50 ${quantile(times, 0.5).toFixed(1).padStart(6)} ms  p95 ${quantile(times, 0.95).toFixed(1).padStart(6)} ms  worst ${quantile(times, 1).toFixed(1).padStart(6)} ms  gateway's CPU ${cpu.toFixed(1).padStart(5)} ms${quantile(times, 0.95) < GOAL_MS ? '' : '  MISSED'}`);
    }
    all.sort((a, b) => a - b);
    say(`  all: p50 ${quantile(all, 0.5).toFixed(1)} ms, p95 ${quantile(all, 0.95).toFixed(1)} ms, worst ${quantile(all, 1).toFixed(1)} ms (goal: p95 below ${GOAL_MS} ms at 100,000 sessions and a million commands)`);
  } finally {
    await gateway.stop();
    await issuer.stop();
    await people.stop();
  }
};

try {
  say(`the API over ${(commands / COMMANDS_OF_SESSION).toLocaleString('en-US')} sessions, ${commands.toLocaleString('en-US')} commands and ${APPROVALS.toLocaleString('en-US')} requests for approval; each question ${ROUNDS} times`);
  if (!existsSync(log.folder)) await writeLongLog({ ...log, commands, commandsOfSession: COMMANDS_OF_SESSION, days: 60 });
  if (!existsSync(join(data, STATE_FILE))) await writeRequests();
  await measure();
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
