import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { freePort, releasePort } from '../kit/ports.ts';
import { until } from '../kit/until.ts';
import { readEvidence } from './recorded-evidence.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';
import { closeReasons, stopAndVerify } from './whole-evidence.ts';
import { errorText, gatewayWire, openSocket, openTls, plain, say, startWire, Wire } from './wire.ts';

/* Whatever comes in: a native error or a clean end, a record, a log line without secrets, and others are served on undisturbed. */

/** Every token and password that was used here; none of them may stand in a file. */
const secrets = new Set<string>([TARGET_PASSWORD]);

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && statSync(join(entry.parentPath, entry.name)).size > 0)
    .map((entry) => join(entry.parentPath, entry.name));

/** No secret, and no part of one, is in anything the gateway wrote. */
const assertNoSecrets = (scene: Scene): void => {
  for (const file of filesUnder(scene.gateway.folder)) {
    const bytes = readFileSync(file);
    for (const secret of secrets) {
      assert.ok(!bytes.includes(secret), `a secret stands in ${file}`);
      const signature = secret.split('.')[2];
      if (signature !== undefined && signature.length > 20) assert.ok(!bytes.includes(signature), `the signature of a token stands in ${file}`);
    }
  }
};

const ca = (scene: Scene): string => readFileSync(scene.gateway.caFile, 'utf8');

const login = async (scene: Scene, password: string, port = scene.gateway.port()): Promise<string> => {
  if (password !== '') secrets.add(password);
  using wire = await startWire({ to: port, ca: ca(scene), parameters: { user: 'writer', database: 'shop' } });
  return errorText(await wire.login(password)) || 'in';
};

describe('credentials', () => {
  let scene: Scene;
  before(async () => {
    scene = await startScene({ provider: { once: true } });
  });
  after(() => scene[Symbol.asyncDispose]());

  const wrong: Readonly<Record<string, () => Promise<string>>> = {
    'no token at all': async () => 'hunter2-is-no-token',
    'an empty password': async () => '',
    'a token with another signature': async () => {
      const token = await scene.token('writer');
      return `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
    },
    'an expired token': () => scene.issuer.token({ expiresIn: -3600, issuedIn: -3700, claims: { job: 'writer' } }),
    'a token for somebody else': () => scene.issuer.token({ aud: 'another-service', claims: { job: 'writer' } }),
    'a token with two audiences': () => scene.issuer.token({ aud: ['wicketgate', 'another'], claims: { job: 'writer' } }),
    'a token without an end': () => scene.issuer.token({ expiresIn: null, claims: { job: 'writer' } }),
    'a token of another issuer': () => scene.issuer.token({ iss: 'https://elsewhere.example', claims: { job: 'writer' } }),
    'a token of nobody here': () => scene.issuer.token({ claims: { job: 'unheard-of' } }),
    'an unsigned token': async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await scene.token('writer')).split('.')[1]}.`,
    'a token of 60 KB': () => scene.issuer.token({ claims: { job: 'writer', filler: 'x'.repeat(40_000) } }),
  };
  for (const [what, make] of Object.entries(wrong)) {
    test(`${what} opens nothing`, async () => {
      assert.match(await login(scene, await make()), /S:FATAL[^]*C:28(P01|000)/);
    });
  }

  test('a token that may open one session opens no second', async () => {
    const token = await scene.token('writer');
    assert.equal(await login(scene, token), 'in');
    assert.match(await login(scene, token), /S:FATAL[^]*C:28/);
  });

  test('a password longer than PostgreSQL takes ends the connection', async () => {
    assert.match(await login(scene, 'p'.repeat(70_000)), /C:08P01/);
  });

  test('a token in the place of the user name is refused before anything is asked', async () => {
    const token = await scene.token('writer');
    secrets.add(token);
    using wire = await startWire({ to: scene.gateway.port(), ca: ca(scene), parameters: { user: token, database: 'shop' } });
    assert.match(errorText(await wire.rest()), /FATAL[^]*send it as the password/);
  });

  test('what was refused is recorded, and no secret is in any file', async () => {
    await stopAndVerify(scene);
    const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
    const codes = leaves.flatMap(({ record }) => (record.kind === 'refusal' ? [record.code] : []));
    for (const code of ['unauthenticated', 'no_identity']) assert.ok(codes.includes(code), `${code} among ${codes.join(' ')}`);
    assertNoSecrets(scene);
  });
});

describe('messages', () => {
  let scene: Scene;
  let bystander: Wire;
  before(async () => {
    scene = await startScene();
    bystander = await gatewayWire(scene, 'reader');
  });
  afterEach(async () => {
    assert.deepEqual(plain(await bystander.query('SELECT 1')).at(-1), 'ZI');
  });
  after(() => scene[Symbol.asyncDispose]());

  const header = (type: string, length: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes.write(type, 0, 'latin1');
    bytes.writeInt32BE(length, 1);
    return bytes;
  };

  const before4: Readonly<Record<string, Buffer>> = {
    'nothing of the protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    'a length of 3': Buffer.from([0, 0, 0, 3]),
    'a negative length': Buffer.from([255, 255, 255, 255, 0, 3, 0, 0]),
    'a length of 2 GiB': Buffer.from([127, 255, 255, 255, 0, 3, 0, 0]),
    'protocol 2': Buffer.from([0, 0, 0, 8, 0, 2, 0, 0]),
    'a startup message without an end': Buffer.from([0, 0, 0, 12, 0, 3, 0, 0, 117, 115, 101, 114]),
    'a cancel request with a key of 300 bytes': Buffer.concat([Buffer.from([0, 0, 1, 56, 4, 210, 22, 46]), Buffer.alloc(304)]),
  };
  for (const [what, bytes] of Object.entries(before4)) {
    test(`${what} ends the connection`, async () => {
      for (const open of [openSocket, (to: number) => openTls(to, ca(scene))]) {
        const socket = await open(scene.gateway.port());
        socket.on('error', () => {});
        socket.resume();
        socket.write(bytes);
        await until(() => socket.closed || socket.readableEnded);
        socket.destroy();
      }
    });
  }

  const ending: Readonly<Record<string, Buffer>> = {
    'a query of 1 GiB, announced': header('Q', 1 << 30),
    'a message with a negative length': header('Q', -1),
    'a message with a length of 3': header('S', 3),
    'a message of an unknown type': header('~', 4),
    'a message that only servers send': header('Z', 5),
    'a Sync with a body': Buffer.concat([header('S', 8), Buffer.from('body')]),
    'a Query of two texts': Buffer.concat([header('Q', 4 + 18), Buffer.from('SELECT 1\0SELECT 2\0')]),
    'a Query without its end': Buffer.concat([header('Q', 4 + 8), Buffer.from('SELECT 1')]),
    'a Parse that announces more parameters than it holds': Buffer.concat([header('P', 4 + 12), Buffer.from('\0SELECT 1\0'), Buffer.from([255, 255])]),
    'a Bind that announces more values than it holds': Buffer.concat([header('B', 4 + 8), Buffer.from([0, 0, 0, 0, 255, 255, 0, 0])]),
    'a Bind with a negative length': Buffer.concat([header('B', 4 + 12), Buffer.from([0, 0, 0, 0, 0, 1, 255, 255, 255, 254, 0, 0])]),
    'a Describe of neither statement nor portal': Buffer.concat([header('D', 6), Buffer.from('X\0')]),
    'a password out of turn': Buffer.concat([header('p', 7), Buffer.from('pw\0')]),
  };
  for (const [what, bytes] of Object.entries(ending)) {
    test(`${what} ends the session with a protocol violation`, async () => {
      using wire = await gatewayWire(scene, 'writer');
      wire.send(bytes);
      assert.match(errorText(await wire.rest()), /S:FATAL[^]*C:08P01/);
    });
  }

  const going: Readonly<Record<string, readonly [Buffer[], string]>> = {
    'a Query that is not UTF-8': [[Buffer.concat([header('Q', 4 + 12), Buffer.from("SELECT '", 'latin1'), Buffer.from([0xc3, 0x28, 0x27, 0])])], 'E22021'],
    'a Parse that is not UTF-8': [[Buffer.concat([header('P', 4 + 14), Buffer.from('\0SELECT \'', 'latin1'), Buffer.from([0xff, 0x27, 0, 0, 0])]), say.sync], 'E22021'],
    'a Bind whose portal is not UTF-8': [[Buffer.concat([header('B', 4 + 9), Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0])]), say.sync], 'E22021'],
    'a statement above the limit': [[say.query(`SELECT '${'x'.repeat(1_100_000)}'`)], 'E54000'],
    'a FunctionCall': [[Buffer.concat([header('F', 4 + 10), Buffer.from([0, 0, 4, 210, 0, 0, 0, 0, 0, 0])])], 'E0A000'],
    'very deep nesting': [[say.query(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`)], 'E42501'],
    'a name of the gateway\'s own': [[say.parse('wicketgate:own', 'SELECT 1'), say.sync], 'E08P01'],
    'Bind of a statement that is not there': [[say.bind('', 'nothing', [], []), say.sync], 'E26000'],
    'Execute of a portal that is not there': [[say.execute('nothing'), say.sync], 'E34000'],
  };
  for (const [what, [bytes, state]] of Object.entries(going)) {
    test(`${what} is refused, and the session goes on`, async () => {
      using wire = await gatewayWire(scene, 'writer');
      wire.send(...bytes);
      assert.deepEqual(plain(await wire.until('ReadyForQuery')), [state, 'ZI']);
      assert.deepEqual(plain(await wire.query('SELECT 1')).at(-1), 'ZI');
    });
  }

  test('65,535 parameters pass as they do straight to the target; 100,000 do not fit a message', async () => {
    using wire = await gatewayWire(scene, 'writer');
    const text = `SELECT 1 IN (${Array.from({ length: 65_535 }, (_, n) => `$${n + 1}`).join(',')})`;
    const values = Array.from({ length: 65_535 }, (_, n) => Buffer.from(n === 65_534 ? '1' : '2'));
    wire.send(say.parse('', text), say.bind('', '', [], values), say.execute(''), say.sync);
    assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', '(t)', 'SELECT 1', 'ZI']);
    wire.send(say.parse('', 'SELECT $1::int'), say.bind('', '', [], values), say.execute(''), say.sync);
    assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['ParseComplete', 'E08P01', 'ZI']);
    wire.send(say.bind('', '', [], Array.from({ length: 100_000 }, () => Buffer.from('1'))), say.sync);
    assert.match(errorText(await wire.rest()), /S:FATAL[^]*C:08P01/);
  });

  test('psql hears why, after a message that is too large: it looks only when all of it is sent', async () => {
    const file = join(scene.gateway.folder, 'large.sql');
    writeFileSync(file, `SELECT length('${'x'.repeat(17 * 1024 * 1024)}');\n`);
    for (let round = 0; round < 3; round += 1) {
      const ran = await scene.psql('writer', '-f', file);
      assert.match(ran.stderr, /FATAL: {2}wicketgate: frontend message Q of 178\d+ bytes is above the limit/);
    }
    rmSync(file);
  });

  test('10,000 prepared statements are enough', async () => {
    using wire = await gatewayWire(scene, 'writer');
    wire.send(...Array.from({ length: 10_001 }, (_, n) => say.parse(`s${n}`, 'SELECT 1')), say.sync);
    const said = plain(await wire.until('ReadyForQuery'));
    assert.deepEqual(said.slice(-2), ['E54000', 'ZI']);
    wire.send(...['s1', 's2', 's3'].map((name) => say.close('statement', name)), say.sync);
    assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['CloseComplete', 'CloseComplete', 'CloseComplete', 'ZI']);
    wire.send(say.parse('again', 'SELECT 2'), say.bind('', 'again', [], []), say.execute(''), say.sync);
    assert.deepEqual(plain(await wire.until('ReadyForQuery')), ['ParseComplete', 'BindComplete', '(2)', 'SELECT 1', 'ZI']);
  });

  test('clients that vanish at any moment leave nothing behind', async () => {
    const messages: readonly Buffer[][] = [
      [say.query('SELECT 1')], [say.query('BEGIN'), say.query("INSERT INTO audit VALUES (5,'x')")], [say.parse('', 'SELECT 1')], [say.query('COPY audit(id) FROM STDIN'), say.copyData(Buffer.from('7\n'))],
      [header('Q', 400)], [say.query("SELECT repeat('x', 30000000)")], [say.parse('', "INSERT INTO audit VALUES (5,'x')"), say.bind('', '', [], []), say.execute('')],
    ];
    for (const sent of messages) {
      for (const patience of [0, 1, 20]) {
        const wire = await gatewayWire(scene, 'writer');
        wire.send(...sent);
        await new Promise((resolve) => setTimeout(resolve, patience));
        wire.close();
      }
    }
    await until(async () => (await scene.target.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'wg:%:writer%'")).length === 0, 20_000, 'the end of their sessions');
    assert.deepEqual(await scene.target.query("SELECT count(*)::int AS n FROM audit WHERE id IN (5, 7) AND note IS DISTINCT FROM 'x'"), [{ n: 0 }]);
  });

  test('all of it is recorded, the evidence is whole, and nothing in the log speaks of it', async () => {
    bystander.close();
    bystander = { query: async () => [{ kind: 'ReadyForQuery', status: 'I' }] } as unknown as Wire;
    await stopAndVerify(scene);
    const closed = (await closeReasons(scene)).filter((reason) => reason === 'protocol').length;
    // Each that ended its session, 100,000 parameters, and psql three times.
    assert.equal(closed, Object.keys(ending).length + 4);
    assertNoSecrets(scene);
    assert.ok(!scene.gateway.log().includes('session failed'), scene.gateway.log());
    assert.ok(!/SELECT|INSERT/.test(scene.gateway.log()));
  });
});

describe('targets', () => {
  let scene: Scene;
  let deaf = 0;
  let nobody = 0;
  const accepted: Socket[] = [];
  const listener = createServer((socket) => void accepted.push(socket.on('error', () => {}).resume()));
  before(async () => {
    deaf = await freePort();
    nobody = await freePort();
    await new Promise<void>((resolve) => listener.listen(deaf, '127.0.0.1', resolve));
    listener.unref();
    const base = { protocol: 'postgres', credential: { username: 'app', password: 'env:TARGET_PASSWORD' } };
    scene = await startScene({
      postgres: { tls: true, users: [{ name: 'app', password: TARGET_PASSWORD }, { name: 'few', password: TARGET_PASSWORD, attributes: 'CONNECTION LIMIT 2' }] },
      connectionsAt: (port) => [
        { ...base, name: 'shop', target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' } },
        { ...base, name: 'nobody', target: { host: '127.0.0.1', port: nobody, database: 'postgres', tls: 'disable' } },
        { ...base, name: 'deaf', target: { host: '127.0.0.1', port: deaf, database: 'postgres', tls: 'disable' } },
        { ...base, name: 'untrusted', target: { host: 'localhost', port, database: 'postgres', tls: 'verify-full' } },
        { ...base, name: 'few', credential: { username: 'few', password: 'env:TARGET_PASSWORD' }, target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' } },
        { ...base, name: 'wrong', credential: { username: 'nobody-here', password: 'env:TARGET_PASSWORD' }, target: { host: '127.0.0.1', port, database: 'postgres', tls: 'disable' } },
      ],
    });
  });
  after(async () => {
    listener.close();
    await scene[Symbol.asyncDispose]();
    releasePort(deaf);
    releasePort(nobody);
  });

  for (const [name, why] of [['nobody', 'the target cannot be reached \\(ECONNREFUSED\\)'], ['untrusted', 'the certificate of the target was not accepted'], ['wrong', 'the target refused the login of the gateway']] as const) {
    test(`${name}: the login fails with a native error`, async () => {
      using wire = await startWire({ to: scene.gateway.port(name), ca: ca(scene), parameters: { user: 'writer', database: name } });
      const token = await scene.token('writer');
      secrets.add(token);
      const told = errorText(await wire.login(token));
      assert.match(told, new RegExp(`S:FATAL[^]*C:08006[^]*M:wicketgate: connection ${name}: (?:${why})`));
      // Where the target is, the operator reads in the log.
      const at = name === 'nobody' ? nobody : scene.target.port;
      assert.ok(!told.includes(String(at)) && !told.includes('127.0.0.1'), told);
      await until(() => scene.gateway.logLines().some(({ msg, connection, target }) => msg === 'target unavailable' && connection === name && String(target).endsWith(`:${at}`)), 20_000, 'the log line');
    });
  }

  test('a target that never answers: the login fails when its time is over, and others are served meanwhile', { timeout: 60_000 }, async () => {
    using waiting = await startWire({ to: scene.gateway.port('deaf'), ca: ca(scene), parameters: { user: 'writer', database: 'deaf' } });
    const said = waiting.login(await scene.token('writer'));
    await until(() => accepted.length > 0, 20_000, 'the connection to the target');
    const { code, stderr } = await scene.psql('writer', '-c', 'SELECT 1');
    assert.equal(code, 0, stderr);
    assert.match(errorText(await said), /S:FATAL[^]*C:08006[^]*M:wicketgate: connection deaf: the target did not answer in time/);
    await until(() => accepted.every((socket) => socket.readableEnded), 20_000, 'the end of the connections to the target');
  });

  test('a target without room refuses the login, and is used again when it has room', async () => {
    const enter = async (): Promise<Wire | string> => {
      const wire = await startWire({ to: scene.gateway.port('few'), ca: ca(scene), parameters: { user: 'writer', database: 'few' } });
      const said = await wire.login(await scene.token('writer'));
      if (said.at(-1)?.kind === 'ReadyForQuery') return wire;
      wire.close();
      return errorText(said);
    };
    // One connection of the two is the gateway's own, for the catalog.
    const first = await enter();
    assert.ok(first instanceof Wire, typeof first === 'string' ? first : '');
    const second = await enter();
    assert.ok(typeof second === 'string');
    assert.match(second, /S:FATAL[^]*no connection left/);
    assert.deepEqual(plain(await first.query('SELECT 1')).at(-1), 'ZI');
    first.close();
    await until(async () => {
      const third = await enter();
      if (!(third instanceof Wire)) return false;
      third.close();
      return true;
    });
  });

  test('a target that is killed and comes again: sessions end with an error, and new ones work', async () => {
    const wire = await gatewayWire(scene, 'writer');
    const busy = await gatewayWire(scene, 'writer');
    await busy.query('BEGIN');
    await busy.query("INSERT INTO audit VALUES (60, 'lost')");
    await scene.target.kill9();
    assert.match(errorText(await wire.rest()), /S:FATAL/);
    assert.match(errorText(await busy.rest()), /S:FATAL/);
    assert.match(await login(scene, await scene.token('writer')), /S:FATAL[^]*C:(08006|57P03)/);
    await scene.target.restart();
    assert.equal(await until(async () => (await login(scene, await scene.token('writer'))) === 'in'), true);
    using again = await gatewayWire(scene, 'writer');
    assert.deepEqual(plain(await again.query('SELECT count(*) FROM audit')).slice(1, 2), ['(2)']);
  });

  test('a target that shuts down says so itself', async () => {
    using wire = await gatewayWire(scene, 'writer');
    await scene.target.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wg:%:writer%'");
    const said = errorText(await wire.rest());
    assert.match(said, /S:FATAL[^]*C:57P01[^]*terminating connection/);
    assert.equal(said.match(/S:FATAL/g)?.length, 1);
  });

  test('the evidence is whole, and no secret is in any file', async () => {
    await stopAndVerify(scene);
    assertNoSecrets(scene);
  });
});
