import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';

const CLIENT_BIN = '/usr/lib/postgresql/15/bin';
export const JDBC_JAR = '/usr/share/java/postgresql.jar';
/** Debian's own; a version manager's python3 in front of it on PATH does not see Debian's packages. */
export const PYTHON = '/usr/bin/python3';

/** Path of a program: Debian's PostgreSQL 15 folder first (its names in /usr/bin are slow Perl wrappers), then PATH, then /usr/sbin. */
export function program(name: string): string | undefined {
  return [CLIENT_BIN, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].map((folder) => join(folder, name)).find(isExecutable);
}

/** The same, and a clear error when it is missing. */
export function requireProgram(name: string): string {
  const path = program(name);
  if (path === undefined) throw new Error(`${name} is not installed (npm test as root installs what the tests need)`);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const pythonModules = new Map<string, boolean>();
function pythonModule(name: string): boolean {
  let found = pythonModules.get(name);
  if (found === undefined) {
    found = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0;
    pythonModules.set(name, found);
  }
  return found;
}

/** The emulator of Pub/Sub, in the folder of the Google Cloud SDK whose gcloud is on PATH. */
export function pubSubJar(): string | undefined {
  const gcloud = program('gcloud');
  if (gcloud === undefined) return undefined;
  const folder = join(dirname(realpathSync(gcloud)), '..', 'platform', 'pubsub-emulator', 'lib');
  const name = existsSync(folder) ? readdirSync(folder).find((file) => /^cloud-pubsub-emulator-[\d.]+-all\.jar$/.test(file)) : undefined;
  return name === undefined ? undefined : join(folder, name);
}

/** Where the packages of radosgw were unpacked (tools/fetch-radosgw.sh): the folder that RADOSGW names. */
export function radosgwFolder(): string | undefined {
  const folder = process.env['RADOSGW'];
  return folder !== undefined && isExecutable(join(folder, 'usr/bin/radosgw')) ? folder : undefined;
}

const OPTIONAL = {
  pgbouncer: { here: () => program('pgbouncer') !== undefined, install: 'apt-get install pgbouncer' },
  strace: { here: () => program('strace') !== undefined, install: 'apt-get install strace' },
  nginx: { here: () => program('nginx') !== undefined, install: 'apt-get install nginx-light' },
  h2load: { here: () => program('h2load') !== undefined, install: 'apt-get install nghttp2-client' },
  curl: { here: () => program('curl') !== undefined, install: 'apt-get install curl' },
  requests: { here: () => pythonModule('requests'), install: 'apt-get install python3-requests' },
  openssl: { here: () => program('openssl') !== undefined, install: 'apt-get install openssl' },
  aws: { here: () => program('aws') !== undefined, install: 'pip install awscli' },
  gcloud: { here: () => program('gcloud') !== undefined, install: 'the Google Cloud SDK' },
  gsutil: { here: () => program('gsutil') !== undefined, install: 'the Google Cloud SDK' },
  pubsub: { here: () => program('java') !== undefined && pubSubJar() !== undefined, install: 'the Pub/Sub emulator of the Google Cloud SDK, and a Java runtime' },
  radosgw: { here: () => radosgwFolder() !== undefined, install: 'tools/fetch-radosgw.sh FOLDER, and RADOSGW=FOLDER' },
  moto: { here: () => program('moto_server') !== undefined, install: "pip install 'moto[server]'" },
  psycopg: { here: () => pythonModule('psycopg'), install: 'apt-get install python3-psycopg' },
  psycopg2: { here: () => pythonModule('psycopg2'), install: 'apt-get install python3-psycopg2' },
  sqlalchemy: { here: () => pythonModule('sqlalchemy'), install: 'apt-get install python3-sqlalchemy' },
  django: { here: () => pythonModule('django'), install: 'apt-get install python3-django' },
  alembic: { here: () => pythonModule('alembic'), install: 'apt-get install python3-alembic' },
  jdbc: { here: () => program('javac') !== undefined && existsSync(JDBC_JAR), install: 'a JDK and apt-get install libpostgresql-jdbc-java' },
} as const;

export type Optional = keyof typeof OPTIONAL;

/** For node:test's `skip` option: false when all of them are here, otherwise the reason, which the summary of `npm test` shows. */
export function skipUnless(...names: readonly Optional[]): string | false {
  const missing = names.filter((name) => !OPTIONAL[name].here());
  return missing.length === 0 ? false : `not installed: ${missing.map((name) => `${name} (${OPTIONAL[name].install})`).join(', ')}`;
}
