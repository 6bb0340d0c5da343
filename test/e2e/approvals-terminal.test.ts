import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Approvals, Ask, Waiter } from '../../src/approvals/approvals.ts';
import { createApprovals } from '../../src/approvals/service.ts';
import { load } from '../../src/config/load.ts';
import { answerApprovals } from '../../src/control/approvals.ts';
import { askLocal, localSocket, startLocal, type LocalAnswer } from '../../src/control/local.ts';
import { openEvidenceLog } from '../../src/evidence/open.ts';
import { readLog, parseLeaf } from '../../src/evidence/read.ts';
import { Steward } from '../../src/evidence/retention/steward.ts';
import { survey } from '../../src/evidence/retention/survey.ts';
import { createPeople } from '../../src/identity/people.ts';
import { openState } from '../../src/store/state.ts';
import { CLI } from '../kit/gateway.ts';
import { startPeople, type PeopleProvider, type PersonName } from '../kit/people.ts';
import { PYTHON } from '../kit/present.ts';
import { environment, run, startService, type Ran } from '../kit/run.ts';
import { until } from '../kit/until.ts';
import { peopleCommands, type PeopleCommands } from './people-commands.ts';

/** The gateway's half of the terminal: the socket, the service, its store and its log; only protocols and listeners are missing. */
interface Stage {
  readonly provider: PeopleProvider;
  readonly commands: PeopleCommands;
  readonly approvals: Approvals;
  /** A command that waits for people. */
  held(sql: string, more?: { readonly requester?: string; readonly parameters?: readonly (string | null)[] }): Waiter;
  /** Runs a command of the terminal as that person. */
  as(who: PersonName, ...words: readonly string[]): Promise<Ran>;
  /** Records of readings. */
  accesses(): Promise<readonly unknown[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

const stage = async (): Promise<Stage> => {
  const provider = await startPeople();
  const commands = await peopleCommands([provider.login()], provider);
  const loaded = await load(commands.configFile, { ...provider.env, PATH: '' }, { checkSecrets: false });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { config } = loaded;
  const folder = join(config.gateway.data, 'evidence');
  const log = await openEvidenceLog({ folder, keysFolder: config.gateway.keys, instance: 'gateway-1', build: 'test', config: config.digest });
  const state = openState(config.gateway.data);
  const approvals = createApprovals({
    store: state.approvals,
    record: (record, bodies) => log.append(record, bodies),
    seal: (_connection, bytes) => bytes,
    open: (sealed) => sealed,
    key: Buffer.alloc(32, 7),
    clock: {
      wall: Date.now,
      monotonic: () => performance.now(),
      after: (milliseconds, then) => {
        const timer = setTimeout(then, milliseconds).unref();
        return () => clearTimeout(timer);
      },
    },
    settings: () => ({ forbid: ['requester', 'owner', 'author'], breakGlass: ['okta/incident-commanders'], approvers: undefined, url: undefined, heldCommands: 100 }),
    logger: { info: () => {}, warn: () => {}, error: () => {} } as unknown as Parameters<typeof createApprovals>[0]['logger'],
  });
  const people = createPeople(() => config.control.login, { clock: Date.now });
  const steward = new Steward({ log, retention: () => [], survey: () => survey(folder) });
  const local = await startLocal(config.gateway.data, async (request): Promise<LocalAnswer> => {
    if (request.do === 'approvals') return answerApprovals({ approvals, people, access: (access) => steward.access(access) }, request);
    return { ok: true, result: 'another request' };
  });
  let sessions = 0;
  return {
    provider, commands, approvals,
    held(sql, { requester = 'someone-gh', parameters } = {}) {
      sessions += 1;
      const ask = {
        session: {
          id: `session${sessions}`, connection: 'billing', protocol: 'postgres', openedAt: Date.now(), peer: { address: '192.0.2.7', port: 1, tls: true },
          principal: { identity: 'migrations', provider: 'github', subject: 's', groups: [], owner: { group: 'okta/payments' }, requester, claims: {}, tokenFingerprint: 'f', tokenExpiresAt: Date.now() + 300_000 },
        },
        command: { protocol: 'postgres', verb: 'drop', effects: [{ class: 'schema', verb: 'drop', object: { kind: 'table', name: 'orders', known: true } }], timing: 'commits', facts: {}, recorded: sql, bytes: sql.length, ...(parameters === undefined ? {} : { parameters }) },
        decision: {
          effect: 'require_approval', reason: 'drops are looked at first', rules: [], policyVersion: 'v',
          approval: { steps: [{ rule: { policy: 'migrating', rule: 'drops', origin: { file: 'wicketgate.yaml', line: 7 } }, groups: ['okta/dba'], count: 1 }], hold: 600_000, expires: 900_000, holdInTransaction: 0 },
        },
        bound: { context: { database: 'billing' }, parts: [Buffer.from(sql)], notCovered: 'the rows that follow' },
        place: 'free',
      } as unknown as Ask;
      const asked = approvals.ask(ask);
      assert.ok(asked.kind === 'held', JSON.stringify(asked));
      return asked.waiter;
    },
    async as(who, ...words) {
      return commands.run([...words, '--id-token', 'env:ID_TOKEN'], { ID_TOKEN: await provider.idToken(who) });
    },
    async accesses() {
      const found: unknown[] = [];
      for await (const item of readLog(folder)) {
        const record = item.type === 'leaf' ? parseLeaf(item).record : undefined;
        if (record?.kind === 'access') found.push(record);
      }
      return found;
    },
    [Symbol.asyncDispose]: async () => {
      approvals.close();
      await new Promise<void>((resolve) => local.close(() => resolve()));
      state.close();
      await log.close();
      commands.stop();
      await provider.stop();
    },
  };
};

test('a person sees exactly what waits, and approves it', async () => {
  await using scene = await stage();
  const { commands } = scene;
  const sql = 'DROP TABLE orders /* \u202egnihton\u001b[2J */';
  const waiter = scene.held(sql, { parameters: ['a\tb', null] });

  const listed = await commands.run(['approvals', 'list']);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, new RegExp(`${waiter.request} .* pending .* migrations .* billing .* drop .* 1 `));
  assert.ok(!(await commands.run(['approvals', 'list', '--json', '--state', 'pending'])).stdout.includes('DROP TABLE'), 'a list does not tell what would run');
  assert.deepEqual(await scene.accesses(), [], 'and is no reading');

  const shown = await commands.run(['approvals', 'show', waiter.request]);
  assert.equal(shown.code, 0, shown.stderr);
  for (const said of [/identity: +migrations/, /owner: +okta\/payments/, /behind it: +someone-gh/, /connection: +billing \(postgres\)/, /why: +drops are looked at first/, /1 of okta\/dba; so far nobody/, /wicketgate\.yaml:7/, /not covered: +the rows that follow/, /digest: +[0-9a-f]{64}/, /\$2 = NULL/, /\$1 = a\\tb/]) assert.match(shown.stdout, said);
  assert.ok(shown.stdout.includes('DROP TABLE orders /* \\u{202e}gnihton\\u{1b}[2J */'), shown.stdout);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(shown.stdout, /[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/, 'nothing of it acts on the terminal');
  const [access, ...more] = (await scene.accesses()) as readonly Record<string, unknown>[];
  assert.deepEqual([access?.['act'], access?.['recording'], access?.['filters'], more.length], ['show', 'session1', ['approval'], 0]);

  const outsider = await scene.as('mallory', 'approvals', 'approve', waiter.request, '--reason', 'please', '--yes', '--json');
  assert.equal(outsider.code, 1);
  assert.equal((JSON.parse(outsider.stdout) as { code: string }).code, 'not_approver');
  const done = await scene.as('alice', 'approvals', 'approve', waiter.request, '--reason', 'ticket 42', '--yes');
  assert.equal(done.code, 0, done.stderr);
  assert.ok(done.stdout.includes('DROP TABLE orders'), 'what is approved is shown first');
  assert.match(done.stdout, new RegExp(`${waiter.request} is approved\n$`));
  assert.equal(await waiter.over, 'again');
  const late = await scene.as('bob', 'approvals', 'approve', waiter.request, '--reason', 'me too', '--yes', '--json');
  assert.deepEqual([late.code, (JSON.parse(late.stdout) as { code: string }).code], [1, 'over']);
});

test('deny, force, and who may not', async () => {
  await using scene = await stage();
  const own = scene.held('DROP TABLE a', { requester: 'bob-gh' });
  const forbidden = await scene.as('bob', 'approvals', 'approve', own.request, '--reason', 'mine', '--yes', '--json');
  assert.equal((JSON.parse(forbidden.stdout) as { code: string }).code, 'forbidden', forbidden.stdout);
  assert.equal((await scene.as('alice', 'approvals', 'deny', own.request, '--reason', 'not on a Friday', '--yes')).code, 0);
  const refused = await own.over;
  assert.ok(refused !== 'again' && refused.message.includes('not on a Friday'), JSON.stringify(refused));

  const urgent = scene.held('DROP TABLE b');
  assert.equal((await scene.as('alice', 'approvals', 'force', urgent.request, '--reason', 'now', '--yes')).code, 1, 'not of the break-glass group');
  const forced = await scene.as('carol', 'approvals', 'force', urgent.request, '--reason', 'incident 7', '--yes', '--json');
  assert.equal(forced.code, 0, forced.stdout);
  const said = JSON.parse(forced.stdout) as { ok: boolean; request: Record<string, unknown> };
  assert.deepEqual([said.ok, said.request['state'], said.request['answers'], 'text' in said.request], [true, 'approved', 1, false]);
  assert.equal(await urgent.over, 'again');
  const exceptions = await scene.commands.run(['approvals', 'list', '--exceptions', '--json']);
  assert.deepEqual((JSON.parse(exceptions.stdout) as { id: string }[]).map(({ id }) => id), [urgent.request], exceptions.stderr);
  assert.match((await scene.commands.run(['approvals', 'show', 'nosuchrequest'])).stderr, /there is no request nosuchrequest/);
});

test('a person can log in for one answer alone', async () => {
  await using scene = await stage();
  const waiter = scene.held('DROP TABLE f');
  const answering = await scene.commands.browse(['approvals', 'approve', waiter.request, '--reason', 'seen', '--yes', '--login'], { SUDO_USER: 'alice' });
  await (await fetch(await scene.provider.complete(answering.url, 'alice'), { headers: { connection: 'close' } })).text();
  const { code, output } = await answering.ended();
  assert.equal(code, 0, output);
  assert.equal(await waiter.over, 'again');
  assert.ok(!existsSync(scene.commands.stateHome), 'nothing is kept');
});

test('at a terminal the person is asked, and only yes is yes', async () => {
  await using scene = await stage();
  const waiter = scene.held('DROP TABLE c');
  const at = async (typed: string): Promise<Ran> => {
    const words = [process.execPath, CLI, 'approvals', 'approve', waiter.request, '--reason', 'seen', '--id-token', 'env:ID_TOKEN', '--config', scene.commands.configFile];
    const script = `import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(${JSON.stringify(words)})))`;
    return run(PYTHON, ['-c', script], { input: typed, env: { ID_TOKEN: await scene.provider.idToken('alice'), XDG_STATE_HOME: scene.commands.stateHome } });
  };
  const no = await at('maybe\n');
  assert.equal(no.code, 1, no.stdout);
  assert.match(no.stdout, /DROP TABLE c[\s\S]*approve this\? \[y\/N\][\s\S]*nothing was answered/);
  assert.equal(scene.approvals.get(waiter.request)?.state, 'pending');
  const yes = await at('y\n');
  assert.equal(yes.code, 0, yes.stdout);
  assert.equal(await waiter.over, 'again');
});

test('what reaches the socket is judged there: tokens, digests, sizes, shapes', async (t) => {
  await using scene = await stage();
  const { provider, commands } = scene;
  const waiter = scene.held('DROP TABLE d');
  const view = scene.approvals.get(waiter.request);
  const good = { do: 'approvals', act: 'answer', id: waiter.request, verdict: 'approve', reason: 'r', digest: view?.digest ?? '', idToken: await provider.idToken('alice') } as const;
  const code = async (request: object): Promise<string | undefined> => {
    const answer = await askLocal(commands.dataDir, request as Parameters<typeof askLocal>[1]);
    return answer.ok ? 'ok' : (answer.code ?? answer.error);
  };
  for (const [what, change, expected] of [
    ['another digest', { digest: 'a'.repeat(64) }, 'digest'],
    ['no digest', { digest: undefined }, 'not an answer'],
    ['no such verdict', { verdict: 'perhaps' }, 'not an answer'],
    ['no reason', { reason: '' }, 'reason'],
    ['a reason in two lines', { reason: 'a\nb' }, 'reason'],
    ['a reason that is no text', { reason: ['x'] }, 'not an answer'],
    ['no such request', { id: 'nosuchrequest' }, 'unknown'],
    ['an id that is none', { id: { $ne: 1 } }, 'unknown'],
    ['no token', { idToken: undefined }, 'token_malformed'],
    ['expired', { idToken: await provider.idToken('alice', { issuedIn: -600, expiresIn: -300 }) }, 'expired'],
    ['a program', { idToken: await provider.machineToken() }, 'not_id_token'],
    ['another audience', { idToken: await provider.idToken('alice', { aud: 'x' }) }, 'audience_wrong'],
    ['no such act', { act: 'vanish' }, 'unknown request'],
    ['a list without end', { act: 'list', limit: 1e9 }, 'not something that can be listed'],
    ['nobody who reads', { act: 'show', by: '' }, 'not shown, because it cannot be recorded: who asks is not told'],
  ] as const) await t.test(what, async () => assert.equal(await code({ ...good, ...change }), expected));
  assert.equal(scene.approvals.get(waiter.request)?.state, 'pending', 'none of them counted');

  // A line that is too long ends the connection without an answer, complete or not.
  const raw = (line: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = createConnection(localSocket(commands.dataDir));
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('error', () => resolve(text));
      socket.on('close', () => resolve(text));
      socket.write(line);
    });
  assert.match(await raw('{"do":"sessions"}\n'), /another request/);
  assert.equal(await raw(`{"do":"sessions","pad":"${'x'.repeat(20_000)}"}\n`), '');
  assert.equal(await raw(`${JSON.stringify({ ...good, pad: 'x'.repeat(70_000) })}\n`), '');
  const large = await provider.idToken('alice', { claims: { pad: 'x'.repeat(11_000) } });
  assert.ok(large.length > 14_000);
  assert.equal(await code({ ...good, idToken: large }), 'ok');
  assert.equal(await waiter.over, 'again');
});

test('list --watch prints what changes', async () => {
  await using scene = await stage();
  const logFile = scene.commands.folder.file('watch.log');
  const watching = await startService(process.execPath, [CLI, 'approvals', 'list', '--watch', '--json', '--config', scene.commands.configFile], { env: environment(), logFile });
  const first = scene.held('DROP TABLE e');
  const lines = (): { id: string; state: string }[] => watching.log().trim().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { id: string; state: string });
  await until(() => lines().some(({ id, state }) => id === first.request && state === 'pending'), 30_000, 'the request');
  assert.equal((await scene.as('alice', 'approvals', 'deny', first.request, '--reason', 'no', '--yes')).code, 0);
  await until(() => lines().some(({ id, state }) => id === first.request && state === 'denied'), 30_000, 'its end');
  assert.ok(!watching.log().includes('DROP'));
  watching.signal('SIGINT');
  await watching.wait();
});
