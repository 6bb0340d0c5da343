import type { Handler } from '../../kit/http-target.ts';
import { freePort } from '../../kit/ports.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { IDLE, inTurn, startHttpWork } from './http-work.ts';

const CLIENTS = 8;
const TURNS = 20;
const PREFIXES = ['/billing', '/billing/v2', '/stock'];

/** One address for many APIs: clients choose by the beginning of the path and by the host, change between them on one connection, and ask for what nobody has. */
export const soak: Soak = {
  name: 'http-shared',
  async start(nodeArgs) {
    const port = await freePort();
    const options = { gateway: { names: ['localhost', 'mail.gw.example'] }, connectionsAt: (target: number) => connections(`127.0.0.1:${port}`, target) };
    return startHttpWork(nodeArgs, options, async ({ scene, ask, agent }) => {
      scene.target.handler = sayBoth;
      const kept = agent({ maxSockets: CLIENTS });
      await together(CLIENTS, () => inTurn(TURNS, async (n) => {
        for (const prefix of PREFIXES) {
          const { text } = await ask(200, 'reader', `${prefix}/things/${n}`, { agent: kept, port });
          if (text !== `${nameOf(prefix)} /things/${n}`) throw new Error(`${prefix} was answered by ${text}`);
        }
        const { text } = await ask(200, 'reader', `/inbox/${n}`, { agent: kept, port, servername: 'mail.gw.example', headers: { Host: `mail.gw.example:${port}` } });
        if (text !== `mail /inbox/${n}`) throw new Error(`mail was answered by ${text}`);
        await ask(404, 'reader', '/nobody', { agent: kept, port });
      }));
    });
  },
};

const nameOf = (prefix: string): string => prefix.slice(1).replace('/', '-');

/** All of one target, which tells them apart by the Host that it is told. */
const connections = (listen: string, port: number): readonly Record<string, unknown>[] => {
  const to = (name: string, http: Readonly<Record<string, unknown>>): Record<string, unknown> => ({ name, protocol: 'http', target: { host: '127.0.0.1', port, tls: 'disable' }, credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, http: { ...IDLE, ...http, host: name } });
  const shared = [...PREFIXES.map((prefix) => to(nameOf(prefix), { prefix, hosts: ['localhost'] })), to('mail', { hosts: ['mail.gw.example'] })];
  return [to('alone', {}), ...shared.map((one) => ({ ...one, listen }))];
};

const sayBoth: Handler = (request, response) => {
  request.resume();
  response.end(`${request.headers.host} ${request.url}`);
};
