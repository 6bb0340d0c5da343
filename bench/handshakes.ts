import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { certificateAuthority } from '../test/kit/certificates.ts';
import { startGateway } from '../test/kit/gateway.ts';
import { staticIssuer } from '../test/kit/static-issuer.ts';
import { tempFolder } from '../test/kit/temp.ts';
import { startListening } from './listening.ts';
import { cpuOf } from './process-cpu.ts';
import { printRow } from './report.ts';
import { pairedRounds, type Contender } from './rounds.ts';

const HOST = 'api.example';
const SECONDS = 2;
/** Clients that open one connection after the other. */
const CLIENTS = 8;
const TERMINATION = join(import.meta.dirname, 'tls-termination.ts');

interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** What it is asked before TLS; undefined: nothing. */
  readonly connect: string | undefined;
  readonly trusted: SecureContext;
}

/** One whole handshake, without a session of an earlier one, up to what the server sends when it is over on its side. */
const handshake = ({ port, connect, trusted }: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connectTcp(port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.once('error', reject);
    const secure = (): void => {
      const inside = connectTls({ socket, secureContext: trusted, servername: HOST, ALPNProtocols: ['http/1.1'] });
      inside.once('error', reject);
      // The ticket of TLS 1.3 follows the client's last word.
      inside.once('session', () => {
        inside.removeAllListeners('error').on('error', () => {});
        socket.removeAllListeners('error').on('error', () => {});
        inside.destroy();
        resolve();
      });
    };
    if (connect === undefined) {
      socket.once('connect', secure);
      return;
    }
    socket.write(connect);
    socket.once('data', (answer: Buffer) => {
      if (answer.toString('latin1').startsWith('HTTP/1.1 200 ')) secure();
      else reject(new Error(answer.toString('latin1')));
    });
  });

/** Handshakes in a time, and the CPU that the server took for them. */
const opened = async (server: Server): Promise<{ readonly rate: number; readonly perCpuSecond: number }> => {
  const [from, cpu] = [performance.now(), cpuOf(server.pid)];
  let count = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - from < SECONDS * 1_000) {
      await handshake(server);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
  return { rate: count / ((performance.now() - from) / 1_000), perCpuSecond: (count * 1e6) / (cpuOf(server.pid) - cpu) };
};

/** The row of the forward proxy: TLS in a target's place, with a certificate that was minted before, against TLS alone. */
export const handshakeRows = async (rounds: number, report: (text: string) => void): Promise<void> => {
  await using begun = new AsyncDisposableStack();
  const folder = begun.use(tempFolder('bench-handshakes'));
  const authority = await certificateAuthority('bench CA');
  const { certPem, keyPem } = await authority.issue([HOST]);
  writeFileSync(folder.file('cert.pem'), certPem);
  writeFileSync(folder.file('key.pem'), keyPem, { mode: 0o600 });
  const termination = async (name: string, ...more: readonly string[]): Promise<Server> => {
    const { pid, port } = begun.use(await startListening(TERMINATION, [folder.file('cert.pem'), folder.file('key.pem'), ...more], folder.file(`termination-${more.length}.log`)));
    return { name, pid, port, connect: more.length === 0 ? undefined : `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`, trusted: createSecureContext({ ca: authority.certPem }) };
  };
  const issuer = await staticIssuer();
  const gateway = begun.use(await startGateway(
    {
      gateway: { names: ['localhost'] },
      identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', jwksFile: issuer.jwksFile, maxTokenAge: '2h' }],
      identities: [{ name: 'bench', owner: { contact: 'bench@acme.example' }, provider: 'ci', claims: { job: 'bench' } }],
      // Nothing is asked for in the tunnels, so that nobody has to be there.
      connections: [{ name: 'proxied', protocol: 'http', plaintext: true, target: { host: '127.0.0.1', port: 9, tls: 'disable' }, credential: { type: 'none' }, http: { proxy: true, hosts: [HOST] } }],
      policies: [{ name: 'bench', identities: ['bench'], connections: ['*'], allow: ['read'] }],
    },
    { program: [join(import.meta.dirname, '..', 'bin', 'wicketgate.js'), 'start', '--config'] },
  ));
  const token = await issuer.token({ claims: { job: 'bench' }, expiresIn: 7_200 });
  const servers: readonly Server[] = [
    await termination('TLS alone'),
    await termination('CONNECT unread, and TLS', 'connect'),
    {
      name: 'gateway', pid: gateway.pid, port: gateway.port(), trusted: createSecureContext({ ca: readFileSync(`${gateway.dataDir}/interception-ca.pem`) }),
      connect: `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\nProxy-Authorization: Bearer ${token}\r\n\r\n`,
    },
  ];
  const perCpu = new Map<string, number[]>(servers.map(({ name }) => [name, []]));
  const contenders = servers.map((server): Contender => ({
    name: server.name,
    measure: async () => {
      const { rate, perCpuSecond } = await opened(server);
      perCpu.get(server.name)?.push(perCpuSecond);
      return rate;
    },
  }));
  const paired = await pairedRounds(contenders, rounds);
  report(printRow({ what: `interception: whole handshakes with a certificate that is kept, ${CLIENTS} clients`, unit: 'handshakes/s', goals: [{ contender: 'gateway', atLeast: 0.8 }], paired }));
  // The rounds that count are the last: those before warm up.
  const counted = servers.map(({ name }) => ({ name, rates: (perCpu.get(name) ?? []).slice(-rounds) }));
  const base = counted[0]?.rates ?? [];
  report(printRow({ what: 'the same, for each second of the server\'s CPU', unit: 'handshakes', goals: [], paired: counted.map(({ name, rates }) => ({ name, rates, ratios: rates.map((rate, round) => rate / (base[round] ?? NaN)) })) }));
};
