import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { bind, close, describe, execute, fieldsOf, flush, int16, int32, message, parse, RawClient, startup, sync, text } from './raw-client.ts';
import type { Role, Stage } from './stage.ts';

export interface Step {
  readonly fe?: string;
  /** Run past the gateway by the owner. */
  readonly admin?: string;
  /** Milliseconds to wait after it. */
  readonly pause?: number;
  /** Run by another identity, through the gateway. */
  readonly as?: Role;
  readonly query?: string;
  readonly hex?: string;
  readonly name?: string;
  readonly stmt?: string;
  readonly portal?: string;
  readonly kind?: string;
  readonly resultFormats?: readonly number[];
  readonly values?: readonly (string | null)[];
  readonly maxRows?: number;
  readonly data?: string;
  readonly by?: string;
}

export interface Case {
  readonly id: string;
  readonly category: string;
  readonly why: string;
  readonly setup?: readonly string[];
  readonly sql?: string;
  readonly steps?: readonly Step[];
  /** Majors of PostgreSQL that know the syntax; all when absent. */
  readonly only?: readonly number[];
}

export const readCorpus = <C extends Case>(name: string): readonly C[] => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')) as C[];

/** What came of a case. */
export interface Ran {
  /** The gateway refused a part of it, or ended the connection. */
  readonly refused: boolean;
  /** Everything the client got: messages in order, and the raw bytes. */
  readonly client: RawClient;
  /** What errors said, for people. */
  readonly said: string;
}

/** Statements of a setup that make something in the session, and so must be run in it. */
const IN_SESSION = /^(BEGIN|PREPARE|DECLARE|FETCH|SET)\b/i;

/** Puts the target into its base state, prepares the case, and runs it through the gateway as this identity. */
export const runCase = async (stage: Stage, one: Case, role: Role): Promise<{ readonly before: string; readonly ran: Ran; readonly after: string }> => {
  await stage.reset((one.setup ?? []).filter((statement) => !IN_SESSION.test(statement)));
  const before = await stage.fingerprint();
  const client = SCRIPTS[one.id] === undefined ? await stage.client(role) : undefined;
  let ran: Ran;
  if (client === undefined) {
    ran = outcome(await SCRIPTS[one.id]!(stage, role));
  } else {
    const from = client.messages.length;
    for (const statement of one.setup ?? []) if (IN_SESSION.test(statement)) await client.query(statement);
    if (one.sql !== undefined) await client.query(one.sql, COPIED);
    else await walk(stage, client, one.steps ?? []);
    ran = outcome(client, from);
    await client.end();
  }
  return { before, ran, after: await stage.fingerprint() };
};

/** Rows for COPY FROM STDIN; the column count of `customers`. */
const COPIED = [Buffer.from('7\tEve\teve@example.org\t000\t1\t2000-01-01\t{}\n')];

const outcome = (client: RawClient, from = 0): Ran => {
  const errors = client.messages.slice(from).filter(({ type }) => type === 'E').map(fieldsOf);
  const said = errors.map((fields) => `${fields.get('C')} ${fields.get('M')}`).join('; ');
  const byGateway = errors.some((fields) => fields.get('M')?.startsWith('wicketgate') === true || fields.get('D')?.includes('wicketgate session') === true || fields.get('S') === 'FATAL');
  return { refused: byGateway || client.dropped, client, said };
};

/** Sends protocol steps; waits where the protocol answers. */
const walk = async (stage: Stage, client: RawClient, steps: readonly Step[]): Promise<void> => {
  let waiting = false;
  // Describe without a name is of what was parsed last.
  let parsed = '';
  for (const [at, step] of steps.entries()) {
    if (step.admin !== undefined || step.by === 'other session') {
      await stage.direct(step.admin ?? step.query ?? '');
      if (step.pause !== undefined) await pause(step.pause);
      continue;
    }
    if (step.as !== undefined) {
      const other = await stage.client(step.as);
      await other.query(step.query ?? '');
      const refused = other.messages.find(({ type }) => type === 'E');
      if (refused !== undefined) throw new Error(`${step.as} could not: ${fieldsOf(refused).get('M')}`);
      await other.end();
      continue;
    }
    switch (step.fe) {
      case 'Query':
        await client.query(step.query ?? '', COPIED);
        break;
      case 'Parse':
        parsed = step.name ?? '';
        client.send(parse(parsed, step.query ?? ''));
        waiting = true;
        break;
      case 'Bind':
        client.send(bind(step.portal ?? '', step.stmt ?? '', step.resultFormats, step.values));
        waiting = true;
        break;
      case 'Describe':
        client.send(step.kind === 'P' || step.portal !== undefined ? describe('P', step.portal ?? '') : describe('S', step.stmt ?? step.name ?? parsed));
        waiting = true;
        break;
      case 'Execute':
        client.send(execute(step.portal ?? '', step.maxRows));
        waiting = true;
        break;
      case 'Close':
        client.send(step.portal !== undefined ? close('P', step.portal) : close('S', step.stmt ?? ''));
        waiting = true;
        break;
      case 'Flush':
        client.send(flush);
        break;
      case 'Sync':
        client.send(sync);
        await client.untilReady();
        waiting = false;
        break;
      case 'raw':
        if (step.hex !== undefined) client.send(Buffer.from(step.hex.replaceAll(' ', ''), 'hex'));
        await client.until(() => false);
        break;
      default:
        throw new Error(`no way to send step ${at}: ${JSON.stringify(step)}`);
    }
    if (client.closed) return;
  }
  if (waiting) {
    client.send(sync);
    await client.untilReady();
  }
};

const functionCall = (oid: number, ...values: readonly string[]): Buffer =>
  message('F', int32(oid), int16(0), int16(values.length), ...values.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]), int16(0));

/** A login with these parameters and whatever is said then. */
const loginWith = async (stage: Stage, role: Role, parameters: readonly (readonly [string, string])[]): Promise<RawClient> => {
  const client = await RawClient.open(stage.gateway.port());
  client.send(startup(parameters));
  await client.until((seen) => seen.some(({ type }) => type === 'R' || type === 'E'));
  if (client.closed || client.messages.some(({ type }) => type === 'E')) return client;
  client.send(message('p', text(await stage.token(role))));
  await client.untilReady();
  if (!client.closed) await client.query("SELECT current_user, current_setting('search_path'), current_setting('standard_conforming_strings')");
  return client;
};

/** A client logged in, then bytes, then the end. */
const after = async (stage: Stage, role: Role, use: (client: RawClient) => Promise<void>): Promise<RawClient> => {
  const client = await stage.client(role);
  await use(client);
  await client.end();
  return client;
};

const badMessage = (bytes: Buffer) => (stage: Stage, role: Role): Promise<RawClient> =>
  after(stage, role, async (client) => {
    client.send(bytes);
    await client.until((seen) => seen.some(({ type }) => type === 'E'));
  });

const cancelRequest = (pid: number, key: number): Buffer => Buffer.concat([int32(16), int32(80_877_102), int32(pid), int32(key)]);

/** A session that runs something long, and a cancel request that is not its own. Refused means: it ran to its end. */
const foreignCancel = async (stage: Stage, role: Role): Promise<RawClient> => {
  const victim = await stage.client('masked');
  const attacker = await stage.client(role);
  const keyOf = ({ messages }: RawClient): Buffer => messages.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
  const [theirs, own] = [keyOf(victim), keyOf(attacker)];
  const running = victim.query('SELECT count(*) FROM generate_series(1, 3000000)');
  // Their process with our key, their process with none, and our key for the real backend.
  const backend = await stage.target.query(`SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'wg:%:masked%'`);
  for (const [pid, key] of [[theirs.readInt32BE(0), own.readInt32BE(4)], [theirs.readInt32BE(0), 0], [Number(backend[0]?.['pid'] ?? 1), theirs.readInt32BE(4)]] as const) {
    const canceller = await RawClient.open(stage.gateway.port());
    canceller.send(cancelRequest(pid, key));
    await canceller.until(() => false);
  }
  await running;
  const cancelled = victim.messages.some(({ type }) => type === 'E');
  await victim.end();
  await attacker.end();
  if (!cancelled) attacker.messages.push({ type: 'E', body: text('SERROR\0C57014\0Mwicketgate: nobody was cancelled\0') });
  return attacker;
};

const query = (sql: string): Buffer => message('Q', text(sql));

/** Cases whose steps are described, not spelled out. */
const SCRIPTS: Readonly<Record<string, (stage: Stage, role: Role) => Promise<RawClient>>> = {
  'PG-163': (stage, role) =>
    after(stage, role, async (client) => {
      await client.query('BEGIN');
      client.send(parse('s1', 'SELECT id, ssn FROM customers'), bind('p1', 's1'), flush);
      await client.until((seen) => seen.some(({ type }) => type === '2' || type === 'E'));
      await client.query('FETCH ALL FROM p1');
    }),
  'PG-164': (stage, role) =>
    after(stage, role, async (client) => {
      await client.query('BEGIN; DECLARE k CURSOR FOR SELECT ssn FROM customers');
      client.send(describe('P', 'k'), execute('k'), sync);
      await client.untilReady();
    }),
  'PG-169': (stage, role) =>
    after(stage, role, async (client) => {
      const [row] = await stage.target.query(`SELECT 'query_to_xml'::regproc::oid::int AS oid`);
      client.send(functionCall(Number(row?.['oid']), 'select ssn from customers'));
      await client.until((seen) => seen.some(({ type }) => type === 'E' || type === 'V'));
    }),
  'PG-171': (stage, role) => loginWith(stage, role, [['user', 'u'], ['database', 'postgres'], ['options', '-c standard_conforming_strings=off -c role=postgres -c search_path=evil']]),
  'PG-172': (stage, role) => loginWith(stage, role, [['user', 'alice'], ['user', 'postgres'], ['database', 'postgres']]),
  'PG-173': badMessage(Buffer.from('5100000003', 'hex')),
  'PG-175': badMessage(Buffer.from('51fffffffc', 'hex')),
  'PG-176': badMessage(message('Q', Buffer.from('SELECT 1\0; DELETE FROM customers\0'))),
  'PG-177': badMessage(message('Q', Buffer.from('DELETE FROM customers'))),
  // As far as a 32-bit length can say; the rest of such a message would be read as messages of its own.
  'PG-178': badMessage(Buffer.concat([Buffer.from('B'), Buffer.from('7fffffff', 'hex'), query('DELETE FROM customers')])),
  'PG-182': foreignCancel,
  'PG-183': foreignCancel,
  'PG-185': (stage, role) =>
    after(stage, role, async (client) => {
      client.send(query('COPY customers FROM STDIN'));
      await client.until((seen) => seen.some(({ type }) => type === 'G' || type === 'E'));
      if (client.messages.some(({ type }) => type === 'E')) return;
      client.send(message('d', Buffer.from('7\tEve\t\\N\t\\N\t\\N\t\\N\t\\N\n')), query('DELETE FROM customers'));
      await client.until((seen) => seen.some(({ type }) => type === 'E'));
    }),
  'PG-188': (stage, role) =>
    after(stage, role, async (client) => {
      client.send(parse('s1', 'SELECT 1'), sync);
      await client.untilReady();
      client.send(close('S', 's1'), parse('s1', 'DELETE FROM customers'), bind('', 's1'), execute(''), sync);
      await client.untilReady();
    }),
  'PG-189': (stage, role) =>
    after(stage, role, async (client) => {
      client.send(parse('s1', 'DELETE FROM customers'), sync);
      await client.untilReady();
      client.send(parse('s1', 'SELECT 1'), sync);
      await client.untilReady();
      client.send(bind('', 's1'), execute(''), sync);
      await client.untilReady();
    }),
  'PG-191': (stage, role) =>
    after(stage, role, async (client) => {
      await client.query('SET client_encoding=SJIS');
      client.send(message('Q', Buffer.concat([Buffer.from("SELECT '"), Buffer.from('955c', 'hex'), Buffer.from("'; DELETE FROM customers; --'\0")])));
      await client.untilReady();
    }),
  'PG-192': (stage, role) => after(stage, role, (client) => client.query(`SELECT 1${'+1'.repeat(20_000)}`)),
  'PG-193': (stage, role) => after(stage, role, (client) => client.query(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`)),
  'MASK-142': (stage, role) =>
    after(stage, role, async (client) => {
      client.send(parse('', 'SELECT ssn, email, id FROM customers'), bind('', ''), execute('', 1), execute('', 1), execute(''), sync);
      await client.untilReady();
    }),
  'MASK-147': async (stage, role) => {
    const client = await stage.client(role);
    await client.query('SELECT 1 FROM customers');
    await stage.direct(`ALTER TABLE customers RENAME TO gone; CREATE TABLE customers AS SELECT * FROM gone; DROP TABLE gone`);
    await client.query('SELECT ssn FROM customers');
    // At once, and when the snapshot has been read again.
    await pause(1600);
    await client.query('SELECT ssn FROM customers');
    await client.end();
    return client;
  },
};
