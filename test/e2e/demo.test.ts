import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CLI } from '../kit/gateway.ts';
import { followForms } from '../kit/people.ts';
import { program } from '../kit/present.ts';
import { run, startService, type Ran } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { Fatal, until } from '../kit/until.ts';

/** The demo as people run it, with temporary files in a folder of the test's. */
const surroundings = (folder: TempFolder): Record<string, string | undefined> => ({ TMPDIR: folder.path, HOME: folder.file('home'), NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] });

/** PostgreSQL is to get through as another account, when we are root. */
const place = (): TempFolder => {
  const folder = tempFolder('of-the-demo');
  chmodSync(folder.path, 0o711);
  mkdirSync(folder.file('home'));
  return folder;
};

/** Processes of which the command line, the environment or the working folder names the folder. */
const processesOf = (folder: string): string[] =>
  readdirSync('/proc').filter((id) => /^\d+$/.test(id) && Number(id) !== process.pid).filter((id) => {
    try {
      return ['cmdline', 'environ'].some((name) => readFileSync(`/proc/${id}/${name}`, 'utf8').includes(folder));
    } catch {
      return false;
    }
  });

const leavesNothing = async (folder: TempFolder): Promise<void> => {
  await until(() => processesOf(folder.path).length === 0, 20_000, 'the end of all processes');
  const files = readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'home');
  assert.deepEqual(files, []);
};

const SHOWN: readonly RegExp[] = [
  /Customer 1\b.*\*+4001/,
  /customers\.ssn is compared/,
  /demo order/,
  /refused by shop-job\/customers-stay: customers are removed by the privacy team[^]*still has 20 customers/,
  /NOTICE: +wicketgate: waiting for approval of request (\w+) until \S+: http:\/\/127\.0\.0\.1:\d+\/approvals\/\1\n +DETAIL: +wicketgate session \w+\n.*still has orders_2019/,
  /wicketgate login[^]*logged in as Alice Ames at acme until \S+; groups: acme\/dba, acme\/oncall/,
  /approvals list [^]*REQUEST +ASKED[^]*pending +shop-migrations +shop +drop_table +1 +shop-migrations\/drops-are-looked-at/,
  /approvals show [^]*digest: +[0-9a-f]{64}\n +command:\n +DROP TABLE orders_2019/,
  /approvals approve (\w+) --reason 'copied[^']*' --yes [^]*\1 is approved/,
  /7\. [^]*DROP[^]*orders_2019 is gone/,
  /8\. [^]*curl [^\n]*\/v1\/payments\/7\n[^]*"iban":"\*+\w{4}"[^]*the API saw: Authorization: Bearer demo-payments-api-token\)/,
  /refused by shop-payments\/payments-stay: payments are kept for ten years[^]*still has 20 payments/,
  /approvals show [^]*connection: +payments[^]*POST \/v1\/payments\/7\/refund[^]*\w+ is approved\n +\{"payment":7,"state":"refunded"\}/,
  /alice of http:\/\/127\.0\.0\.1:\d+\): copied to the archive last week/,
  /#2 drop_table: require_approval by shop-migrations\/drops-are-looked-at, approved: request \w+ by Alice Ames of acme[^]*DROP TABLE orders_2019[^]*#2 -> ok, DROP TABLE/,
  /6 sessions, 6 commands, 3 refusals[^]*2 requests for approval, 2 answers, 2 commands that an approval let through/,
  /INTEGRITY +ok[^]*COMPLETENESS +ok/,
  /Done; everything is removed/,
];

const wholeWalk = ({ code, stdout, stderr }: Ran): void => {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(stderr, '');
  let from = 0;
  for (const pattern of SHOWN) {
    const found = pattern.exec(stdout.slice(from));
    assert.ok(found, `${pattern.source} is not shown after\n${stdout.slice(0, from)}\nbut\n${stdout.slice(from)}`);
    from += found.index;
  }
};

test('the whole walk with psql, and nothing is left behind', { skip: program('psql') === undefined ? 'psql is not installed' : false }, async () => {
  using folder = place();
  const ran = await run(process.execPath, [CLI, 'demo', '--once'], { env: surroundings(folder), timeoutMs: 240_000 });
  wholeWalk(ran);
  assert.match(ran.stdout, /\$ psql -c "ALTER TABLE orders ADD COLUMN note text" -c "DROP TABLE orders_2019"\n +ALTER TABLE\n/);
  await leavesNothing(folder);
});

test('the same with the driver that comes along, where there is no psql', async () => {
  using folder = place();
  const walk = new URL('../../demo/walk.ts', import.meta.url).href;
  const ran = await run(process.execPath, ['--input-type=module', '-e', `await (await import(${JSON.stringify(walk)})).demo({ once: true, psql: false })`], { env: surroundings(folder), timeoutMs: 240_000 });
  wholeWalk(ran);
  assert.doesNotMatch(ran.stdout, /\$ psql/);
  await leavesNothing(folder);
});

test('without --once it stays up: jobs are at work, one waits, people sign in at the page; Ctrl-C removes all of it', async () => {
  using folder = place();
  using logs = tempFolder('log-of-the-demo');
  const demo = await startService(process.execPath, [CLI, 'demo'], { env: surroundings(folder), logFile: logs.file('demo.log') });
  const shown = await until(() => {
    if (demo.ended() !== undefined) throw new Fatal(`the demo ended: ${demo.log()}`);
    return demo.log().includes('Ctrl-C ends it') ? demo.log() : undefined;
  }, 240_000, 'the end of the walk');
  const [, address = ''] = /^(http:\/\/127\.0\.0\.1:\d+) +# sign in/m.exec(shown) ?? [];
  const [, peopleFile = ''] = /^\. (\S+people\.env)$/m.exec(shown) ?? [];
  const values = Object.fromEntries([...readFileSync(peopleFile, 'utf8').matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]));
  const cli = async (...words: readonly string[]): Promise<Record<string, unknown>[]> => {
    const { stdout, stderr } = await run(process.execPath, [CLI, ...words, '--json', '--config', values['CONFIG'] ?? ''], { env: { ...surroundings(folder), XDG_STATE_HOME: values['XDG_STATE_HOME'] } });
    assert.notEqual(stdout, '', stderr);
    const said = JSON.parse(stdout) as Record<string, unknown>[] | Record<string, unknown>;
    return Array.isArray(said) ? said : [said];
  };

  // As the printed commands say: the one that waits is approved with Alice's login.
  const waiting = await until(async () => (await cli('approvals', 'list', '--state', 'pending')).find(({ waiting: clients, connection }) => clients === 1 && connection === 'shop'), 60_000, 'a job that waits');
  await until(async () => (await cli('approvals', 'list', '--state', 'pending')).some(({ waiting: clients, connection }) => clients === 1 && connection === 'payments'), 60_000, 'a request that waits');
  const [approved] = await cli('approvals', 'approve', String(waiting['id']), '--reason', 'seen', '--yes');
  assert.equal(approved?.['ok'], true, JSON.stringify(approved));
  await until(async () => (await cli('approvals', 'list', '--state', 'used')).some(({ id }) => id === waiting['id']), 60_000, 'the job to go on');
  await until(async () => (await cli('sessions', 'list')).filter(({ identity }) => identity === 'shop-job').some(({ refusals }) => Number(refusals) > 0), 60_000, 'a job that is refused');

  // A browser's way: the gateway sends it to the provider, and the provider back.
  const begun = await fetch(`${address}/login/acme`, { redirect: 'manual', headers: { connection: 'close' } });
  const attempt = begun.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
  const provider = new URL(begun.headers.get('location') ?? '');
  const callback = await followForms(provider.href, provider.origin, 'carol');
  assert.ok(callback.startsWith(`${address}/oidc/callback?`), callback);
  const back = await fetch(callback, { redirect: 'manual', headers: { cookie: attempt, connection: 'close' } });
  assert.equal(back.headers.get('location'), '/', await back.text());
  const session = back.headers.getSetCookie().map((line) => line.split(';')[0]).filter((line) => line?.endsWith('=') === false).join('; ');
  const me = await fetch(`${address}/api/v1/me`, { headers: { cookie: session, connection: 'close' } });
  assert.equal(me.status, 200);
  assert.match(await me.text(), /"admin"/);
  const page = await fetch(address, { headers: { accept: 'text/html', connection: 'close' } });
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>Wicketgate/);

  demo.signal('SIGINT');
  assert.deepEqual(await demo.wait(), { code: 0, signal: null });
  await leavesNothing(folder);
});
