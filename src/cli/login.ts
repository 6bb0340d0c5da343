import type { Command } from 'commander';
import type { Config, LoginConfig } from '../config/resolved.ts';
import { usableUntil } from '../identity/usable-until.ts';
import type { Person } from '../model/person.ts';
import { acceptedPerson, browserWait, byBrowser, isLoginProblem, withBrowserOptions, type BrowserOptions } from './browser-login.ts';
import { forgetToken, keepToken, loginOf, mayKeep, PersonUnclear, tokenAt, type PersonOptions } from './person-token.ts';
import { visibleLine } from './recorded.ts';
import { configOf } from './steward.ts';

interface LogoutOptions extends PersonOptions {
  readonly config: string;
  readonly json?: boolean;
}

type LoginOptions = LogoutOptions & BrowserOptions;

/** `wicketgate login`: a person proves to the provider who they are, for commands that only people may give. */
export function registerLogin(program: Command): void {
  const command = program
    .command('login')
    .description('log in as a person, in a browser; keeps the ID token for this user only')
    .requiredOption('--config <file or folder>', 'the configuration whose control.login is used')
    .option('--provider <name>', 'which of control.login, when there are several');
  withBrowserOptions(command)
    .option('--id-token <env:NAME or file:PATH>', 'keep this ID token instead of asking in a browser')
    .option('--json', 'print for programs')
    .action((options: LoginOptions) => saying(options, (config) => logIn(config, options)));
}

/** `wicketgate logout`: forgets the ID token on this machine. */
export function registerLogout(program: Command): void {
  program
    .command('logout')
    .description('forget the ID token that login has kept')
    .requiredOption('--config <file or folder>', 'the configuration whose control.login is used')
    .option('--provider <name>', 'only of this one of control.login')
    .option('--json', 'print for programs')
    .action((options: LogoutOptions) => saying(options, (config) => logOut(config, options)));
}

/** Does it with the configuration, and says what stands in the way: exit code 1, or 2 for wrong use. */
const saying = async ({ config: where, json }: LogoutOptions, doing: (config: Config) => Promise<void>): Promise<void> => {
  const config = await configOf(where);
  if (!config) return;
  try {
    await doing(config);
  } catch (error) {
    if (!isLoginProblem(error)) throw error;
    if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: error.message })}\n`);
    else process.stderr.write(`${visibleLine(error.message)}\n`);
    process.exitCode = error instanceof PersonUnclear ? 2 : 1;
  }
};

const logIn = async (config: Config, options: LoginOptions): Promise<void> => {
  const { provider, idToken, json } = options;
  const wait = browserWait(options);
  if (!wait) return;
  const login = loginOf(config, provider);
  mayKeep();
  const keep = async (token: string, person: Person): Promise<void> => {
    await keepToken(login, token);
    tell(login, token, person, json);
  };
  if (idToken === undefined) return byBrowser(login, wait, keep);
  const token = await tokenAt(idToken);
  return keep(token, await acceptedPerson(login, token));
};

const logOut = async (config: Config, { provider, json }: LogoutOptions): Promise<void> => {
  const logins = provider === undefined ? config.control.login : [loginOf(config, provider)];
  const forgotten: string[] = [];
  for (const login of logins) if (await forgetToken(login)) forgotten.push(login.name);
  if (json) process.stdout.write(`${JSON.stringify({ ok: true, forgotten })}\n`);
  else process.stdout.write(forgotten.length === 0 ? 'nobody was logged in\n' : `logged out of ${forgotten.join(', ')} on this machine\n`);
};

const tell = (login: LoginConfig, token: string, { name, issuer, subject, groups, accounts }: Person, json: boolean | undefined): void => {
  const expires = new Date(usableUntil(token, login.maxTokenAge)).toISOString();
  if (json) process.stdout.write(`${JSON.stringify({ ok: true, login: login.name, name, issuer, subject, groups, accounts, expires })}\n`);
  else process.stdout.write(`logged in as ${visibleLine(name)} at ${login.name} until ${expires}; groups: ${groups.map(visibleLine).join(', ') || 'none'}\n`);
};
