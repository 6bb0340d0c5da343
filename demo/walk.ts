import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { program } from '../test/kit/present.ts';
import { run, type Ran } from '../test/kit/run.ts';
import { startGateway } from '../test/kit/gateway.ts';
import { startIssuer } from '../test/kit/issuer.ts';
import { startPostgres } from '../test/kit/postgres.ts';
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

/** The demo: everything on this machine, walked through step by step. `once`: ends after the walk. */
export const demo = async ({ once }: { readonly once: boolean }): Promise<void> => {
  say(paint('1', 'Wicketgate demo: a database job without a database password'));
  say('Starting an embedded PostgreSQL 18 with sample data, an OIDC issuer, and a gateway between them ...');
  await using target = await startPostgres({ version: 18, setup: SETUP });
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
  say(indent(await cli('sessions', 'show', session, '--config', gateway.configFile)));

  title('6. And the record can be checked by somebody who trusts nobody here.');
  say(indent(expect(await cli('evidence', 'verify', join(gateway.dataDir, 'evidence')), /integrity/i)));

  if (once) {
    say('\nDone. Without --once it stays up, so that you can try by yourself.');
    return;
  }
  title('It stays up. Try it from another terminal:');
  for (const [name, value] of Object.entries(env)) say(`export ${name}='${value}'`);
  say("psql -c 'SELECT * FROM customers'        # or pg_dump, pgbench, your own program");
  say(`npx wicketgate sessions list --config ${gateway.configFile}`);
  say(`npx wicketgate check --config ${gateway.configFile}        # what is in force`);
  say(`curl ${gateway.control}/metrics`);
  say('\nCtrl-C ends it and removes everything.');
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
};
