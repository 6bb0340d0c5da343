import { CLI, type Gateway } from '../test/kit/gateway.ts';
import type { PeopleProvider, PersonName } from '../test/kit/people.ts';
import { startService } from '../test/kit/run.ts';
import { Fatal, until } from '../test/kit/until.ts';

/** `wicketgate login`, with a person at the other end: goes where their browser would and logs in. Resolves with what the terminal showed. */
export const logIn = async (who: PersonName, people: PeopleProvider, { folder, configFile }: Gateway, env: Readonly<Record<string, string | undefined>>, logFile: string): Promise<string> => {
  const login = await startService(process.execPath, [CLI, 'login', '--config', configFile], { env, cwd: folder, logFile });
  const url = await until(() => {
    const found = /^http\S+$/m.exec(login.log())?.[0];
    if (found === undefined && login.ended() !== undefined) throw new Fatal(`login ended: ${login.log()}`);
    return found;
  }, 30_000, 'the address to log in at');
  const page = await fetch(await people.complete(url, who), { headers: { connection: 'close' } });
  await page.text();
  await login.wait();
  return login.log();
};
