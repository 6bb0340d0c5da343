import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Access, HoldRequest } from '../evidence/retention/steward.ts';
import type { ApprovalsRequest } from './approvals.ts';
import type { ActionRequest } from './at-terminal.ts';

/**
 * The socket through which the command line reaches a running gateway: on the same machine, by the same user. One line of
 * JSON asks, one line answers.
 */
export const localSocket = (dataFolder: string): string => join(dataFolder, 'control.sock');

/** None runs on that data folder. */
export class NoGateway extends Error {}

export type LocalRequest =
  | { readonly do: 'reload' }
  | { readonly do: 'sessions' }
  | { readonly do: 'evidence' }
  | { readonly do: 'rotate_key' }
  | { readonly do: 'terminate'; readonly session: string }
  | { readonly do: 'hold'; readonly hold: HoldRequest }
  | { readonly do: 'purge'; readonly digest: string; readonly by: string }
  | { readonly do: 'access'; readonly access: Access }
  | { readonly do: 'bootstrap'; readonly by: string }
  | ActionRequest
  | ApprovalsRequest;

/** `code`: a stable word for programs, where there is one. */
export type LocalAnswer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: string; readonly code?: string };

/** What came of something that says why not in words for people. */
export const answerOf = async (doing: Promise<unknown>): Promise<LocalAnswer> => {
  try {
    return { ok: true, result: await doing };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : 'the gateway could not do it' };
  }
};

const MOST_BYTES = 16_384;
/** What people ask carries their ID token, which may have 16 KiB, and what they say. */
const OF_PEOPLE: readonly LocalRequest['do'][] = ['approvals', 'action'];
const STARTS_OF_PEOPLE = OF_PEOPLE.map((what) => `{"do":${JSON.stringify(what)},`);
const MOST_BYTES_OF_PEOPLE = 65_536;
const ASK_MS = 30_000;
/** A purge, or a hold, reads the whole log first. */
const ANSWER_MS = 3_600_000;

export const startLocal = async (dataFolder: string, handle: (request: LocalRequest) => Promise<LocalAnswer>): Promise<Server> => {
  const path = localSocket(dataFolder);
  // The evidence folder's lock is held: no other gateway is alive here, so a socket that lies there is a dead one's.
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    let line = '';
    socket.setTimeout(ASK_MS, () => socket.destroy());
    socket.on('error', () => {});
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      line += chunk;
      if (line.length > (STARTS_OF_PEOPLE.some((start) => line.startsWith(start)) ? MOST_BYTES_OF_PEOPLE : MOST_BYTES)) {
        socket.destroy();
        return;
      }
      if (!line.includes('\n')) return;
      socket.removeAllListeners('data');
      socket.setTimeout(0);
      let request: LocalRequest;
      try {
        request = JSON.parse(line) as LocalRequest;
      } catch {
        socket.destroy();
        return;
      }
      handle(request).then(
        (answer) => socket.end(`${JSON.stringify(answer)}\n`),
        () => socket.end(`${JSON.stringify({ ok: false, error: 'the gateway could not do it' })}\n`),
      );
    });
  });
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => resolve());
    });
  } finally {
    process.umask(mask);
  }
  chmodSync(path, 0o600);
  return server;
};

/** Asks a running gateway. Rejects with a sentence for people when none runs there. */
export const askLocal = (dataFolder: string, request: LocalRequest): Promise<LocalAnswer> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(localSocket(dataFolder));
    let text = '';
    socket.setEncoding('utf8');
    const takesLong = request.do === 'purge' || request.do === 'hold';
    socket.setTimeout(takesLong ? ANSWER_MS : ASK_MS, () => socket.destroy(new Error('the gateway did not answer')));
    // First: how long a line may be depends on it.
    const { do: what, ...rest } = request;
    socket.on('connect', () => socket.write(`${JSON.stringify({ do: what, ...rest })}\n`));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text) as LocalAnswer);
      } catch {
        reject(new Error('the gateway gave no answer'));
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const none = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(none ? new NoGateway(`no gateway runs on ${dataFolder}`) : new Error(error.code === 'EACCES' ? `not allowed: run this as the gateway's user` : error.message));
    });
  });
