import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretCanary } from './canaries.ts';
import { freePort } from './ports.ts';
import { radosgwFolder } from './present.ts';
import { runOk } from './run.ts';
import { startServed, type Served } from './served.ts';
import { tempFolder } from './temp.ts';

/** Ceph's radosgw: an S3 by others, which checks every signature, those of chunks too. */
export interface Radosgw extends Served {
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
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
  const [loaded, args] = program('radosgw', '-n', 'client.rgw', '-f');
  const served = await startServed({ name: 'radosgw', folder, port, program: loaded, args, ready: '/' });
  return { ...served, port, accessKey, secretKey };
};
