import { createHash } from 'node:crypto';
import { chownSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { linkPostgresLibraries } from '../../tools/postgres-links.js';
import { run, runOk, unprivileged } from './run.ts';

/** 15 is Debian's; 17 and 18 come with `npm ci`. */
export type PostgresVersion = 15 | 17 | 18;

/** The superuser that every template has. Its password is known to everybody, as the servers listen on loopback for minutes. */
export const SUPERUSER = { name: 'postgres', password: 'kit-superuser' } as const;

const DEBIAN_BIN = '/usr/lib/postgresql/15/bin';
const PACKAGES = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'node_modules');

/** Which versions can be started here. */
export const postgresVersions = (): PostgresVersion[] =>
  ([15, 17, 18] as const).filter((version) => existsSync(version === 15 ? join(DEBIAN_BIN, 'postgres') : join(PACKAGES, `pg${version}`, 'native', 'bin', 'postgres')));

/** The folder with postgres and initdb of a version, usable by the unprivileged account. */
export async function postgresBin(version: PostgresVersion): Promise<string> {
  if (!postgresVersions().includes(version)) {
    throw new Error(version === 15 ? `PostgreSQL 15 is not installed: apt-get install postgresql-15 (looked in ${DEBIAN_BIN})` : `PostgreSQL ${version} is not installed: npm ci (linux-x64 only)`);
  }
  if (version === 15) return DEBIAN_BIN;
  const native = join(PACKAGES, `pg${version}`, 'native');
  linkPostgresLibraries(join(PACKAGES, `pg${version}`));
  // A clone under /root is out of reach for the account that PostgreSQL must run as; then it gets a copy that it can reach.
  const bin = join(native, 'bin');
  const account = unprivileged();
  const reachable = await run(join(bin, 'postgres'), ['--version'], { account }).then((ran) => ran.code === 0, () => false);
  return reachable ? bin : join(copyOnce(native, `pg${version}-native-${fingerprint(join(PACKAGES, `pg${version}`, 'package.json'))}`), 'bin');
}

/** A ready-made empty cluster of the version; copy it. Made by initdb once per machine and kept, as it takes a second each time. */
export async function postgresTemplate(version: PostgresVersion): Promise<string> {
  const bin = await postgresBin(version);
  const args = ['-U', SUPERUSER.name, '-E', 'UTF8', '--locale=C.UTF-8', '--auth-local=trust', '--auth-host=scram-sha-256', '--no-sync'];
  const release = (await runOk(join(bin, 'postgres'), ['--version'])).trim();
  const key = createHash('sha256').update([release, SUPERUSER.password, ...args].join('\0')).digest('hex').slice(0, 12);
  const template = join(cache(), `pg${version}-template-${key}`);
  if (existsSync(template)) return template;
  const account = unprivileged();
  const work = mkdtempSync(join(cache(), 'making-'));
  try {
    const passwordFile = join(work, 'password');
    writeFileSync(passwordFile, SUPERUSER.password, { mode: 0o644 });
    const data = join(work, 'data');
    mkdirSync(data, { mode: 0o700 });
    for (const path of account === undefined ? [] : [work, data]) chownSync(path, account?.uid ?? -1, account?.gid ?? -1);
    await runOk(join(bin, 'initdb'), ['-D', data, `--pwfile=${passwordFile}`, ...args], { account, cwd: work });
    publish(data, template);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return template;
}

function cache(): string {
  const folder = join(tmpdir(), `wicketgate-cache-${process.getuid?.() ?? 'user'}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  // Programs are run from here: nobody else may have made it.
  const found = lstatSync(folder);
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) throw new Error(`${folder} belongs to someone else; remove it`);
  return folder;
}

function copyOnce(source: string, name: string): string {
  const target = join(cache(), name);
  if (existsSync(target)) return target;
  const work = mkdtempSync(join(cache(), 'copying-'));
  try {
    cpSync(source, join(work, 'copy'), { recursive: true, verbatimSymlinks: true });
    publish(join(work, 'copy'), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return target;
}

/** Renaming a folder is atomic: others see all of it or nothing. Who comes second uses what is there. */
function publish(made: string, target: string): void {
  try {
    renameSync(made, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}

const fingerprint = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
