import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Config, LoginConfig, SecretRef } from '../config/resolved.ts';
import { MAX_TOKEN_BYTES } from '../identity/token.ts';
import { createSecrets } from '../secrets/secrets.ts';
import { visibleLine } from './recorded.ts';

/** An ID token cannot be kept or read. The message is for people, and never holds one. */
export class TokenUnusable extends Error {
  override name = 'TokenUnusable';
}

/** The options do not say which token is meant: wrong use. */
export class PersonUnclear extends TokenUnusable {
  override name = 'PersonUnclear';
}

/** How a person says who they are to a command. */
export interface PersonOptions {
  readonly provider?: string;
  readonly idToken?: string;
}

/** The login that is meant: by name, or the only one. */
export const loginOf = (config: Config, name: string | undefined): LoginConfig => {
  const { login } = config.control;
  const names = login.map((one) => one.name).join(', ');
  if (login.length === 0) throw new TokenUnusable('control.login names no provider that people log in with');
  if (name === undefined && login.length > 1) throw new PersonUnclear(`say which provider with --provider: ${names}`);
  const found = name === undefined ? login[0] : login.find((one) => one.name === name);
  if (!found) throw new PersonUnclear(`control.login has no provider ${visibleLine(name ?? '')}; it has ${names}`);
  return found;
};

/**
 * Behind sudo one user of the system is several people: what one of them keeps, the next could answer with. Throws PersonUnclear then.
 */
export const mayKeep = (): void => {
  const behind = process.env['SUDO_USER'];
  if (behind === undefined || behind === '' || behind === userInfo().username) return;
  throw new PersonUnclear('behind sudo no ID token is kept or taken from where one was kept, because several people may be this user: answer with --login, which keeps nothing, or with --id-token');
};

/** The ID token that the options name, or the one that `wicketgate login` has kept. */
export const personToken = async (config: Config, { provider, idToken }: PersonOptions): Promise<string> => {
  if (idToken !== undefined) return tokenAt(idToken);
  const login = loginOf(config, provider);
  mayKeep();
  return keptToken(login);
};

/** Reads `env:NAME` or `file:PATH`. A token on the command line would be seen by everybody on the machine. */
export const tokenAt = async (reference: string): Promise<string> => {
  const [, from, rest = ''] = /^(env|file):(.+)$/su.exec(reference) ?? [];
  if (from === undefined) throw new PersonUnclear('--id-token takes env:NAME or file:PATH');
  const ref: SecretRef = from === 'env' ? { from: 'env', name: rest } : { from: 'file', path: rest };
  let token: string;
  try {
    using lease = await createSecrets().lease(ref);
    token = lease.use((value) => value.toString('latin1'));
  } catch (error) {
    throw new TokenUnusable(visibleLine((error as Error).message));
  }
  if (token.length > MAX_TOKEN_BYTES) throw new TokenUnusable(`${visibleLine(reference)} is larger than an ID token may be`);
  return token;
};

/** Keeps an ID token for the next commands of this user: mode 0600, in a folder of mode 0700. */
export const keepToken = async (login: LoginConfig, token: string): Promise<void> => {
  await ownFolder();
  const path = tokenFile(login);
  const fresh = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    const file = await open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(token);
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new TokenUnusable(`the ID token cannot be kept in ${visibleLine(path)}: ${codeOf(error)}`);
  }
};

/** Removes it. False: there was none. */
export const forgetToken = async (login: LoginConfig): Promise<boolean> => {
  try {
    await rm(tokenFile(login));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw new TokenUnusable(`${visibleLine(tokenFile(login))} cannot be removed: ${codeOf(error)}`);
  }
};

const keptToken = async (login: LoginConfig): Promise<string> => {
  const path = tokenFile(login);
  const shown = visibleLine(path);
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new TokenUnusable('you are not logged in: run wicketgate login, or give --login or --id-token');
    throw new TokenUnusable(`${shown} cannot be read: ${codeOf(error)}`);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || isForeign(stats.uid) || (stats.mode & 0o077) !== 0) throw new TokenUnusable(`${shown} is not a file that only you can read and write: log in again after removing it`);
    if (stats.size > MAX_TOKEN_BYTES) throw new TokenUnusable(`${shown} is larger than an ID token may be`);
    const bytes = Buffer.alloc(MAX_TOKEN_BYTES + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
};

/** One for each issuer and client, so that two gateways whose logins have the same name do not share a token. */
const tokenFile = ({ issuer, clientId }: LoginConfig): string => join(stateFolder(), `id-token-${createHash('sha256').update(JSON.stringify([issuer, clientId])).digest('hex').slice(0, 32)}`);

/** XDG Base Directory Specification: a relative path there is to be ignored. */
const stateFolder = (): string => {
  const given = process.env['XDG_STATE_HOME'];
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), '.local', 'state'), 'wicketgate');
};

/** Makes the folder, or checks that nobody else can put files there. */
const ownFolder = async (): Promise<void> => {
  const folder = stateFolder();
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const stats = await lstat(folder);
    if (!stats.isDirectory() || isForeign(stats.uid) || (stats.mode & 0o077) !== 0) throw new TokenUnusable(`${visibleLine(folder)} must be your own folder and closed to others: chmod 700 it`);
  } catch (error) {
    if (error instanceof TokenUnusable) throw error;
    throw new TokenUnusable(`${visibleLine(folder)} cannot be used: ${codeOf(error)}`);
  }
};

const isForeign = (uid: number): boolean => process.getuid !== undefined && process.getuid() !== uid;
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'failed';
