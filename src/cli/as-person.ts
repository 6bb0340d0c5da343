import { InvalidArgumentError, type Command } from 'commander';
import type { Config } from '../config/resolved.ts';
import type { ActionAnswer } from '../control/at-terminal.ts';
import { ApiProblem, createClient, type Client } from '../control/client.ts';
import { askLocal, type LocalAnswer } from '../control/local.ts';
import { sayNo } from './approvals.ts';
import { browserWait, byBrowser, isLoginProblem, withBrowserOptions, type BrowserOptions } from './browser-login.ts';
import { loginOf, PersonUnclear, personToken, type PersonOptions } from './person-token.ts';
import { wrongUse } from './recorded.ts';
import { configOf } from './steward.ts';

/** How a person says who they are, for one command. */
export interface ProofOptions extends PersonOptions, BrowserOptions {
  readonly login?: boolean;
}

/** What every command takes that a person gives with a role. */
export interface AsPersonOptions extends ProofOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** Which part of a list. */
export interface PageOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

export const withProof = (command: Command): Command =>
  withBrowserOptions(
    command
      .option('--provider <name>', 'which of control.login you are logged in to, when there are several')
      .option('--login', 'log in in a browser for this command alone; nothing is kept')
      .option('--id-token <env:NAME or file:PATH>', 'prove who you are with this ID token instead of the one that login has kept'),
  );

export const withPerson = (command: Command): Command =>
  withProof(command.requiredOption('--config <file or folder>', 'the configuration whose gateway is meant').option('--json', 'print for programs'));

export const withPage = (command: Command): Command =>
  command.option('--limit <number>', 'at most so many, up to 200; default: 50', wholeNumber(1, 200)).option('--cursor <cursor>', 'go on where the page before has ended: its next');

/** What `--reason` leaves a choice of. */
export const WITHOUT_REASON = 'without --reason it is done as the user of the gateway';

/** For options that take a number. */
export const wholeNumber = (least: number, most: number) => (text: string): number => {
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`It takes a number from ${least} to ${most}.`);
  return value;
};

/** The page that the options ask for, as the API takes it. */
export const pageOf = ({ limit, cursor }: PageOptions): PageOptions => ({ ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) });

/**
 * Asks the running gateway as a person, through the API that the page uses: the same actions, roles and records. Prints what came of it.
 * Exit code 1 when the gateway says no, 2 for wrong use; why is said, and with `otherwise` what goes without a person.
 */
export const askAsPerson = async <T>(options: AsPersonOptions, ask: (client: Client) => Promise<T>, print: (result: T) => string, otherwise?: string): Promise<void> => {
  const { config: where, json } = options;
  if (options.login && options.idToken !== undefined) return wrongUse('give --login or --id-token, not both');
  const wait = browserWait(options);
  const config = wait && (await configOf(where));
  if (!config) return;
  try {
    const idToken = options.login ? await byBrowser(loginOf(config, options.provider), wait, async (token) => token) : await personToken(config, options);
    const result = await ask(createClient({ fetch: overSocket(config, idToken) }));
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : print(result));
  } catch (error) {
    if (isLoginProblem(error)) sayNo({ ok: false, error: otherwise === undefined ? error.message : `${error.message}; ${otherwise}`, code: 'not_logged_in' }, json);
    else if (error instanceof NotAsked) sayNo(error.answer, json);
    else if (error instanceof ApiProblem) sayNo({ ok: false, error: error.message, code: error.code }, json);
    else throw error;
    if (error instanceof PersonUnclear || (error instanceof ApiProblem && error.code === 'invalid')) process.exitCode = 2;
  }
};

/** The gateway did not take the question: none runs, or it does not accept who asks. */
class NotAsked extends Error {
  override name = 'NotAsked';
  readonly answer: Extract<LocalAnswer, { ok: false }>;
  constructor(answer: Extract<LocalAnswer, { ok: false }>) {
    super(answer.error);
    this.answer = answer;
  }
}

/** Carries a request of the client through the socket of the gateway, with the ID token of who asks. */
const overSocket = (config: Config, idToken: string) => async (url: string | URL | Request, { method = 'GET', body }: RequestInit = {}): Promise<Response> => {
  const request = { do: 'action', method, path: url instanceof Request ? url.url : url.toString(), ...(typeof body === 'string' ? { body } : {}), idToken } as const;
  const answer = await askLocal(config.gateway.data, request).catch((error: unknown): LocalAnswer => ({ ok: false, error: (error as Error).message, code: 'no_gateway' }));
  if (!answer.ok) {
    const stale = answer.code === 'expired' || answer.code === 'too_old';
    throw new NotAsked(stale ? { ...answer, error: `${answer.error}; log in again with wicketgate login` } : answer);
  }
  const { status, body: text, retryAfter } = answer.result as ActionAnswer;
  return new Response(text, { status, ...(retryAfter === undefined ? {} : { headers: { 'retry-after': retryAfter } }) });
};
