import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { JDBC_JAR, PYTHON, requireProgram } from './present.ts';
import { run, runOk, type Ran, type RunOptions } from './run.ts';
import { tempFolder, type TempFolder } from './temp.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Extra = Pick<RunOptions, 'input' | 'timeoutMs' | 'cwd'>;

/** psql, without the user's own settings. `env` is that of libpq: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, PGSSLROOTCERT. */
export const psql = (args: readonly string[], env: Env, extra: Extra = {}): Promise<Ran> => run(requireProgram('psql'), ['-X', '-w', ...args], { env, ...extra });

/** Any other program of PostgreSQL: pg_dump, pg_restore, pg_isready. */
export const pgProgram = (name: string, args: readonly string[], env: Env, extra: Extra = {}): Promise<Ran> => run(requireProgram(name), args, { env, ...extra });

/** pgbench; `tps` is what it measured, without the time for connecting. */
export async function pgbench(args: readonly string[], env: Env, extra: Extra = {}): Promise<Ran & { readonly tps: number | undefined }> {
  const ran = await run(requireProgram('pgbench'), args, { env, timeoutMs: 300_000, ...extra });
  const tps = /^tps = ([\d.]+)/m.exec(ran.stdout)?.[1];
  return { ...ran, tps: tps === undefined ? undefined : Number(tps) };
}

/** Debian's Python runs the script. Use `skipUnless('psycopg')` or the like in the test. */
export const python = (script: string, env: Env, extra: Extra = {}): Promise<Ran> => run(PYTHON, ['-'], { env: { PYTHONDONTWRITEBYTECODE: '1', ...env }, input: script, ...extra });

let classes: TempFolder | undefined;

/**
 * Compiles a Java source and runs its public class with the JDBC driver on the class path. Compiled once for each source and test
 * process. Use `skipUnless('jdbc')` in the test.
 */
export async function java(source: string, args: readonly string[] = [], env: Env = {}, extra: Extra = {}): Promise<Ran> {
  const name = /public\s+(?:final\s+)?class\s+(\w+)/.exec(source)?.[1];
  if (name === undefined) throw new Error('the source has no public class');
  classes ??= tempFolder('java');
  const folder = classes.file(createHash('sha256').update(source).digest('hex').slice(0, 16));
  if (!existsSync(`${folder}/${name}.class`)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${name}.java`, source);
    await runOk(requireProgram('javac'), ['-encoding', 'UTF-8', '-cp', JDBC_JAR, '-d', folder, `${folder}/${name}.java`], { timeoutMs: 120_000 });
  }
  // The client compiler and one collector thread: it lives for a second, and there are two cores.
  return run(requireProgram('java'), ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${folder}:${JDBC_JAR}`, name, ...args], { env, timeoutMs: 120_000, ...extra });
}
