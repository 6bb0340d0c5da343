import type { Command } from 'commander';
import type { LoginConfig } from '../config/resolved.ts';
import { LoginFailed, openCodeFlow } from '../identity/code-flow.ts';
import { createPeople } from '../identity/people.ts';
import { isRefusal } from '../model/decision.ts';
import type { Person } from '../model/person.ts';
import { createSecrets, SecretUnavailable } from '../secrets/secrets.ts';
import { listenForCallback, NoCallback } from './loopback.ts';
import { TokenUnusable } from './person-token.ts';
import { visibleLine, wrongUse } from './recorded.ts';

export interface BrowserOptions {
  readonly port?: string;
  readonly timeout: string;
}

/** Where the browser comes back to, and how long it is waited for in milliseconds. */
export interface BrowserWait {
  readonly port: number | undefined;
  readonly ms: number;
}

export const withBrowserOptions = (command: Command): Command =>
  command
    .option('--port <number>', 'the port of 127.0.0.1 that the browser comes back to: for a provider that wants it registered, or behind ssh -L; default: a free one')
    .option('--timeout <seconds>', 'how long to wait for the browser', '300');

/** Undefined after saying what is wrong: exit code 2. */
export const browserWait = ({ port: given, timeout }: BrowserOptions): BrowserWait | undefined => {
  const port = given === undefined ? undefined : Number(given);
  const seconds = Number(timeout);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) return wrongUse('--port takes a number from 1 to 65535');
  if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= 3_600)) return wrongUse('--timeout takes whole seconds, up to 3600');
  return { port, ms: seconds * 1_000 };
};

/** Whether a login did not work out for a reason that people are told. */
export const isLoginProblem = (error: unknown): error is Error => [TokenUnusable, LoginFailed, NoCallback, SecretUnavailable].some((kind) => error instanceof kind);

/** The native app's flow of RFC 8252. What `use` does with the ID token decides what the person reads in the browser. */
export const byBrowser = async <T>(login: LoginConfig, { port, ms }: BrowserWait, use: (token: string, person: Person) => Promise<T>): Promise<T> => {
  const secret = login.clientSecret && (await createSecrets().lease(login.clientSecret)).use((value) => value.toString('utf8'));
  const flow = await openCodeFlow(login, secret);
  const loopback = await listenForCallback(port).catch((error: unknown) => {
    throw new LoginFailed(`127.0.0.1${port === undefined ? '' : `:${port}`} cannot be listened on: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`);
  });
  try {
    const begun = await flow.begin(loopback.redirectUri);
    process.stderr.write(`Open this address in a browser on this machine:\n\n${visibleLine(begun.url)}\n\nwaiting for the browser to come back ...\n`);
    const callback = await loopback.wait(begun.state, ms);
    try {
      const token = await flow.finish(begun, callback.url);
      const used = await use(token, await acceptedPerson(login, token, begun.nonce));
      callback.reply('You are logged in. You can close this window and go back to the terminal.');
      return used;
    } catch (error) {
      callback.reply('You are not logged in. The terminal says why.');
      throw error;
    }
  } finally {
    loopback.close();
  }
};

/** What the gateway would say of the token, now and not when something is to be approved. Rejects with TokenUnusable. */
export const acceptedPerson = async (login: LoginConfig, token: string, nonce?: string): Promise<Person> => {
  const person = await createPeople(() => [login], { clock: Date.now }).verify(token, { login: login.name, ...(nonce === undefined ? {} : { nonce }) });
  if (isRefusal(person)) throw new TokenUnusable(person.message);
  return person;
};
