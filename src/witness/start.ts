import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Server as TlsServer } from 'node:https';
import { FolderTaken } from '../evidence/lock.ts';
import { nodeDisk } from '../evidence/node-disk.ts';
import { formatVkey, type Signer } from '../evidence/tlog/note.ts';
import type { Logger } from '../model/logger.ts';
import { WitnessFolderUnusable, hasKey, witnessKey } from './key.ts';
import { Memory } from './memory.ts';
import { createWitnessServer } from './server.ts';
import type { WitnessSettings } from './settings.ts';
import { Witness } from './witness.ts';

/** How long requests may go on after a stop was asked for. */
const FAREWELL_MS = 2_000;

export interface RunningWitness {
  /** Its public key, as gateways are configured with. */
  readonly key: string;
  readonly port: number;
  /** Reads certificate and key of TLS again. */
  reload(): void;
  stop(): Promise<void>;
}

/** Takes the folder, makes the key if there is none, gives its public form, and lets go. Throws WitnessFolderUnusable. */
export const showKey = async (folder: string, name: string | undefined): Promise<string> => {
  // A key that is there is only read: its witness may be running.
  if (hasKey(folder)) return publicForm(witnessKey(folder, name));
  const release = await take(folder);
  try {
    return publicForm(witnessKey(folder, name));
  } finally {
    await release();
  }
};

const publicForm = (key: Signer): string => formatVkey(key);

/** Runs a witness. Rejects with WitnessFolderUnusable, or the system's error when it cannot listen or read its certificate. */
export const startWitness = async (settings: WitnessSettings, log: Logger): Promise<RunningWitness> => {
  const { data, listen, logs, name, prefix } = settings;
  const release = await take(data);
  try {
    const key = witnessKey(data, name);
    const memory = new Memory(nodeDisk, data, key);
    const tls = settings.tls && readTls(settings.tls);
    const server = createWitnessServer({ witness: new Witness({ key, logs, memory, log }), prefix, ...(tls && { tls }), log });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(listen.port, listen.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    const { port } = server.address() as AddressInfo;
    const end = async (): Promise<void> => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), FAREWELL_MS);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      });
      await release();
      log.info({}, 'stopped');
    };
    let ending: Promise<void> | undefined;
    log.info({ key: publicForm(key), host: listen.host, port, prefix, tls: tls !== undefined, logs: logs.map((one) => one.name) }, 'witnessing');
    return {
      key: publicForm(key),
      port,
      reload: () => {
        if (settings.tls === undefined) return;
        try {
          (server as TlsServer).setSecureContext({ ...readTls(settings.tls), minVersion: 'TLSv1.2' });
          log.info({}, 'certificate read again');
        } catch (error) {
          log.error({ reason: (error as Error).message }, 'the certificate cannot be read; the old one stays');
        }
      },
      stop: () => (ending ??= end()),
    };
  } catch (error) {
    await release();
    throw error;
  }
};

const take = async (folder: string): Promise<() => Promise<void>> => {
  nodeDisk.makeFolder(folder);
  try {
    return await nodeDisk.lock(folder);
  } catch (error) {
    throw error instanceof FolderTaken ? new WitnessFolderUnusable(`another witness runs on ${folder}: two that share a key could cosign two histories`) : error;
  }
};

const readTls = ({ cert, key }: { readonly cert: string; readonly key: string }): { readonly cert: Buffer; readonly key: Buffer } => ({ cert: readFileSync(cert), key: readFileSync(key) });
