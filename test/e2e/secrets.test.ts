import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { logName, readLog } from '../../src/evidence/read.ts';
import { openBodies } from '../../src/evidence/unseal.ts';
import { psql } from '../kit/clients.ts';
import { until } from '../kit/until.ts';
import { readEvidence } from './recorded-evidence.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';

/*
 * Invariants 6 and 7: after a busy day no file that the gateway wrote, and nothing that its command line prints, holds a token, the
 * target's password, or a protected value, neither in the clear nor behind the keys.
 */

const SSN = ['123-45-6789', '987-65-4321'];
/** Values that clients send towards protected columns. */
const SENT = ['111-22-3333', '222-33-4444', '333-44-5555', '444-55-6666', '555-66-7777', '777-88-9999'];
const PASSWORDS = ['a-role-password-5e1', 'a-mapping-password-8d4'];

let scene: Scene;
before(async () => {
  scene = await startScene({
    policies: [
      {
        name: 'masked',
        identities: ['reader', 'writer', 'migrator'],
        connections: ['*'],
        allow: ['read', 'write', 'schema', 'session', 'unknown'],
        rules: [{ name: 'roles', match: { classes: ['admin'] }, effect: 'allow' }],
        mask: [
          { name: 'ssn', columns: ['*.ssn', 'customers.data'], mode: 'strict', transform: 'redact' },
          { name: 'found', detect: ['us_ssn', 'email', 'credit_card'], transform: { partial: 4 } },
        ],
      },
    ],
  });
});
after(() => scene[Symbol.asyncDispose]());

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

test('no token, no password and no protected value is in any file of the gateway, sealed or not, nor in what its commands print', async () => {
  const { gateway } = scene;
  const tokens: string[] = [];
  const printed: string[] = [];
  const run = async (args: readonly string[], input?: string): Promise<string> => {
    const env = await scene.env('writer');
    tokens.push(env['PGPASSWORD'] as string);
    const { stdout, stderr } = await psql(args, env, input === undefined ? {} : { input });
    return stdout + stderr;
  };

  const answers = [
    await run(['-c', 'SELECT * FROM customers ORDER BY id', '-c', 'SELECT id, ssn, data FROM customers', '-c', 'SELECT note FROM orders']),
    await run(['-c', `SELECT * FROM customers WHERE ssn = '${SENT[0]}'`, '-c', `SELECT ssn::int FROM customers`, '-c', `SELECT 1/0, '${SENT[0]}'`]),
    await run(['-c', `INSERT INTO customers (id, name, ssn) VALUES (50, 'Cy', '${SENT[1]}')`, '-c', `UPDATE customers SET ssn = '${SENT[2]}' WHERE id = 50`, '-c', `INSERT INTO customers (id, email, ssn) VALUES (1, 'ada@example.com', '${SENT[3]}')`]),
    await run(['-c', '\\copy customers (id, name, ssn) FROM STDIN'], `60\tDi\t${SENT[4]}\n61\tEd\t${SENT[5]}\n`),
    await run(['-c', '\\copy customers TO STDOUT', '-c', '\\copy (SELECT id, name, ssn FROM customers) TO STDOUT CSV', '-c', 'COPY orders TO STDOUT']),
    await run(['-c', `SELECT 'x' /* ${SENT[0]} */ -- ${SENT[1]}`, '-c', `SELEKT '${SENT[2]}' FROM customers`, '-c', `DO $$ BEGIN RAISE EXCEPTION 'ssn ${SENT[3]}'; END $$`]),
    await run(['-c', `CREATE ROLE helper LOGIN PASSWORD '${PASSWORDS[0]}'`, '-c', `CREATE USER MAPPING FOR app SERVER none OPTIONS (password '${PASSWORDS[1]}')`]),
    await run(['-c', `DECLARE c CURSOR FOR SELECT ssn FROM customers`, '-c', `BEGIN; DECLARE c CURSOR FOR SELECT * FROM customers; FETCH ALL FROM c; COMMIT`]),
    await run(['-c', `LISTEN news`, '-c', `NOTIFY news, 'ssn ${SENT[4]}'`, '-c', `SET application_name = '${SENT[5]}'`, '-c', 'SELECT 1']),
  ];
  const client = await scene.client('writer');
  try {
    await client.query('SELECT id FROM customers WHERE ssn = $1', [SENT[0]]).catch(() => {});
    await client.query('INSERT INTO customers (id, ssn) VALUES ($1, $2)', [70, SENT[1]]).catch(() => {});
    await client.query('UPDATE customers SET ssn = $2 WHERE id = $1 RETURNING *', [70, SENT[2]]).catch(() => {});
    await client.query({ name: 'by-ssn', text: 'INSERT INTO orders VALUES ($1, 1, $2)', values: [9, `ssn ${SENT[3]}`] }).catch(() => {});
  } finally {
    await client.end();
  }
  for (const role of ['stranger', 'reader'] as const) {
    const env = await scene.env(role);
    tokens.push(env['PGPASSWORD'] as string);
    await psql(['-c', 'SELECT ssn FROM customers'], { ...env, ...(role === 'reader' ? { PGPASSWORD: `${env['PGPASSWORD']}x` } : {}) });
  }
  for (const value of SSN) assert.equal(answers.join('\n').includes(value), false, `${value} reached a client`);
  assert.ok((await scene.target.query('SELECT 1 FROM customers WHERE id = 60')).length <= 1);

  const { sessions } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
  const cli = async (...args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await gateway.cli(...args);
    printed.push(stdout + stderr);
  };
  await cli('check', '--config', gateway.configFile);
  await cli('identities', 'list', '--config', gateway.configFile, '--json');
  await cli('sessions', 'list', '--config', gateway.configFile, '--json');
  for (const id of sessions.keys()) await cli('sessions', 'show', id, '--config', gateway.configFile);
  for (const id of [...sessions.keys()].slice(0, 3)) {
    await cli('sessions', 'show', id, '--config', gateway.configFile, '--json');
    await cli('sessions', 'replay', id, '--config', gateway.configFile);
  }
  await cli('evidence', 'search', '--config', gateway.configFile, '--text', 'customers');
  await cli('evidence', 'publish', '--data', gateway.dataDir, '--out', join(gateway.folder, 'published'));
  await cli('evidence', 'verify', gateway.dataDir, '--keys', join(gateway.folder, 'keys'), '--json');
  for (const path of ['/ready', '/metrics']) printed.push(await (await fetch(`${gateway.control}${path}`, { headers: { connection: 'close' } })).text());
  await until(() => gateway.logLines().length > 3, 20_000);
  assert.equal(await gateway.terminate(), 0);

  const everything = [...printed.map((text, i) => ({ where: `printed ${i}`, bytes: Buffer.from(text) })), ...filesIn(gateway.folder).map((path) => ({ where: path, bytes: readFileSync(path) })), ...(await unsealed(gateway.dataDir, join(gateway.folder, 'keys')))];
  assert.ok(everything.some(({ where }) => where.startsWith('sealed answer')) && everything.some(({ where }) => where.startsWith('sealed statement')), 'bodies were opened');
  assert.ok(everything.some(({ where, bytes }) => where.startsWith('sealed answer') && bytes.includes('Ada')), 'answers are there, without what is masked');
  const found = (needles: readonly string[]): string[] => needles.flatMap((needle) => forms(needle).flatMap((form) => everything.filter(({ bytes }) => bytes.includes(form)).map(({ where }) => `${needle.slice(0, 12)}... in ${where}`)));
  assert.deepEqual(found(tokens.flatMap((token) => [token, ...token.split('.').slice(1)])), [], 'tokens');
  assert.deepEqual(found([TARGET_PASSWORD]), [], 'the target\'s password');
  assert.deepEqual(found(PASSWORDS), [], 'passwords in statements');
  assert.deepEqual(found(SSN), [], 'protected values of the target');
  assert.deepEqual(found(SENT), [], 'values on their way to protected columns');

  // What was scanned is all there is: each folder that a gateway makes had something in it.
  const scanned = filesIn(gateway.folder).map((path) => path.slice(gateway.folder.length + 1));
  for (const place of [/^data\/evidence\/\d+\.seg$/, /^data\/evidence\/tlog\/checkpoint$/, /^data\/evidence\/tlog\/checkpoints\//, /^data\/search\/.+\.db$/, /^data\/state\.db/, /^keys\/checkpoint-lock\//, /^keys\/signing\//, /^keys\/sealing\//, /^published\/tile\//, /^gateway\.log$/]) {
    assert.ok(scanned.some((path) => place.test(path)), `no file ${place} in ${scanned.join(' ')}`);
  }
  // Keys stand in their own file and nowhere else, not even in the keys folder.
  const keyFiles = filesIn(join(gateway.folder, 'keys')).filter((path) => /\.(kek|skey|key)$/.test(path) && !path.includes('/sealing/'));
  assert.ok(keyFiles.length >= 3, keyFiles.join(' '));
  const elsewhere = keyFiles.flatMap((path) =>
    secretsIn(readFileSync(path)).flatMap((secret) => everything.filter(({ where, bytes }) => where !== path && bytes.includes(secret)).map(({ where }) => `${path} in ${where}`)));
  assert.deepEqual(elsewhere, [], 'keys outside their files');
});

/** The secret of a key file: as it stands there, and as bytes where it is base64. */
const secretsIn = (file: Buffer): Buffer[] => {
  const text = file.toString('latin1').trim();
  // The last word of a text; names and public parts stand in front of it.
  const secret = /^[\x20-\x7e\n]+$/.test(text) ? (text.split('\n')[0] ?? '').split(/[ +](?=[A-Za-z0-9+/]{40,}={0,2}$)/).at(-1) ?? '' : '';
  return secret.length >= 32 ? [Buffer.from(secret), Buffer.from(secret, 'base64')] : [file];
};

/** A value as it is, and as bytea or UTF-16 would show it. */
const forms = (text: string): Buffer[] => [Buffer.from(text), Buffer.from(Buffer.from(text).toString('hex')), Buffer.from(Buffer.from(text).toString('base64').replace(/=+$/, '')), Buffer.from(text, 'utf16le')];

/** All sealed bodies in the clear. */
const unsealed = async (dataDir: string, keys: string): Promise<{ where: string; bytes: Buffer }[]> => {
  const folder = join(dataDir, 'evidence');
  const opener = openBodies(keys);
  const found: { where: string; bytes: Buffer }[] = [];
  for await (const item of readLog(folder)) {
    if (item.type !== 'body') continue;
    for (const [entry, { part, bytes }] of (opener.open(logName(folder), item.ordinal, item.bytes) ?? []).entries()) found.push({ where: `sealed ${part} ${item.ordinal}/${entry}`, bytes });
  }
  return found;
};
