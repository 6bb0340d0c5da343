import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { TLSSocket, connect as connectTls, createSecureContext } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { type Authority, type Issued, certificateAuthority } from '../../../test/kit/certificates.ts';
import { freePort } from '../../../test/kit/ports.ts';
import { type Postgres, postgresVersions, startPostgres } from '../../../test/kit/postgres.ts';
import { type TempFolder, tempFolder } from '../../../test/kit/temp.ts';
import { until } from '../../../test/kit/until.ts';
import type { PostgresConnectionConfig } from '../../config/resolved.ts';
import { ChannelError } from '../../wire/errors.ts';
import { type DialFault, type DialOptions, DialError, cancelUpstream, dial } from './dial.ts';
import { toClient } from './encode.ts';
import { errorResponse } from './errors.ts';
import { QueryConnection, QueryError } from './query.ts';

type Target = PostgresConnectionConfig['target'];

const PASSWORD = 'correct horse';

/** Lends a copy and overwrites it, as the lender of credentials does; remembers what it lent. */
const lender = (password: string) => {
  const lent: Buffer[] = [];
  const lend = async <T>(use: (password: Buffer) => Promise<T>): Promise<T> => {
    const copy = Buffer.from(password);
    lent.push(copy);
    try {
      return await use(copy);
    } finally {
      copy.fill(0);
    }
  };
  return { lend, lent };
};

const faultOf = (fault: DialFault, code?: string) => (error: unknown): boolean => {
  assert.ok(error instanceof DialError, String(error));
  assert.equal(error.fault, fault, error.message);
  if (code !== undefined) assert.equal(error.code, code);
  assert.ok(!error.message.includes(PASSWORD));
  return true;
};

for (const version of postgresVersions()) {
  describe(`PostgreSQL ${version}`, { concurrency: false }, () => {
    let server: Postgres;
    let folder: TempFolder;
    let target: Target;
    let otherCa: string;
    let authority: Authority;

    const open = (user: string, more: Partial<Omit<DialOptions, 'target'>> & { target?: Partial<Target> } = {}) => {
      const { target: over, ...rest } = more;
      return dial({ username: user, password: lender(PASSWORD).lend, parameters: [], deadlineMs: 10_000, ...rest, target: { ...target, ...over } });
    };
    const asked = async (user: string, more: Parameters<typeof open>[1] = {}): Promise<string | null | undefined> => {
      const connection = new QueryConnection(await open(user, more));
      const [row] = await connection.query(`SELECT current_user || ' ' || coalesce((SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()), '?')`);
      connection.close();
      return row?.[0];
    };

    before(async () => {
      folder = tempFolder('dial');
      otherCa = folder.file('other.pem');
      writeFileSync(otherCa, (await certificateAuthority('another')).certPem);
      authority = await certificateAuthority();
      server = await startPostgres({
        version,
        tls: { server: await authority.issue(['localhost', '127.0.0.1']), caPem: authority.certPem },
        hba: [
          ...['host', 'local'].flatMap((type) => {
            const address = type === 'host' ? ' 127.0.0.1/32' : '';
            return [`${type} all hashed${address} md5`, `${type} all clear${address} password`, `${type} all trusted${address} trust`, `${type} all scram${address} scram-sha-256`];
          }),
          'hostssl all tlsonly 127.0.0.1/32 scram-sha-256',
          'host all tlsonly 127.0.0.1/32 reject',
          'host all identified 127.0.0.1/32 ident',
        ],
        users: [
          { name: 'scram', password: PASSWORD },
          { name: 'hashed', password: PASSWORD, encryption: 'md5' },
          { name: 'clear', password: PASSWORD },
          { name: 'trusted' },
          { name: 'tlsonly', password: PASSWORD },
          { name: 'identified', password: PASSWORD },
          { name: 'unicode', password: 'Ⅸ\u00a0é' },
          { name: 'few', password: PASSWORD, attributes: 'CONNECTION LIMIT 0' },
        ],
      });
      target = { host: 'localhost', port: server.port, database: 'postgres', tls: 'verify-full', ca: server.caFile as string };
    });
    after(async () => {
      await server.stop();
      folder.remove();
    });

    for (const user of ['scram', 'hashed', 'clear', 'trusted', 'tlsonly'] as const) {
      test(`TLS verify-full, ${user}`, async () => assert.equal(await asked(user), `${user} true`));
      test(`TLS require, ${user}`, async () => assert.equal(await asked(user, { target: { tls: 'require', ca: otherCa } }), `${user} true`));
    }
    for (const user of ['scram', 'hashed', 'trusted'] as const) {
      test(`without TLS, ${user}`, async () => assert.equal(await asked(user, { target: { tls: 'disable' } }), `${user} false`));
    }
    for (const user of ['scram', 'hashed', 'clear', 'trusted'] as const) {
      test(`Unix socket, ${user}`, async () => assert.equal(await asked(user, { target: { host: server.socketDir } }), `${user} false`));
    }

    test('an address is verified as one', async () => assert.equal(await asked('scram', { target: { host: '127.0.0.1' } }), 'scram true'));
    test('a password is never sent in clear over TCP without TLS', () => {
      const { lend, lent } = lender(PASSWORD);
      return assert.rejects(open('clear', { target: { tls: 'disable' }, password: lend }), faultOf('unsupported_authentication')).then(() => assert.equal(lent.length, 0));
    });
    test('a password beyond ASCII is prepared', async () => {
      assert.equal(await asked('unicode', { password: lender('Ⅸ\u00a0é').lend }), 'unicode true');
      assert.equal(await asked('unicode', { password: lender('IX e\u0301').lend }), 'unicode true');
    });
    test('what is lent is used once and not kept', async () => {
      const { lend, lent } = lender(PASSWORD);
      (await open('scram', { password: lend })).socket.destroy();
      assert.deepEqual(lent, [Buffer.alloc(PASSWORD.length)]);
    });
    describe('somebody in the middle, with a certificate that the CA issued for another host', () => {
      let middle: Middle;
      before(async () => {
        middle = await startMiddle(server, await authority.issue(['elsewhere.test']));
      });
      after(() => middle.stop());

      test('verify-full finds the wrong name', () => assert.rejects(open('scram', { target: { port: middle.port } }), faultOf('tls_unverified', 'ERR_TLS_CERT_ALTNAME_INVALID')));
      test('require does not look, but SCRAM is bound to the channel', () => assert.rejects(open('scram', { target: { port: middle.port, tls: 'require' } }), faultOf('login_refused', '28000')));
      test('removing the offer of channel binding is found out by the server', async () => {
        middle.withoutPlus = true;
        await assert.rejects(open('scram', { target: { port: middle.port, tls: 'require' } }), (error) => error instanceof DialError && error.code === '28000');
      });
      test('without SCRAM, require does not notice: the password is lost to them', async () => assert.equal(await asked('clear', { target: { port: middle.port, tls: 'require' } }), 'clear true'));
    });

    test('what is known after login', async () => {
      const upstream = await open('scram', { parameters: [['application_name', 'wg:test'], ['client_encoding', 'UTF8']] });
      assert.equal(Math.trunc(upstream.serverVersion / 10_000), version);
      assert.equal(upstream.status, 'I');
      assert.equal(upstream.parameters.get('application_name'), 'wg:test');
      assert.equal(upstream.parameters.get('client_encoding'), 'UTF8');
      assert.equal(upstream.backendKey?.key.length, 4);
      assert.equal(upstream.leftover.length, 0);
      assert.ok(upstream.socket.isPaused());
      upstream.socket.destroy();
    });

    for (const [what, fault, code, more, user = 'scram'] of [
      ['a wrong password', 'login_refused', '28P01', { password: lender('wrong').lend }],
      ['a wrong password, md5', 'login_refused', '28P01', { password: lender('wrong').lend }, 'hashed'],
      ['an unknown user', 'login_refused', '28P01', {}, 'nobody_here'],
      ['a rule that rejects', 'login_refused', '28000', { target: { tls: 'disable' } }, 'tlsonly'],
      ['an unknown database', 'login_refused', '3D000', { target: { database: 'no_such' } }],
      ['no connection left', 'too_many_connections', '53300', {}, 'few'],
      ['a parameter that it does not know', 'parameter_refused', '42704', { parameters: [['no_such_parameter', '1']] }],
      ['a value that it does not take', 'parameter_refused', '22023', { parameters: [['TimeZone', 'Nowhere']] }],
      ['a password with a zero byte', 'login_refused', undefined, { password: lender('a\0b').lend }, 'clear'],
      ['time over', 'deadline', undefined, { deadlineMs: 0 }],
      ['given up', 'aborted', undefined, { signal: AbortSignal.abort() }],
    ] as const satisfies readonly (readonly [string, DialFault, string | undefined, Parameters<typeof open>[1], string?])[]) {
      test(`refused: ${what}`, () => assert.rejects(open(user, more), faultOf(fault, code)));
    }
    test('refused: no password to give', async () => {
      await assert.rejects(dial({ target, username: 'scram', parameters: [], deadlineMs: 10_000 }), faultOf('no_password'));
      (await dial({ target, username: 'trusted', parameters: [], deadlineMs: 10_000 })).socket.destroy();
    });
    test('refused: a certificate of another CA', () => assert.rejects(open('scram', { target: { ca: otherCa } }), faultOf('tls_unverified')));
    test('refused: no CA, so the system must know it', () => assert.rejects(dial({ target: { host: 'localhost', port: server.port, database: 'postgres', tls: 'verify-full' }, username: 'scram', parameters: [], deadlineMs: 10_000 }), faultOf('tls_unverified')));
    test('refused: a CA file that is missing, or holds nothing', async () => {
      await assert.rejects(open('scram', { target: { ca: folder.file('missing.pem') } }), faultOf('tls_unverified', 'ENOENT'));
      const broken = folder.file('broken.pem');
      writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
      await assert.rejects(open('scram', { target: { ca: broken } }), faultOf('tls_unverified'));
      writeFileSync(broken, '');
      await assert.rejects(open('scram', { target: { ca: broken } }), faultOf('tls_unverified'));
    });

    test('a query is cancelled, with TLS and without', async () => {
      for (const tls of ['verify-full', 'disable'] as const) {
        const upstream = await open('scram', { target: { tls } });
        assert.ok(upstream.backendKey);
        const connection = new QueryConnection(upstream);
        const sleeping = assert.rejects(connection.query('SELECT pg_sleep(60)'), (error) => error instanceof QueryError && error.sqlState === '57014');
        await until(async () => (await server.query(`SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'`, [upstream.backendKey?.processId])).length === 1);
        await cancelUpstream({ ...target, tls }, upstream.backendKey, 10_000);
        await sleeping;
        assert.deepEqual(await connection.query('SELECT 1'), [['1']]);
        connection.close();
      }
    });

    describe('queries of the gateway itself', () => {
      test('rows, nulls, nothing, notices', async () => {
        const connection = new QueryConnection(await open('scram'));
        assert.deepEqual(await connection.query(`VALUES ('é', NULL), ('', '2')`), [['é', null], ['', '2']]);
        assert.deepEqual(await connection.query(''), []);
        assert.deepEqual(await connection.query(`DO $$ BEGIN RAISE NOTICE 'n'; END $$`), []);
        connection.close();
        await assert.rejects(connection.query('SELECT 1'), ChannelError);
      });
      test('an error leaves the connection usable, a limit does not', async () => {
        const connection = new QueryConnection(await open('scram'));
        await assert.rejects(connection.query('SELECT 1/0'), (error) => error instanceof QueryError && error.sqlState === '22012');
        assert.deepEqual(await connection.query('SELECT 2'), [['2']]);
        await assert.rejects(connection.query('SELECT generate_series(1, 10)', { rows: 9 }), /too many rows/);
        assert.ok(connection.closed);
        const second = new QueryConnection(await open('scram'));
        await assert.rejects(second.query(`SELECT repeat('x', 10000)`, { bytes: 5000 }), /too many bytes/);
        const third = new QueryConnection(await open('scram'));
        await assert.rejects(third.query('SELECT pg_sleep(60)', { deadlineMs: 20 }), (error) => error instanceof ChannelError && error.fault === 'deadline');
        const fourth = new QueryConnection(await open('scram'));
        await assert.rejects(fourth.query(`COPY (SELECT 1) TO STDOUT`), /CopyOutResponse/);
      });
      test('a server that ends tells those who wait', async () => {
        const connection = new QueryConnection(await open('scram'));
        const [row] = await connection.query('SELECT pg_backend_pid()');
        const sleeping = assert.rejects(connection.query('SELECT pg_sleep(60)'));
        await server.query('SELECT pg_terminate_backend($1)', [Number(row?.[0])]);
        await sleeping;
        await until(() => connection.closed);
      });
    });
  });
}

interface Middle {
  readonly port: number;
  /** Takes SCRAM-SHA-256-PLUS out of what the server offers. */
  withoutPlus: boolean;
  stop(): Promise<void>;
}

/** Ends TLS with its own certificate and passes everything on over TLS of its own. */
async function startMiddle(behind: Postgres, { certPem, keyPem }: Issued): Promise<Middle> {
  const secureContext = createSecureContext({ cert: certPem, key: keyPem });
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(behind.port, behind.host);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.once('data', (request) => {
      client.pause();
      server.write(request);
      server.once('data', (answer) => {
        client.write(answer);
        const near = new TLSSocket(client, { isServer: true, secureContext });
        const far = connectTls({ socket: server, rejectUnauthorized: false });
        near.on('data', (data) => far.write(data));
        far.on('data', (data) => near.write(middle.withoutPlus ? removePlus(data as Buffer) : data));
        for (const [one, other] of [[near, far], [far, near]] as const) {
          one.on('error', () => {});
          one.on('close', () => other.destroy());
        }
      });
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  const middle: Middle = {
    port,
    withoutPlus: false,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
  return middle;
}

const removePlus = (data: Buffer): Buffer => {
  const name = Buffer.from('SCRAM-SHA-256-PLUS\0');
  const at = data.indexOf(name);
  if (at < 0) return data;
  const rest = Buffer.concat([data.subarray(0, at), data.subarray(at + name.length)]);
  rest.writeInt32BE(rest.readInt32BE(1) - name.length, 1);
  return rest;
};

/** Servers that nobody should run. */
describe('hostile servers', () => {
  let server: Server;
  let respond: (socket: Socket, turn: number, data: Buffer) => void;
  let target: Target;
  const sockets = new Set<Socket>();

  before(async () => {
    const port = await freePort();
    server = createServer((socket) => {
      sockets.add(socket);
      let turn = 0;
      socket.on('error', () => {});
      socket.on('data', (data: Buffer) => respond(socket, turn++, data));
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    target = { host: '127.0.0.1', port, database: 'd', tls: 'disable' };
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  const attempt = (answers: readonly Buffer[], tls: Target['tls'] = 'disable', deadlineMs = 5_000) => {
    respond = (socket, turn) => socket.write(answers[turn] ?? Buffer.alloc(0));
    return dial({ target: { ...target, tls }, username: 'u', password: lender(PASSWORD).lend, parameters: [], deadlineMs });
  };
  const authentication = (method: number, rest: Buffer = Buffer.alloc(0)): Buffer => {
    const head = Buffer.from([0x52, 0, 0, 0, 0, 0, 0, 0, method]);
    head.writeInt32BE(8 + rest.length, 1);
    return Buffer.concat([head, rest]);
  };
  const sasl = authentication(10, Buffer.from('SCRAM-SHA-256\0\0'));
  const ready = toClient.readyForQuery('I');

  for (const [what, fault, answers, tls] of [
    ['says no to TLS', 'tls_refused', [Buffer.from('N')], 'require'],
    ['says no to TLS that must be verified', 'tls_refused', [Buffer.from('N')], 'verify-full'],
    ['says neither yes nor no to TLS', 'protocol', [Buffer.from('X')], 'require'],
    ['answers the request for TLS with an error', 'server_error', [Buffer.from('EFATAL')], 'require'],
    ['sends bytes in clear behind its yes to TLS', 'protocol', [Buffer.concat([Buffer.from('S'), toClient.authenticationOk])], 'require'],
    ['says yes to TLS and speaks something else', 'tls', [Buffer.from('S'), Buffer.from('hello there, this is not TLS')], 'require'],
    ['is ready without authentication', 'protocol', [ready]],
    ['tells parameters before authentication', 'protocol', [toClient.parameterStatus('a', 'b')]],
    ['authenticates twice', 'protocol', [Buffer.concat([toClient.authenticationOk, toClient.authenticationOk])]],
    ['asks for the password in clear', 'unsupported_authentication', [toClient.authenticationCleartextPassword]],
    ['asks for Kerberos', 'unsupported_authentication', [authentication(2)]],
    ['asks for GSS', 'unsupported_authentication', [authentication(7)]],
    ['asks for SSPI', 'unsupported_authentication', [authentication(9)]],
    ['asks for an unknown method', 'protocol', [authentication(99)]],
    ['offers no mechanism that we speak', 'unsupported_authentication', [authentication(10, Buffer.from('OAUTHBEARER\0\0'))]],
    ['breaks SCRAM off with Ok', 'server_unverified', [sasl, toClient.authenticationOk]],
    ['breaks SCRAM off by asking for MD5', 'server_unverified', [sasl, authentication(5, Buffer.from('salt'))]],
    ['starts SCRAM twice', 'server_unverified', [sasl, sasl]],
    ['goes on with SASL that it did not begin', 'protocol', [authentication(11, Buffer.from('r=x'))]],
    ['ends SASL that it did not begin', 'protocol', [authentication(12, Buffer.from('v=x'))]],
    ['sends a nonce that is not ours', 'protocol', [sasl, authentication(11, Buffer.from('r=x,s=AAAA,i=4096'))]],
    ['sends rows during login', 'protocol', [toClient.dataRow([null])]],
    ['sends an unknown message', 'protocol', [Buffer.from([0x7a, 0, 0, 0, 4])]],
    ['lies about a length', 'protocol', [Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff])]],
    ['declares a negative length', 'protocol', [Buffer.from([0x52, 0xff, 0xff, 0xff, 0xff])]],
    ['speaks another protocol', 'protocol', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
    ['sends notices without end', 'protocol', [Buffer.concat(Array.from({ length: 40_000 }, () => toClient.notice([{ code: 'M', value: 'x'.repeat(30) }])))]],
    ['is starting up', 'starting_up', [errorResponse({ severity: 'FATAL', sqlState: '57P03', message: 'starting' })]],
  ] as const satisfies readonly (readonly [string, DialFault, readonly Buffer[], Target['tls']?])[]) {
    test(`one that ${what}`, () => assert.rejects(attempt(answers, tls), faultOf(fault)));
  }

  for (const [what, final] of [
    ['a wrong signature', authentication(12, Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`))],
    ['an error', authentication(12, Buffer.from('e=other-error'))],
    ['Ok instead of a signature', Buffer.alloc(0)],
  ] as const) {
    test(`one that does not know the password ends SCRAM with ${what}`, async () => {
      respond = (socket, turn, data) => {
        const nonce = /r=([^,]+)/.exec(data.toString('latin1'))?.[1] ?? '';
        const answers = [sasl, authentication(11, Buffer.from(`r=${nonce}x,s=AAAA,i=4096`)), Buffer.concat([final, toClient.authenticationOk, ready])];
        socket.write(answers[turn] ?? Buffer.alloc(0));
      };
      await assert.rejects(dial({ target, username: 'u', password: lender(PASSWORD).lend, parameters: [], deadlineMs: 5_000 }), faultOf('server_unverified'));
    });
  }

  test('the text of a server that refuses us is not repeated', async () => {
    await assert.rejects(attempt([errorResponse({ severity: 'FATAL', sqlState: '28000', message: 'no entry for host 10.1.2.3', detail: 'secret detail' })]), (error) => {
      faultOf('login_refused', '28000')(error);
      assert.ok(!/10\.1\.2\.3|secret/.test((error as Error).message));
      return true;
    });
  });
  test('one that says nothing', () => assert.rejects(attempt([], 'disable', 30), faultOf('deadline')));
  test('one that says nothing to TLS', () => assert.rejects(attempt([Buffer.from('S')], 'require', 30), faultOf('deadline')));
  test('one that hangs up', async () => {
    respond = (socket) => socket.destroy();
    await assert.rejects(dial({ target, username: 'u', parameters: [], deadlineMs: 5_000 }), faultOf('network'));
    await assert.rejects(dial({ target: { ...target, tls: 'require' }, username: 'u', parameters: [], deadlineMs: 5_000 }), faultOf('network'));
  });
  test('nobody there', async () => assert.rejects(dial({ target: { ...target, port: await freePort() }, username: 'u', parameters: [], deadlineMs: 5_000 }), faultOf('network', 'ECONNREFUSED')));
  test('no such name', () => assert.rejects(dial({ target: { ...target, host: 'nowhere.invalid' }, username: 'u', parameters: [], deadlineMs: 5_000 }), faultOf('network')));
  test('bytes behind ReadyForQuery are handed over', async () => {
    const notice = toClient.notice([{ code: 'M', value: 'later' }]);
    const upstream = await attempt([Buffer.concat([toClient.authenticationOk, ready, notice])]);
    assert.deepEqual(upstream.leftover, notice);
    assert.equal(upstream.backendKey, undefined);
    assert.equal(upstream.serverVersion, 0);
    upstream.socket.destroy();
  });
  test('every connection was closed', async () => {
    await until(() => sockets.size === 0);
  });
});
