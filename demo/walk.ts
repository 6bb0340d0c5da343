import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/kit/ports.ts';
import { program } from '../test/kit/present.ts';
import { startGateway, type Gateway } from '../test/kit/gateway.ts';
import { startPostgres, type Postgres } from '../test/kit/postgres.ts';
import { run as runProgram } from '../test/kit/run.ts';
import { tempFolder, type TempFolder } from '../test/kit/temp.ts';
import { until } from '../test/kit/until.ts';
import { API_TOKEN, startPaymentsApi, type PaymentsApi } from './api.ts';
import { startBusyJobs, startBusyRequests } from './busy.ts';
import { configuration, SETUP, TARGET_PASSWORD, tokenOf, type JobName } from './data.ts';
import { logIn } from './login.ts';
import { command, heading, output, say, title } from './print.ts';
import { ask, told, type RequestEnvironment } from './requests.ts';
import { connect, withDriver, withPsql, type JobEnvironment, type RunSql } from './statements.ts';

/** Resolves at Ctrl-C, or when the process is asked to end. The servers of the demo do not keep a process alive; this does. */
const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const stop = (): void => {
      clearInterval(alive);
      resolve();
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });

/** The page as it is in this clone, for the gateway to serve. It is compiled when its sources have changed: a few seconds, beside what starts meanwhile. False when it could not be. */
const builtPage = async (): Promise<boolean> => {
  const { code, stderr } = await runProgram(process.execPath, [fileURLToPath(new URL('../tools/build-ui.ts', import.meta.url))], { timeoutMs: 300_000 });
  if (code !== 0) say(`The page could not be built, so the gateway has none: ${stderr.trim()}`);
  return code === 0;
};

export interface DemoOptions {
  /** Ends after the walk. */
  readonly once: boolean;
  /** Path of psql; without one the driver that comes along runs the statements. Default: psql, if it is installed. */
  readonly psql?: string | false;
}

/** The demo: everything on this machine, walked through step by step. */
export const demo = async ({ once, psql = program('psql') ?? false }: DemoOptions): Promise<void> => {
  heading('Wicketgate demo: jobs without a database password or an API token');
  say('Starting an embedded PostgreSQL 18 with sample data, a small HTTP API, an OIDC issuer for jobs, one for people, and a gateway ...');
  // Everything that the parts would keep for a next time lies in here too, so that nothing is left behind.
  using folder = tempFolder('demo');
  // PostgreSQL refuses to run as root and runs as another account then, which has to get to its own folder inside.
  chmodSync(folder.path, 0o711);
  process.env['TMPDIR'] = folder.path;
  const building = once ? false : builtPage();
  await using target = await startPostgres({ version: 18, setup: SETUP });
  await using api = await startPaymentsApi();
  // oidc-provider warns of a Node that is no LTS release and of pages that are for development: nothing that somebody who tries the demo can do anything about.
  console.warn = console.info = () => {};
  const [{ startIssuer }, { startPeople }] = await Promise.all([import('../test/kit/issuer.ts'), import('../test/kit/people.ts')]);
  await using issuer = await startIssuer();
  // The page's way of signing in beside the terminal's; the port is that of the control plane.
  await using people = await startPeople({ redirectUris: ['http://127.0.0.1/oidc/callback'] });
  const controlPort = await freePort();
  const login = people.login({ public: true, more: { name: 'acme' } });
  const env = { SHOP_DATABASE_PASSWORD: TARGET_PASSWORD, PAYMENTS_API_TOKEN: API_TOKEN, XDG_STATE_HOME: folder.file('state'), NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] };
  const hasPage = await building;
  await using gateway = await startGateway(configuration({ issuer: issuer.issuer, login, controlPort, targetPort: target.port, apiPort: api.port }), { env });
  const environmentOf = async (job: JobName): Promise<JobEnvironment> => ({
    PGHOST: 'localhost',
    PGPORT: String(gateway.port('shop')),
    PGDATABASE: 'shop',
    PGUSER: job,
    PGPASSWORD: await issuer.token({ ...tokenOf(job), expiresIn: 3600 }),
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: join(gateway.dataDir, 'ca.pem'),
  });
  const requestsOf = async (job: JobName): Promise<RequestEnvironment> => ({ port: gateway.port('payments'), caFile: join(gateway.dataDir, 'ca.pem'), token: await issuer.token({ ...tokenOf(job), expiresIn: 3600 }) });
  let files = 0;
  const nextFile = (): string => folder.file(`printed-${(files += 1)}.log`);
  const run = psql === false ? withDriver : withPsql(psql, nextFile);
  const logInAs = (who: 'alice'): Promise<string> => logIn(who, people, gateway, env, nextFile());
  await walk({ target, api, gateway, run, environmentOf, requestsOf, logInAs });

  if (once) {
    title('Done; everything is removed. Next:');
    say('npm run demo                # the same, but it stays up, so that you can try by yourself');
    say('docs/flow.md                # how one command goes through, step by step');
    say('README.md, A real example   # with your own issuer and database; docs/tutorials/ for CI systems and clouds');
    return;
  }
  const busy = startBusyJobs(async (job) => connect(await environmentOf(job)));
  const requests = startBusyRequests(async (method, path, signal) => ask(await requestsOf('shop-job'), method, path, signal));
  try {
    await tellHowToTry(folder, gateway, { apiPort: gateway.port('payments'), address: `http://127.0.0.1:${controlPort}`, hasPage }, environmentOf);
    await untilStopped();
  } finally {
    await Promise.all([busy.stop(), requests.stop()]);
  }
};

interface Stage {
  readonly target: Postgres;
  readonly api: PaymentsApi;
  readonly gateway: Gateway;
  readonly run: RunSql;
  readonly environmentOf: (job: JobName) => Promise<JobEnvironment>;
  readonly requestsOf: (job: JobName) => Promise<RequestEnvironment>;
  readonly logInAs: (who: 'alice') => Promise<string>;
}

const walk = async ({ target, api, gateway, run, environmentOf, requestsOf, logInAs }: Stage): Promise<void> => {
  const expect = (text: string, pattern: RegExp): string => {
    if (!pattern.test(text)) throw new Error(`the demo did not see what it should (${pattern.source}):\n${text}\n${gateway.log()}`);
    return text;
  };
  const here = (text: string): string => text.replaceAll(gateway.folder, '.');
  const cli = async (...args: readonly string[]): Promise<string> => {
    command(here(`npx wicketgate ${args.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')}`));
    const { stdout, stderr } = await gateway.cli(...args);
    return here(`${stdout}${stderr}`);
  };
  const config = ['--config', gateway.configFile];
  const job = await environmentOf('shop-job');
  const sql = async (statement: string): Promise<string> => (await run(job, statement)).ended();

  title('1. A job reads. Its password is an OIDC token; what policy protects comes back masked.');
  output(expect(await sql('SELECT id, name, email, ssn FROM customers ORDER BY id LIMIT 3'), /\*/));

  title('2. It tries to learn a protected value another way. Refused before the target sees it.');
  output(expect(await sql("SELECT name FROM customers WHERE ssn LIKE '101%'"), /ERROR/));

  title('3. It does its work.');
  output(expect(await sql("INSERT INTO orders (customer, item, cents) VALUES (1, 'demo order', 1200) RETURNING id, item"), /demo order/));

  title('4. It tries what policy denies. The error is the one of a missing permission, with the rule and its reason.');
  output(expect(await sql('DELETE FROM customers'), /customers-stay/));
  const left = await target.query('SELECT count(*)::int AS customers FROM customers');
  say(`    (asked directly, the database still has ${String(left[0]?.['customers'])} customers)`);

  const oldOrders = async (): Promise<boolean> => (await target.query("SELECT to_regclass('orders_2019') IS NOT NULL AS here"))[0]?.['here'] === true;
  title('5. Another job changes the schema. It may, but what drops a table waits for a person: on its live connection.');
  const migrating = await run(await environmentOf('shop-migrations'), 'ALTER TABLE orders ADD COLUMN note text', 'DROP TABLE orders_2019');
  const held = await migrating.seen(/NOTICE.*waiting for approval of request \w+[^]*DETAIL.*\n/);
  output(held);
  const [, request = ''] = /approval of request (\w+)/.exec(held) ?? [];
  const [, session = ''] = /DETAIL: +wicketgate session (\w+)/.exec(held) ?? [];
  if (!(await oldOrders())) throw new Error('the table was dropped without an approval');
  say('    (it waits; asked directly, the database still has orders_2019)');

  title('6. The person on call logs in, looks at exactly what would run, and approves it with a reason.');
  command(here(`npx wicketgate login --config ${gateway.configFile}`));
  output(expect((await logInAs('alice')).replace(/^(http\S+?)\?\S+$/m, '$1?...  (the demo goes there in place of a browser)'), /logged in as Alice/));
  output(expect(await cli('approvals', 'list', ...config), new RegExp(`${request} .*pending`)));
  output(expect(await cli('approvals', 'show', request, ...config), /DROP TABLE orders_2019/));
  const approved = expect(await cli('approvals', 'approve', request, '--reason', 'copied to the archive last week', '--yes', ...config), /is approved/);
  output(`... (the request again)\n${approved.trimEnd().split('\n').at(-1) ?? ''}`);

  title('7. That statement runs, once, on the connection that waited.');
  output(expect((await migrating.ended()).slice(held.length), /DROP/));
  if (await oldOrders()) throw new Error('the approved statement did not run');
  say('    (asked directly, orders_2019 is gone from the database)');

  const requests = await requestsOf('shop-job');
  title('8. HTTP goes the same way. The job calls an API with its own token; the API sees the credential that only the gateway has; the IBAN comes back masked.');
  output(expect((await told(requests, 'GET', '/v1/payments/7')).text, /"iban":"\*+[^*"]{4}"/));
  say(`    (the API saw: Authorization: ${expect(api.authorization ?? '', new RegExp(`^Bearer ${API_TOKEN}$`))})`);

  title('9. It tries to delete a payment, which policy denies.');
  output(expect((await told(requests, 'DELETE', '/v1/payments/7')).text, /payments-stay/));
  say(`    (asked directly, the API still has ${api.payments} payments)`);

  title('10. A refund waits for a person as well: the request is held, unanswered, until it is approved.');
  const refund = told(requests, 'POST', '/v1/payments/7/refund');
  // Whoever waits for its end gets it; until then nobody does.
  refund.catch(() => {});
  const pending = await until(async () => /^(\w+) .*pending +shop-job +payments/m.exec((await gateway.cli('approvals', 'list', '--state', 'pending', ...config)).stdout)?.[1], 60_000, 'the request for the refund');
  if (api.refunded.size > 0) throw new Error('the payment was refunded without an approval');
  output(expect(await cli('approvals', 'show', pending, ...config), /POST \/v1\/payments\/7\/refund/));
  const allowed = expect(await cli('approvals', 'approve', pending, '--reason', 'the customer sent it back', '--yes', ...config), /is approved/);
  output(`... (the request again)\n${allowed.trimEnd().split('\n').at(-1) ?? ''}`);
  output(expect((await refund).text, /refunded/));

  title('11. Everything is on record: who, what, decision, outcome, and who approved.');
  output(expect(await cli('sessions', 'list', ...config), /shop-migrations/));
  output(expect(await cli('sessions', 'show', session, ...config), /approved: request \w+ by Alice Ames of acme/));

  title('12. And the record can be checked offline, from a copy, without the gateway.');
  output(expect(await cli('evidence', 'verify', join(gateway.dataDir, 'evidence'), '--keys', join(gateway.folder, 'keys')), /INTEGRITY +ok/));
};

/** What somebody can do by hand while the demo stays up. */
const tellHowToTry = async (folder: TempFolder, { configFile }: Gateway, { address, apiPort, hasPage }: { readonly address: string; readonly apiPort: number; readonly hasPage: boolean }, environmentOf: Stage['environmentOf']): Promise<void> => {
  const exported = (name: string, values: Readonly<Record<string, string>>): string => {
    const file = folder.file(`${name}.env`);
    writeFileSync(file, Object.entries(values).map(([key, value]) => `export ${key}='${value}'\n`).join(''), { mode: 0o600 });
    return file;
  };
  title(`It stays up, with a few small jobs at work.${hasPage ? ' In a browser:' : ''}`);
  if (hasPage) say(`${address}        # sign in with acme, with any password: as alice (approves, audits), carol (administers, break-glass) or mallory (only looks)`);
  title('In another terminal, in this folder, as a job:');
  say(`. ${exported('shop-job', await environmentOf('shop-job'))}        # where the gateway is, whose certificate to trust, and the job's token`);
  say("psql -c 'SELECT * FROM customers'        # or your own program");
  say(`. ${exported('shop-migrations', await environmentOf('shop-migrations'))}        # the other job: what it drops waits ten minutes for a person`);
  say("psql -c 'CREATE TABLE scratch (id int)' -c 'DROP TABLE scratch'");
  say(`curl --cacert $PGSSLROOTCERT -H "Authorization: Bearer $PGPASSWORD" https://localhost:${apiPort}/v1/payments/7        # the same token, for the payments API (after the first file)`);
  title('In a third one, as the person on call (Alice is logged in for an hour) and as the auditor:');
  say(`. ${exported('people', { CONFIG: configFile, XDG_STATE_HOME: folder.file('state') })}`);
  say('npx wicketgate approvals list --state pending --config $CONFIG');
  say("npx wicketgate approvals approve REQUEST --reason 'seen' --config $CONFIG        # or deny");
  say('npx wicketgate login --config $CONFIG        # as somebody else, in a browser: bob approves as well, mallory may not');
  say('npx wicketgate sessions list --config $CONFIG');
  say('npx wicketgate check --no-secrets --config $CONFIG        # what is in force');
  say(`curl ${address}/metrics`);
  say('\nCtrl-C ends it and removes everything.');
};
