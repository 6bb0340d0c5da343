import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretCanary } from './canaries.ts';
import { freePort, releasePort } from './ports.ts';
import { radosgwFolder } from './present.ts';
import { runOk, startService } from './run.ts';
import { tempFolder } from './temp.ts';
import { until } from './until.ts';

/** Ceph's radosgw: an S3 by others, which checks every signature, those of chunks too. */
export interface Radosgw extends AsyncDisposable {
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
  log(): string;
}

export const startRadosgw = async (): Promise<Radosgw> => {
  const packages = radosgwFolder();
  if (packages === undefined) throw new Error('radosgw is not there');
  const folder = tempFolder('radosgw');
  const port = await freePort();
  // Of the Debian that it was built for: its loader and libraries come with it.
  const libraries = join(packages, 'usr/lib/x86_64-linux-gnu');
  const loader = ['--library-path', `${libraries}:${join(libraries, 'ceph')}`];
  const configuration = folder.file('ceph.conf');
  // One process and two files of SQLite, no cluster.
  writeFileSync(configuration, `[global]
rgw_backend_store = dbstore
rgw_config_store = dbstore
dbstore_db_dir = ${folder.path}
dbstore_config_uri = file://${folder.file('config.db')}
rgw_frontends = beast endpoint=127.0.0.1:${port}
run_dir = ${folder.path}
admin_socket =
log_file = ${folder.file('rgw.log')}
`);
  const program = (name: string, ...args: readonly string[]): readonly [string, readonly string[]] => [join(libraries, 'ld-linux-x86-64.so.2'), [...loader, join(packages, 'usr/bin', name), '--no-mon-config', '-c', configuration, ...args]];
  const accessKey = `AKIA${randomBytes(8).toString('hex').toUpperCase()}`;
  const secretKey = randomBytes(30).toString('base64');
  secretCanary(secretKey);
  await runOk(...program('radosgw-admin', 'user', 'create', '--uid=gateway', '--display-name=gateway', `--access-key=${accessKey}`, `--secret-key=${secretKey}`));
  const service = await startService(...program('radosgw', '-n', 'client.rgw', '-f'), { cwd: folder.path, logFile: folder.file('out.log') });
  await until(async () => {
    if (service.ended() !== undefined) throw new Error(service.log());
    return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).ok;
  }, 60_000, 'radosgw');
  return {
    port, accessKey, secretKey,
    log: () => service.log(),
    [Symbol.asyncDispose]: async () => {
      service.signal('SIGKILL');
      await service.wait();
      releasePort(port);
      folder.remove();
    },
  };
};
