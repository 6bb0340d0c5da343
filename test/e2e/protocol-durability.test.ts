import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Spools } from '../../src/approvals/spool.ts';
import type { PostgresConnectionConfig } from '../../src/config/resolved.ts';
import { compileMasks } from '../../src/masking/compile.ts';
import type { Command } from '../../src/model/command.ts';
import type { Decision } from '../../src/model/decision.ts';
import { refusal, type Refusal } from '../../src/model/decision.ts';
import type { Logger } from '../../src/model/logger.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { GatedSession, Part, Passage } from '../../src/pipeline/gate.ts';
import { mint, type Permit } from '../../src/pipeline/permits.ts';
import { CancelKeys } from '../../src/protocols/postgres/cancel.ts';
import { TargetCatalogs } from '../../src/protocols/postgres/catalogs.ts';
import { dial } from '../../src/protocols/postgres/dial.ts';
import { runSession } from '../../src/protocols/postgres/session.ts';
import { createSecrets } from '../../src/secrets/secrets.ts';
import { createPostgresUnderstander } from '../../src/sql/postgres/understand.ts';
import { startPostgres, type Postgres } from '../kit/postgres.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { plain, say, Wire } from './wire.ts';

/*
 * A session between a real target and a client, with a gate whose log is in the hands of the test: intents become durable, and
 * outcomes written, when it says so. Bytes on both sides are watched.
 */

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields) => assert.fail(JSON.stringify(fields)), child: () => silent };

class HeldPassage implements Passage {
  readonly command: Command;
  readonly decision: Decision;
  readonly mostRows = undefined;
  readonly room = undefined;
  durable = false;
  free = false;
  released = 0;
  outcome: Outcome | undefined;
  readonly #strict: boolean;
  readonly waiting: ((failure?: Refusal) => void)[] = [];
  written: ((failure?: Refusal) => void) | undefined;
  constructor(command: Command, strict: boolean) {
    this.command = command;
    this.#strict = strict;
    this.decision = { effect: 'allow', rules: [], reason: 'test', policyVersion: '', ...(command.recorded.includes('too_many') ? { maxRows: 1 } : {}) };
  }
  whenDurable(then: (failure?: Refusal) => void): void {
    if (this.durable) then();
    else this.waiting.push(then);
  }
  forward(): Permit | undefined {
    return this.#strict && !this.durable ? undefined : mint();
  }
  effect(): Permit | undefined {
    return this.durable ? mint() : undefined;
  }
  up(): void {}
  down(bytes: Uint8Array | Part): void {
    assert.ok(this.durable, 'a byte of an answer was released before its intent was durable');
    this.released += bytes instanceof Uint8Array ? bytes.length : bytes.size;
  }
  end(outcome: Outcome, written: (failure?: Refusal) => void): void {
    assert.equal(this.outcome, undefined, 'an outcome was given twice');
    this.outcome = outcome;
    if (this.free) written();
    else this.written = written;
  }
  becomeDurable(): void {
    this.durable = true;
    for (const then of this.waiting.splice(0)) then();
  }
}

const OPTIONS = { users: [{ name: 'app' }], hba: ['host all all 127.0.0.1/32 trust'], setup: 'CREATE TABLE t(v text); ALTER TABLE t OWNER TO app' } as const;

let target: Postgres;
let base: PostgresConnectionConfig;
const understander = createPostgresUnderstander();
const spoolFolder = tempFolder('spool');
const spools = new Spools(spoolFolder.path);
before(async () => {
  target = await startPostgres(OPTIONS);
  base = {
    name: 'shop', protocol: 'postgres', listen: { host: '127.0.0.1', port: 1 }, plaintext: true, functions: [],
    target: { host: '127.0.0.1', port: target.port, database: 'postgres', tls: 'disable' }, credential: { username: 'app' },
    evidence: { mode: 'effect', recordAnswers: 0 }, origin: { file: '', line: 0 },
  };
});
after(async () => {
  await understander.close();
  spoolFolder.remove();
  await target.stop();
});

/** Two ends of a TCP connection. */
const pair = async (): Promise<readonly [Socket, Socket]> => {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const other = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const one = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const ends = [one, await other] as const;
  server.close();
  return ends;
};

class Bench {
  readonly wire: Wire;
  readonly passages: HeldPassage[] = [];
  /** What the target was sent, and what it said. */
  up = Buffer.alloc(0);
  down = Buffer.alloc(0);
  readonly done: Promise<void>;
  readonly ended = new AbortController();
  readonly #catalogs: TargetCatalogs;
  #free = false;

  constructor(client: Socket, run: (bench: Bench) => Promise<void>, catalogs: TargetCatalogs) {
    this.wire = new Wire(client);
    this.#catalogs = catalogs;
    this.done = run(this);
  }

  /** From here on every intent becomes durable and every outcome is written as it comes. */
  freely(): void {
    this.#free = true;
    for (const passage of this.passages) this.settle(passage);
  }

  settle(passage: HeldPassage): void {
    passage.free = this.#free;
    if (!this.#free) return;
    passage.becomeDurable();
    passage.written?.();
    passage.written = undefined;
  }

  async close(): Promise<void> {
    for (const passage of this.passages) passage.becomeDurable();
    this.ended.abort(refusal('revoked', 'test'));
    await this.done;
    this.wire.close();
    this.#catalogs.close();
  }

  /** The passage of the nth command, once the session waits for it to become durable and the client has been told nothing of it. */
  async held(count: number): Promise<HeldPassage> {
    await until(() => (this.passages[count - 1]?.waiting.length ?? 0) > 0, 10_000, `command ${count} waiting`);
    return this.passages[count - 1] as HeldPassage;
  }

  /** Lets a command go its way. */
  async pass(count: number): Promise<void> {
    const passage = await until(() => this.passages[count - 1]);
    passage.becomeDurable();
    const written = await until(() => passage.written);
    passage.written = undefined;
    written();
  }
}

const start = async (mode: 'effect' | 'strict', { port } = target): Promise<Bench> => {
  const connection: PostgresConnectionConfig = { ...base, target: { ...base.target, port }, evidence: { mode, recordAnswers: 0 } };
  const catalogs = new TargetCatalogs(connection, createSecrets(), silent);
  // A relay in front of the target sees every byte.
  const relay = createServer((socket) => {
    const further = connect(port, '127.0.0.1');
    for (const one of [socket, further]) one.on('error', () => {});
    socket.on('data', (bytes: Buffer) => (bench.up = Buffer.concat([bench.up, bytes])));
    further.on('data', (bytes: Buffer) => (bench.down = Buffer.concat([bench.down, bytes])));
    socket.pipe(further).pipe(socket);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const [mine, theirs] = await pair();
  const run = async (made: Bench): Promise<void> => {
    const upstream = await dial({ target: { ...connection.target, port: (relay.address() as AddressInfo).port }, username: 'app', parameters: [], deadlineMs: 10_000 });
    relay.close();
    const gated: GatedSession = {
      session: { id: 'a'.repeat(26), principal: { identity: 'job', provider: 'p', subject: 's', groups: [], owner: {}, claims: {}, tokenFingerprint: '', tokenExpiresAt: 0 }, connection: 'shop', protocol: 'postgres', peer: { address: '', port: 0, tls: false }, openedAt: 0 },
      connection, masks: compileMasks([], { hash: Buffer.alloc(32) }), ended: made.ended.signal, draining: new AbortController().signal,
      judge: () => undefined,
      room: undefined,
      mayAsk: false, readsBodies: false,
      ask: () => refusal('denied', 'nobody is asked here'),
      admit: (command) => {
        const passage = new HeldPassage(command, mode === 'strict');
        made.passages.push(passage);
        made.settle(passage);
        return passage;
      },
      refuse: (code, message) => refusal(code, message),
      housekeeping: () => mint(),
      close: () => {},
    };
    await runSession({ gated, client: theirs, clientBytes: Buffer.alloc(0), upstream, minor: 0, clientName: '', catalog: await catalogs.current(), catalogs, understander, spools, cancelKeys: new CancelKeys(), limits: { message: 1 << 24, statement: 1 << 20 }, log: silent });
  };
  const bench: Bench = new Bench(mine, run, catalogs);
  await bench.wire.login();
  return bench;
};

const INSERT = "INSERT INTO t VALUES ('the mark')";
const SYNC_FRAME = Buffer.from([0x53, 0, 0, 0, 4]);

describe('effect', () => {
  test('a read runs ahead; nothing of its answer is given before the intent is durable, nor its end before the outcome is written', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query("SELECT 'the mark'"));
    const passage = await bench.held(1);
    await until(() => bench.up.includes("SELECT 'the mark'"));
    await until(() => bench.down.includes('SELECT 1\0'), 10_000, 'the answer of the target');
    assert.equal(passage.released, 0);
    passage.becomeDurable();
    await until(() => passage.written);
    bench.wire.send(say.sync);
    let ended = false;
    const said = bench.wire.until('ReadyForQuery').then((messages) => {
      ended = true;
      return plain(messages);
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ended, false);
    const { written } = passage;
    passage.written = undefined;
    written?.();
    assert.deepEqual(await said, ['[?column?:25:0]', '(the mark)', 'SELECT 1', 'ZI']);
    assert.equal(passage.outcome?.status, 'ok');
    await bench.close();
  });

  test('a change outside a block is not sent before its intent is durable', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query(INSERT));
    await bench.held(1);
    assert.ok(!bench.up.includes('the mark'));
    await bench.pass(1);
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')), ['INSERT 0 1', 'ZI']);
    await bench.close();
  });

  test('in a block a change runs ahead, and COMMIT waits', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query('BEGIN'));
    await bench.pass(1);
    await bench.wire.until('ReadyForQuery');
    bench.wire.send(say.query(INSERT));
    await bench.held(2);
    await until(() => bench.up.includes('the mark'));
    await bench.pass(2);
    await bench.wire.until('ReadyForQuery');
    bench.wire.send(say.query('COMMIT'));
    await bench.held(3);
    assert.ok(!bench.up.includes('COMMIT'));
    await bench.pass(3);
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')), ['COMMIT', 'ZI']);
    await bench.close();
  });

  test('a series that changes something runs ahead, and its Sync waits', async () => {
    const bench = await start('effect');
    bench.wire.send(say.parse('', INSERT), say.bind('', '', [], []), say.execute(''), say.sync);
    await bench.held(1);
    await until(() => bench.up.includes('the mark'));
    assert.ok(!bench.up.subarray(bench.up.indexOf('the mark')).includes(SYNC_FRAME));
    await bench.pass(1);
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', 'INSERT 0 1', 'ZI']);
    await bench.close();
  });

  test('COMMIT by Execute waits, and so does the Sync of what follows it in the series', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query('BEGIN'));
    await bench.pass(1);
    await bench.wire.until('ReadyForQuery');
    const from = bench.up.length;
    bench.wire.send(say.parse('', 'COMMIT'), say.bind('', '', [], []), say.execute(''), say.parse('', INSERT), say.bind('', '', [], []), say.execute(''), say.sync);
    const commit = await bench.held(2);
    assert.ok(!bench.up.subarray(from).includes(Buffer.from([0x45, 0, 0, 0, 9])), 'COMMIT was executed');
    commit.becomeDurable();
    await bench.held(3);
    assert.ok(!bench.up.subarray(from).includes(SYNC_FRAME));
    bench.freely();
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')).at(-1), 'ZI');
    await bench.close();
  });

  test('portals run in another order than they were bound: Sync waits for the youngest of them', async () => {
    const bench = await start('effect');
    bench.wire.send(say.parse('u', 'UPDATE t SET v = v'), say.parse('i', INSERT), say.bind('older', 'u', [], []), say.flush);
    (await bench.held(1)).becomeDurable();
    await bench.wire.until('BindComplete');
    const from = bench.up.length;
    bench.wire.send(say.bind('younger', 'i', [], []), say.execute('younger'), say.execute('older'), say.sync);
    await bench.held(2);
    await until(() => bench.up.subarray(from).includes('older'));
    assert.ok(!bench.up.subarray(from).includes(SYNC_FRAME), 'the Sync was sent before the intent of what it commits was durable');
    bench.freely();
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')).at(-1), 'ZI');
    await bench.close();
  });

  test('a Query behind COMMIT in the same series waits, although no ReadyForQuery has told that the block is over', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query('BEGIN'));
    await bench.pass(1);
    await bench.wire.until('ReadyForQuery');
    bench.wire.send(say.parse('', 'COMMIT'), say.bind('', '', [], []), say.execute(''), say.flush);
    await bench.pass(2);
    await bench.wire.until('CommandComplete');
    bench.wire.send(say.query(INSERT));
    await bench.held(3);
    assert.ok(!bench.up.includes('the mark'));
    bench.freely();
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')), ['INSERT 0 1', 'ZI']);
    await bench.close();
  });

  test('a Query within a series leaves no block, although the status says so: what follows waits', async (t) => {
    const server = await startPostgres({ ...OPTIONS, version: 18 });
    t.after(() => server.stop());
    const bench = await start('effect', server);
    bench.wire.send(say.parse('', 'SELECT 1'), say.bind('', '', [], []), say.execute(''), say.query('SELECT 2'));
    await bench.pass(1);
    await bench.pass(2);
    assert.equal(plain(await bench.wire.until('ReadyForQuery')).at(-1), 'ZT');
    bench.wire.send(say.query(INSERT), say.sync);
    await bench.held(3);
    assert.ok(!bench.up.includes('the mark'));
    await bench.pass(3);
    assert.equal(plain(await bench.wire.until('ReadyForQuery', 2)).at(-1), 'ZI');
    await bench.close();
  });

  test('COPY data is asked for only when the intent is durable', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query('COPY t FROM STDIN'), say.copyData(Buffer.from('the mark\n')), say.copyDone);
    await bench.held(1);
    assert.ok(!bench.up.includes('the mark'));
    await bench.pass(1);
    assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')).slice(-2), ['COPY 1', 'ZI']);
    await bench.close();
  });

  test('an answer that is withheld in a block fails the block at once, not only when its outcome is written', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query('BEGIN'));
    await bench.pass(1);
    bench.wire.send(say.query("INSERT INTO t VALUES ('never')"));
    await bench.pass(2);
    bench.wire.send(say.query('SELECT n AS too_many FROM generate_series(1, 3) AS n'));
    const read = await bench.held(3);
    read.becomeDurable();
    await until(() => read.outcome);
    bench.wire.send(say.query('COMMIT'));
    await until(() => bench.up.includes('wicketgate refused'), 10_000, 'the block failing before the outcome is written');
    const { written } = read;
    read.written = undefined;
    written?.();
    bench.freely();
    const answers = await bench.wire.until('ReadyForQuery', 4);
    assert.deepEqual(answers.flatMap((message) => (message.kind === 'CommandComplete' ? [message.tag] : [])), ['BEGIN', 'INSERT 0 1', 'ROLLBACK']);
    await bench.close();
    assert.deepEqual(await target.query("SELECT * FROM t WHERE v = 'never'"), []);
  });

  test('an intent that cannot be made durable ends the session, and nothing of the answer was given', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query("SELECT 'the mark'"));
    const passage = await bench.held(1);
    for (const then of passage.waiting.splice(0)) then(refusal('evidence_unavailable', 'the disk is gone'));
    assert.deepEqual(plain(await bench.wire.rest()), ['E58000']);
    assert.equal(passage.released, 0);
    assert.equal(passage.outcome?.status, 'aborted');
    await bench.close();
  });
});

describe('strict', () => {
  const SENT: Readonly<Record<string, readonly Buffer[]>> = {
    'a read': [say.query("SELECT 'the mark'")],
    'a change': [say.query(INSERT)],
    'a series': [say.parse('', "SELECT 'the mark'"), say.bind('', '', [], []), say.execute(''), say.sync],
    'a COPY': [say.query("COPY (SELECT 'the mark') TO STDOUT")],
  };
  for (const [what, messages] of Object.entries(SENT)) {
    test(`no byte of ${what} is sent before its intent is durable`, async () => {
      const bench = await start('strict');
      bench.wire.send(...messages);
      await bench.held(1);
      assert.ok(!bench.up.includes('the mark'));
      bench.freely();
      assert.deepEqual(plain(await bench.wire.until('ReadyForQuery')).at(-1), 'ZI');
      await bench.close();
    });
  }
});

describe('when the session ends', () => {
  test('a command that waits to be sent is recorded as not run', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query(INSERT));
    const passage = await bench.held(1);
    bench.ended.abort(refusal('revoked', 'test'));
    assert.deepEqual(plain(await bench.wire.rest()), ['E57P01']);
    assert.equal(passage.outcome?.status, 'unused');
    passage.becomeDurable();
    await bench.done;
    assert.ok(!bench.up.includes('the mark'));
    await bench.close();
  });

  test('what ran is recorded by what can be known of it', async () => {
    const bench = await start('effect');
    bench.wire.send(say.query('BEGIN'));
    await bench.pass(1);
    await bench.wire.until('ReadyForQuery');
    bench.wire.send(say.query(INSERT));
    const passage = await bench.held(2);
    await until(() => bench.up.includes('the mark'));
    bench.ended.abort(refusal('revoked', 'test'));
    assert.deepEqual(plain(await bench.wire.rest()), ['E57P01']);
    assert.equal(passage.outcome?.status, 'indeterminate');
    await bench.close();
  });
});
