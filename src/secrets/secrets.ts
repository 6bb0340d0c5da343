import { open } from 'node:fs/promises';
import type { SecretRef } from '../config/resolved.ts';
import { Lease } from './lease.ts';

/** Largest secret, in bytes. */
export const MAX_SECRET_BYTES = 64 * 1024;

/** Where upstream credentials come from. */
export interface Secrets {
  /**
   * Reads a secret now, so that a rotated one serves the next time: at once, where it is in memory already (`env:`). Throws, or rejects with,
   * SecretUnavailable, which names the reference and never the value.
   */
  lease(ref: SecretRef): Lease | Promise<Lease>;
}

/** A reference does not lead to a usable value. */
export class SecretUnavailable extends Error {
  override name = 'SecretUnavailable';
}

/** @param env where `env:` references look; by default the process's own, as they are now: to ask the system for each request costs more than all else of it */
export const createSecrets = (env: Readonly<Record<string, string | undefined>> = { ...process.env }): Secrets => ({
  lease: (ref) => (ref.from === 'env' ? leaseOfVariable(ref.name, env) : leaseOfFile(ref.path)),
});

const leaseOfVariable = (name: string, env: Readonly<Record<string, string | undefined>>): Lease => {
  const value = env[name];
  if (value === undefined) throw new SecretUnavailable(`env:${name} is not set`);
  return leaseOf(Buffer.from(value, 'utf8'), `env:${name}`);
};

const leaseOfFile = async (path: string): Promise<Lease> => {
  const reference = `file:${path}`;
  let bytes: Buffer;
  let mode: number;
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      mode = stats.mode;
      if (!stats.isFile()) throw new SecretUnavailable(`${reference} is not a file`);
      // One byte more than allowed tells a file that grew between the two calls.
      const buffer = Buffer.alloc(Math.min(stats.size, MAX_SECRET_BYTES) + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > MAX_SECRET_BYTES) {
        buffer.fill(0);
        throw new SecretUnavailable(`${reference} is larger than 64 KiB`);
      }
      bytes = buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof SecretUnavailable) throw cause;
    throw new SecretUnavailable(`${reference} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
  const warning = (mode & 0o004) === 0 ? undefined : `${reference} can be read by every user of this machine; chmod 600 it`;
  return leaseOf(withoutNewline(bytes), reference, warning);
};

const leaseOf = (value: Buffer, reference: string, warning?: string): Lease => {
  if (value.length > MAX_SECRET_BYTES) throw new SecretUnavailable(`${reference} is larger than 64 KiB`);
  if (value.length === 0) throw new SecretUnavailable(`${reference} is empty`);
  return new Lease(value, reference, warning);
};

/** Editors and `echo` end a file with one line end, which is not part of the secret. */
const withoutNewline = (bytes: Buffer): Buffer => {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
};
