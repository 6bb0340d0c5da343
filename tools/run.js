// node tools/run.js [--system] FILE [ARGUMENT...]
// Every npm script goes through this: it installs what is missing in a fresh clone, then runs FILE on the locked Node, whatever Node
// the machine has. --system: Debian packages too (tests and benchmarks only).
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installNpmPackages, findNode } from './packages.js';
import { installSystemPackages } from './system-packages.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [first, ...others] = process.argv.slice(2);
const system = first === '--system';
const [file, ...args] = system ? others : [first ?? '', ...others];
if (file === undefined || file === '') {
  process.stderr.write('usage: node tools/run.js [--system] FILE [ARGUMENT...]\n');
  process.exit(2);
}
installNpmPackages(root);
if (system) installSystemPackages();
const found = findNode(root);
if ('problem' in found) {
  process.stderr.write(`${found.problem}\n`);
  process.exit(2);
}
const node = found.path;

// Programs that the file starts by the name `node` must be the same one.
/** @type {NodeJS.ProcessEnv} */
const env = { ...process.env, PATH: `${dirname(node)}:${process.env['PATH'] ?? ''}` };
// As bin/wicketgate.js does it.
env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'wicketgate');
// A clone serves the page that is built of its sources; without it the gateway does all else, and says what is missing.
if (file === 'src/cli/main.ts') {
  const built = spawnSync(node, [join(root, 'tools', 'build-ui.ts')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (built.status !== 0) process.stderr.write('The page could not be built; the gateway starts without it.\n');
}
const child = spawn(node, [join(root, file), ...args], { cwd: process.cwd(), env, stdio: 'inherit' });
// On Ctrl-C the terminal tells both; the child decides when it ends, and this waits for it. Without a terminal nobody else tells it.
process.on('SIGINT', () => { if (!process.stdin.isTTY) child.kill('SIGINT'); });
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => { child.kill(signal); });
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => { process.exit(code ?? 128 + constants.signals[signal ?? 'SIGKILL']); });
