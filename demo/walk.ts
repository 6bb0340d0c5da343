import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { program } from '../test/kit/present.ts';
import { run, type Ran } from '../test/kit/run.ts';
import { startGateway } from '../test/kit/gateway.ts';
import type { startIssuer as StartIssuer } from '../test/kit/issuer.ts';
import { startPostgres } from '../test/kit/postgres.ts';
import { tempFolder } from '../test/kit/temp.ts';
import { configuration, SETUP, TARGET_PASSWORD } from './data.ts';

const color = process.stdout.isTTY === true;
const paint = (code: string, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const title = (text: string): boolean => say(`\n${paint('1', text)}`);
const indent = (text: string): string => text.trimEnd().replaceAll(/^/gm, '    ');

/** Runs SQL as a user would: with psql where it is installed, else with the driver that comes along. */
type RunSql = (sql: string) => Promise<string>;

const withPsql = (env: Record<string, string>): RunSql => async (sql) => {
  say(paint('36', `  $ psql -c "${sql}"`));
  const ran: Ran = await run(program('psql') ?? 'psql', ['-X', '-w', '-c', sql], { env });
  return `${ran.stdout}${ran.stderr}`;
};

const withDriver = (env: Record<string, string>): RunSql => async (sql) => {
  say(paint('36', `  (psql is not installed; node-postgres runs) ${sql}`));
  const client = new pg.Client({ host: 'localhost', port: Number(env['PGPORT']), database: 'shop', user: 'shop-job', password: env['PGPASSWORD'], ssl: { ca: readFileSync(env['PGSSLROOTCERT'] ?? '', 'utf8') } });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows.map((row) => JSON.stringify(row)).join('\n');
  } catch (error) {
    const { message, detail } = error as { message: string; detail?: string };
    return `ERROR:  ${message}${detail === undefined ? '' : `\nDETAIL:  ${detail}`}`;
  } finally {
    await client.end();
  }
};

/** oidc-provider warns of every Node that is not an LTS release; somebody who tries the demo can do nothing about it. */
const loadStartIssuer = async (): Promise<typeof StartIssuer> => {
  const { warn } = console;
  console.warn = () => {};
  try {
    return (await import('../test/kit/issuer.ts')).startIssuer;
  } finally {
    console.warn = warn;
  }
};

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

/** The demo: everything on this machine, walked through step by step. `once`: ends after the walk. */
export const demo = async ({ once }: { readonly once: boolean }): Promise<void> => {
  say(paint('1', 'Wicketgate demo: a database job without a database password'));
  say('Starting an embedded PostgreSQL 18 with sample data, an OIDC issuer, and a gateway between them ...');
  // Everything that the parts would keep for a next time lies in here too, so that nothing is left behind.
  using folder = tempFolder('demo');
  // PostgreSQL refuses to run as root and runs as another account then, which has to get to its own folder inside.
  chmodSync(folder.path, 0o711);
  process.env['TMPDIR'] = folder.path;
  await using target = await startPostgres({ version: 18, setup: SETUP });
  const startIssuer = await loadStartIssuer();
  await using issuer = await startIssuer();
  await using gateway = await startGateway(configuration(issuer.issuer, target.port), { env: { SHOP_DATABASE_PASSWORD: TARGET_PASSWORD } });
  const token = await issuer.token({ sub: 'repo:acme/shop:ref:refs/heads/main', claims: { repository: 'acme/shop', ref: 'refs/heads/main' }, expiresIn: 3600 });
  const env = {
    PGHOST: 'localhost',
    PGPORT: String(gateway.port('shop')),
    PGDATABASE: 'shop',
    PGUSER: 'shop-job',
    PGPASSWORD: token,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: join(gateway.dataDir, 'ca.pem'),
  };
  const sql = program('psql') === undefined ? withDriver(env) : withPsql(env);
  const cli = async (...args: readonly string[]): Promise<string> => {
    say(paint('36', `  $ npx wicketgate ${args.join(' ').replaceAll(gateway.folder, '.')}`));
    const ran = await gateway.cli(...args);
    return `${ran.stdout}${ran.stderr}`;
  };
  const expect = (text: string, pattern: RegExp): string => {
    if (!pattern.test(text)) throw new Error(`the demo did not see what it should (${pattern.source}):\n${text}\n${gateway.log()}`);
    return text;
  };

  title('1. A job reads. Its password is an OIDC token; what policy protects comes back masked.');
  say(indent(expect(await sql('SELECT id, name, email, ssn FROM customers ORDER BY id LIMIT 3'), /\*/)));

  title('2. It tries to learn a protected value another way. Refused before the target sees it.');
  say(indent(expect(await sql("SELECT name FROM customers WHERE ssn LIKE '101%'"), /ERROR/)));

  title('3. It does its work.');
  say(indent(expect(await sql("INSERT INTO orders (customer, item, cents) VALUES (1, 'demo order', 1200) RETURNING id, item"), /demo order/)));

  title('4. It tries what policy denies. The error is the one of a missing permission, with the rule and its reason.');
  say(indent(expect(await sql('DELETE FROM customers'), /customers-stay/)));
  const left = await target.query('SELECT count(*)::int AS customers FROM customers');
  say(`    (asked directly, the database still has ${String(left[0]?.['customers'])} customers)`);

  title('5. Everything is on record: who, what, decision, outcome.');
  const list = await cli('sessions', 'list', '--config', gateway.configFile);
  say(indent(expect(list, /shop-job/)));
  const session = /[0-9a-hjkmnp-tv-z]{26}/.exec(list)?.[0] ?? '';
  say(indent(expect(await cli('sessions', 'replay', session, '--config', gateway.configFile), /session closed/)));

  title('6. And the record can be checked offline, from a copy, without the gateway.');
  say(indent(expect(await cli('evidence', 'verify', join(gateway.dataDir, 'evidence'), '--keys', join(gateway.folder, 'keys')), /INTEGRITY +ok/)));

  if (once) {
    title('Done; everything is removed. Next:');
    say('npm run demo                # the same, but it stays up, so that you can try by yourself');
    say('docs/flow.md                # how one command goes through, step by step');
    say('README.md, A real example   # with your own issuer and database; docs/tutorials/ for CI systems and clouds');
    return;
  }
  title('It stays up. Try it from another terminal:');
  for (const [name, value] of Object.entries(env)) say(`export ${name}='${value}'`);
  say("psql -c 'SELECT * FROM customers'        # or your own program");
  say(`npx wicketgate sessions list --config ${gateway.configFile}`);
  say(`npx wicketgate check --no-secrets --config ${gateway.configFile}        # what is in force`);
  say(`curl ${gateway.control}/metrics`);
  say('\nCtrl-C ends it and removes everything.');
  await untilStopped();
};
