import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { psql } from '../kit/clients.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { until } from '../kit/until.ts';
import { startScene, TARGET_PASSWORD, type Scene } from './scene.ts';
import { errorText, openSocket, openTls, plain, startWire, Wire } from './wire.ts';

/* Which connection a client gets, and through which doors nobody gets at all. */

let scene: Scene;
let shared = 0;
before(async () => {
  shared = await freePort();
  const connection = (name: string, database: string, more: Record<string, unknown>): Record<string, unknown> => ({
    name, protocol: 'postgres', credential: { username: 'app', password: 'env:TARGET_PASSWORD' }, target: { host: '127.0.0.1', port: 0, database, tls: 'disable' }, ...more,
  });
  const postgres = { databases: ['billing', 'ledger'], users: [{ name: 'app', password: TARGET_PASSWORD }] };
  scene = await startScene({
    postgres,
    connectionsAt: (port) =>
      [connection('shop', 'postgres', {}), connection('billing', 'billing', { listen: `127.0.0.1:${shared}` }), connection('ledger', 'ledger', { listen: `127.0.0.1:${shared}` }), connection('plain', 'postgres', { plaintext: true })].map((one) => ({ ...one, target: { ...(one['target'] as object), port } })),
    gateway: { names: ['localhost', '127.0.0.1', '*.gw.test', 'billing.localhost', 'ledger.localhost'], limits: { preAuth: { seconds: 6, bytes: '64KiB' } } },
  });
});
after(async () => {
  await scene[Symbol.asyncDispose]();
  releasePort(shared);
});

/** The database that a login with these settings reaches, or what is said instead. */
const reaches = async (more: Readonly<Record<string, string>>): Promise<string> => {
  const ran = await psql(['-Atc', 'SELECT current_database()'], { ...(await scene.env('reader')), ...more });
  return ran.code === 0 ? ran.stdout.trim() : ran.stderr;
};

describe('which connection', () => {
  test('a port of its own says it, whatever the database is called', async () => {
    assert.equal(await reaches({ PGDATABASE: 'shop' }), 'postgres');
    assert.equal(await reaches({ PGDATABASE: 'postgres' }), 'postgres');
    assert.equal(await reaches({ PGDATABASE: 'shop/postgres' }), 'postgres');
    assert.equal(await reaches({ PGDATABASE: '' }), 'postgres');
  });

  test('on a shared port the database name says it', async () => {
    assert.equal(await reaches({ PGPORT: String(shared), PGDATABASE: 'billing' }), 'billing');
    assert.equal(await reaches({ PGPORT: String(shared), PGDATABASE: 'ledger/ledger' }), 'ledger');
    assert.match(await reaches({ PGPORT: String(shared), PGDATABASE: 'ledger/billing' }), /FATAL: .*wicketgate/);
  });

  test('on a shared port the server name says it', async () => {
    assert.equal(await reaches({ PGPORT: String(shared), PGDATABASE: '', PGHOST: 'ledger.localhost', PGHOSTADDR: '127.0.0.1' }), 'ledger');
    assert.match(await reaches({ PGPORT: String(shared), PGDATABASE: 'billing/billing', PGHOST: 'ledger.localhost', PGHOSTADDR: '127.0.0.1' }), /different connections/);
  });

  test('an option says it', async () => {
    assert.equal(await reaches({ PGPORT: String(shared), PGDATABASE: '', PGOPTIONS: '-c wicketgate.connection=billing' }), 'billing');
    assert.match(await reaches({ PGPORT: String(shared), PGDATABASE: 'ledger/ledger', PGOPTIONS: '-c wicketgate.connection=billing' }), /different connections/);
  });

  test('what is unknown or on another port is refused', async () => {
    assert.match(await reaches({ PGDATABASE: 'nowhere' }), /FATAL: .*names neither/);
    assert.match(await reaches({ PGDATABASE: 'billing' }), /FATAL: .*different connections/);
    assert.match(await reaches({ PGPORT: String(shared), PGDATABASE: '' }), /FATAL: .*no connection is named/);
    assert.match(await reaches({ PGPORT: String(shared), PGDATABASE: 'nowhere' }), /FATAL: .*the database names no connection of this listener: name it as database/);
  });
});

describe('encryption', () => {
  for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full']) {
    test(`sslmode=${mode} is encrypted`, async () => {
      const ran = await psql(['-c', '\\conninfo'], { ...(await scene.env('reader')), PGSSLMODE: mode });
      assert.match(ran.stdout, /SSL connection/, ran.stderr);
    });
  }

  test('sslmode=disable is refused before a password is asked for', async () => {
    assert.match(await reaches({ PGSSLMODE: 'disable' }), /accepts logins over TLS only/);
  });

  test('a certificate of another CA is not trusted by verify-full', async () => {
    assert.match(await reaches({ PGSSLROOTCERT: '/etc/ssl/certs/ca-certificates.crt' }), /certificate|SSL error/);
  });

  test('a connection that allows it works without TLS', async () => {
    assert.equal(await reaches({ PGPORT: String(scene.gateway.port('plain')), PGDATABASE: 'plain', PGSSLMODE: 'disable' }), 'postgres');
  });

  test('GSSENCRequest is answered no, and TLS can follow', async () => {
    const socket = await openSocket(scene.gateway.port());
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]));
    assert.equal((await new Promise<Buffer>((resolve) => socket.once('data', resolve))).toString(), 'N');
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
    assert.equal((await new Promise<Buffer>((resolve) => socket.once('data', resolve))).toString(), 'S');
    socket.destroy();
  });

  test('TLS from the first byte needs the name of the protocol', async () => {
    const direct = async (alpn: readonly string[]): Promise<boolean> => {
      const socket = connectTls({ host: '127.0.0.1', port: scene.gateway.port(), ca: readFileSync(scene.gateway.caFile, 'utf8'), servername: 'localhost', ALPNProtocols: [...alpn] });
      socket.on('error', () => {});
      await new Promise((resolve) => {
        socket.once('secureConnect', resolve);
        socket.once('close', resolve);
      });
      if (socket.closed) return false;
      const wire = new Wire(socket);
      wire.send(Buffer.from('\0\0\0\x2c\0\x03\0\0user\0reader\0database\0shop\0\0'.replace('\x2c', String.fromCharCode(8 + 'user\0reader\0database\0shop\0\0'.length)), 'latin1'));
      const said = await wire.login(await scene.token('reader'));
      socket.destroy();
      return said.at(-1)?.kind === 'ReadyForQuery';
    };
    assert.equal(await direct(['postgresql']), true);
    assert.equal(await direct([]), false);
    assert.equal(await direct(['http/1.1']), false);
  });

  test('bytes in clear behind the request for TLS end the connection', async () => {
    const socket = await openSocket(scene.gateway.port());
    const wire = new Promise<Buffer>((resolve) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => {});
      socket.on('close', () => resolve(Buffer.concat(chunks)));
    });
    socket.write(Buffer.concat([Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), Buffer.from('\0\0\0\x08smuggled')]));
    assert.equal((await wire).length, 0);
  });
});

describe('a crowd that says nothing', () => {
  test('1,000 connections do not delay a login, and are let go at the deadline', async () => {
    const crowd: Socket[] = await Promise.all(Array.from({ length: 1000 }, () => openSocket(scene.gateway.port())));
    for (const socket of crowd) {
      socket.on('error', () => {});
      socket.resume();
    }
    assert.equal(await reaches({}), 'postgres');
    assert.ok(crowd.every(({ closed }) => !closed), 'the login came in before anybody of the crowd was let go');
    await until(() => crowd.every(({ closed }) => closed), 30_000, 'the end of the crowd');
  });

  test('a client that starts TLS and then says nothing is let go as well', async () => {
    const socket = await openTls(scene.gateway.port(), readFileSync(scene.gateway.caFile, 'utf8'));
    socket.on('error', () => {});
    socket.resume();
    await until(() => socket.closed, 30_000, 'the end of the connection');
  });

  test('a client that asks for a login and sends no password is let go as well', async () => {
    using wire = await startWire({ to: scene.gateway.port(), ca: readFileSync(scene.gateway.caFile, 'utf8'), parameters: { user: 'reader', database: 'shop' } });
    const said = await wire.rest();
    assert.equal(said[0]?.kind, 'Authentication');
    assert.ok(wire.closed, plain(said).join(' ') + errorText(said));
  });
});
