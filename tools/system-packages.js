// Debian packages that the tests use. Runs before anything else is installed: plain JavaScript.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * @typedef {object} SystemPackage
 * @property {string} name of the Debian package
 * @property {string} use
 * @property {boolean} required tests cannot start without it
 * @property {() => boolean} here
 */

/** @param {string} name */
const onPath = (name) => [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin'].some((folder) => executable(join(folder, name)));

/** @param {string} file */
function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} name */
const library = (name) => ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/lib/x86_64-linux-gnu', '/lib64', '/usr/lib', '/usr/local/lib'].some((folder) => existsSync(join(folder, name)));

/** @param {string} module */
const python = (module) => spawnSync('/usr/bin/python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;

/** @type {SystemPackage[]} */
const SYSTEM_PACKAGES = [
  { name: 'libatomic1', use: 'the locked Node', required: true, here: () => library('libatomic.so.1') },
  { name: 'postgresql-client', use: 'psql and pgbench', required: true, here: () => onPath('psql') },
  { name: 'postgresql-15', use: 'the PostgreSQL 15 server', required: true, here: () => executable('/usr/lib/postgresql/15/bin/postgres') && executable('/usr/lib/postgresql/15/bin/initdb') },
  { name: 'pgbouncer', use: 'comparison in the benchmark', required: false, here: () => onPath('pgbouncer') },
  { name: 'python3-psycopg', use: 'psycopg 3 as a client', required: false, here: () => python('psycopg') },
  { name: 'python3-psycopg2', use: 'the driver under SQLAlchemy', required: false, here: () => python('psycopg2') },
  { name: 'python3-sqlalchemy', use: 'SQLAlchemy as a client', required: false, here: () => python('sqlalchemy') },
  { name: 'python3-django', use: 'a migration tool and an ORM', required: false, here: () => python('django') },
  { name: 'python3-alembic', use: 'a migration tool', required: false, here: () => python('alembic') },
  { name: 'libpostgresql-jdbc-java', use: 'JDBC as a client', required: false, here: () => existsSync('/usr/share/java/postgresql.jar') },
  { name: 'strace', use: 'tests that look at system calls', required: false, here: () => onPath('strace') },
  { name: 'e2fsprogs', use: 'tests that cut the power of a disk or take its folders away', required: false, here: () => onPath('mkfs.ext4') && onPath('chattr') },
  { name: 'xfsprogs', use: 'tests that cut the power of a disk', required: false, here: () => onPath('xfs_io') },
  { name: 'chromium', use: 'the pages, in a browser', required: false, here: () => ['chromium', 'chromium-browser', 'google-chrome'].some(onPath) },
  { name: 'nginx-light', use: 'nginx as a target of HTTP', required: false, here: () => onPath('nginx') },
  { name: 'nghttp2-client', use: 'h2load as a client of HTTP/2', required: false, here: () => onPath('h2load') },
  { name: 'curl', use: 'curl as a client of HTTP', required: false, here: () => onPath('curl') },
  { name: 'python3-requests', use: 'Python requests as a client of HTTP', required: false, here: () => python('requests') },
  { name: 'openssl', use: 'an independent TLS client', required: false, here: () => onPath('openssl') },
];

/** Not installed, as it is large: used when it is there. */
const JDK = { name: 'default-jdk-headless', use: 'JDBC as a client', required: false, here: () => onPath('javac') };

/**
 * Installs what is missing when this is root on a Debian system, and says what stays missing. Ends the process with code 2 when a required
 * one does.
 */
export function installSystemPackages() {
  const missing = () => SYSTEM_PACKAGES.filter((entry) => !entry.here());
  if (missing().length > 0 && process.getuid?.() === 0 && onPath('apt-get')) installWithApt(missing);
  // Debian's name says nothing to another system, and an older or newer Debian has another PostgreSQL: then its tests are skipped.
  const left = [...missing(), ...(JDK.here() ? [] : [JDK])];
  const fatal = left.filter((entry) => entry.required && (entry.name !== 'postgresql-15' || packaged(entry.name)));
  for (const entry of left.filter((one) => !fatal.includes(one))) process.stderr.write(`skipped: ${entry.use} (${entry.name} is not installed)\n`);
  if (fatal.length === 0) return;
  process.stderr.write(`The tests need ${fatal.map((entry) => `${entry.name} (${entry.use})`).join(' and ')}. Install with:\n  sudo apt-get install --no-install-recommends ${missing().map((entry) => entry.name).join(' ')}\nor run npm test as root.\n`);
  process.exit(2);
}

/** @param {() => SystemPackage[]} missing */
function installWithApt(missing) {
  const undo = keepServersDown();
  try {
    process.stderr.write(`apt-get install ${missing().map((entry) => entry.name).join(' ')}\n`);
    // The lists may be absent or old. Fetching them each time would be slow, and fails without a network though nothing is needed.
    if (!missing().every((entry) => packaged(entry.name)) || !install(missing())) {
      apt(['update']);
      // One that this system does not have must not keep the others away.
      if (!install(missing().filter((entry) => packaged(entry.name)))) for (const entry of missing()) install([entry]);
    }
  } finally {
    undo();
  }
}

/** @param {SystemPackage[]} entries */
const install = (entries) => entries.length === 0 || apt(['install', '-y', '--no-install-recommends', ...entries.map((entry) => entry.name)]);

/** @param {string[]} args */
function apt(args) {
  const ran = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (ran.status !== 0) process.stderr.write(`apt-get ${args.join(' ')} failed:\n${ran.stdout}${ran.stderr}`);
  return ran.status === 0;
}

/** @param {string} name */
function packaged(name) {
  const policy = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' });
  return policy.status === 0 && /Candidate: (?!\(none\))/.test(policy.stdout);
}

/** Debian's packages would create a cluster and start servers; the tests start their own. Returns what takes that back. */
function keepServersDown() {
  const policy = '/usr/sbin/policy-rc.d';
  const cluster = '/etc/postgresql-common/createcluster.d/wicketgate-tests.conf';
  /** @type {string[]} */
  const made = [];
  const put = (/** @type {string} */ file, /** @type {string} */ text, /** @type {number} */ mode) => {
    if (existsSync(file)) return;
    writeFileSync(file, text, { mode });
    made.push(file);
  };
  put(policy, '#!/bin/sh\nexit 101\n', 0o755);
  mkdirSync('/etc/postgresql-common/createcluster.d', { recursive: true });
  put(cluster, 'create_main_cluster = false\n', 0o644);
  return () => { for (const file of made) rmSync(file, { force: true }); };
}
