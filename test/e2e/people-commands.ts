import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { CLI } from '../kit/gateway.ts';
import type { PeopleProvider } from '../kit/people.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { run, startService, type Ran, type Service } from '../kit/run.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { Fatal, until } from '../kit/until.ts';

/** The commands that people give, run as they run them: processes with a configuration and a state folder of their own. */
export interface PeopleCommands {
  readonly folder: TempFolder;
  readonly configFile: string;
  readonly dataDir: string;
  /** `XDG_STATE_HOME` of these commands. */
  readonly stateHome: string;
  /** Runs a command on the configuration to its end. */
  run(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** Begins a command that asks in a browser. `url`: what the terminal tells the person to open; `callback`: where the browser is to come back to. */
  browse(words?: readonly string[], env?: Readonly<Record<string, string>>): Promise<BegunCommand>;
  stop(): void;
  [Symbol.dispose](): void;
}

export interface BegunCommand {
  readonly url: string;
  readonly callback: string;
  /** Waits for the end. */
  ended(): Promise<{ readonly code: number | null; readonly output: string }>;
  readonly service: Service;
}

/** Without a gateway, and without a target that could be reached: what people's commands need is the configuration. */
export async function peopleCommands(logins: readonly Readonly<Record<string, unknown>>[], provider: Pick<PeopleProvider, 'env'>): Promise<PeopleCommands> {
  const folder = tempFolder('people');
  const [listen, control] = [await freePort(), await freePort()];
  const configFile = folder.file('wicketgate.yaml');
  writeFileSync(
    configFile,
    stringify({
      version: 1,
      gateway: { data: folder.file('data'), keys: folder.file('keys') },
      control: { listen: `127.0.0.1:${control}`, login: logins.map((login) => ({ accounts: { github: 'claims.github_login' }, ...login })) },
      identityProviders: [{ name: 'github', issuer: 'https://issuer.test', audience: 'wicketgate', jwks: 'https://issuer.test/jwks' }],
      identities: [{ name: 'migrations', owner: { group: 'okta/payments' }, provider: 'github', claims: { job: 'migrations' }, requester: 'claims.actor' }],
      connections: [{ name: 'billing', protocol: 'postgres', listen: `127.0.0.1:${listen}`, target: { host: '127.0.0.1', port: 5432, database: 'billing', tls: 'disable' }, credential: { username: 'app' } }],
      policies: [{ name: 'migrating', identities: ['migrations'], connections: ['billing'], allow: ['read'], rules: [{ name: 'drops', match: { verbs: ['drop'] }, effect: 'require_approval', approval: { groups: ['okta/dba'] } }] }],
    }),
  );
  const stateHome = folder.file('state');
  const env = { ...provider.env, XDG_STATE_HOME: stateHome };
  let begun = 0;
  const stop = (): void => {
    for (const port of [listen, control]) releasePort(port);
    folder.remove();
  };
  return {
    folder, configFile, stateHome, stop,
    dataDir: folder.file('data'),
    run: (words, more = {}) => run(process.execPath, [CLI, ...words, '--config', configFile], { env: { ...env, ...more }, cwd: folder.path }),
    async browse(words = ['login'], more = {}) {
      const logFile = folder.file(`login-${(begun += 1)}.log`);
      const service = await startService(process.execPath, [CLI, ...words, '--config', configFile], { env: { ...env, ...more }, cwd: folder.path, logFile });
      const url = await until(() => {
        const ended = service.ended();
        const told = /^http\S+$/m.exec(service.log())?.[0];
        if (told === undefined && ended) throw new Fatal(`login ended: ${service.log()}`);
        return told;
      }, 20_000, 'the address to log in at');
      return {
        url, service,
        callback: new URL(url).searchParams.get('redirect_uri') ?? '',
        async ended() {
          const { code } = await service.wait();
          return { code, output: readFileSync(logFile, 'utf8') };
        },
      };
    },
    [Symbol.dispose]: stop,
  };
}
