import { spawn } from 'node:child_process';
import type { Disk } from './disk.ts';
import { readSmall } from './disk.ts';
import { KeysUnusable, parseKek, WRAPPED_KEK_FILE } from './keys.ts';
import { nodeDisk } from './node-disk.ts';

/** How long the command may take: a key service on a network, asked once at start. */
const DEADLINE_MS = 30_000;
/** A key in the form of a file is 60 bytes. */
const MOST_OUTPUT = 1024;
const MOST_WRAPPED = 65_536;

/**
 * The key-encryption key, unwrapped by a command of the operator's: it gets `sealing.kek.wrapped` on its standard input and prints what
 * `sealing.kek` would hold. Run without a shell, with this process's environment, since key services are reached with what stands
 * there. What it prints is in memory only; what it says on standard error goes nowhere. Rejects with KeysUnusable.
 */
export const unwrapKek = async (command: readonly string[], keysFolder: string, { disk = nodeDisk, deadline = DEADLINE_MS }: { readonly disk?: Disk; readonly deadline?: number } = {}): Promise<Buffer> => {
  const path = `${keysFolder}/${WRAPPED_KEK_FILE}`;
  if (!disk.exists(path)) throw new KeysUnusable(`gateway.keyCommand is given, and there is no ${path} for it to unwrap: make one as the manual says`);
  const output = await runCommand(command, readSmall(disk, path, MOST_WRAPPED), deadline);
  const kek = parseKek(output);
  output.fill(0);
  if (!kek) throw new KeysUnusable(`gateway.keyCommand printed something that is not a key-encryption key: unwrapped, ${WRAPPED_KEK_FILE} begins with wicketgate-kek-1`);
  return kek;
};

const runCommand = ([program = '', ...args]: readonly string[], input: Buffer, deadline: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // A group of its own, so that what the command has started ends with it.
    const child = spawn(program, args, { shell: false, detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
    const refuse = (why: string): void => {
      clearTimeout(timer);
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
      child.stdout.destroy();
      child.stdin.destroy();
      reject(new KeysUnusable(`gateway.keyCommand ${why}`));
    };
    const timer = setTimeout(() => refuse(`did not end within ${deadline / 1000} seconds`), deadline);
    const pieces: Buffer[] = [];
    let length = 0;
    child.once('error', (error: NodeJS.ErrnoException) => refuse(`cannot be run (${error.code ?? 'unknown'})`));
    child.stdout.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length > MOST_OUTPUT) refuse('printed more than a key');
    });
    // It may not want all of its input, or any.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) refuse(`ended with ${signal ?? code}: run it by hand to see why`);
      else resolve(Buffer.concat(pieces));
    });
  });
