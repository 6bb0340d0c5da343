// Loaded into a gateway with --import: syncs of the log fail as long as the file FAILING_SYNC is there.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { fdatasync, fdatasyncSync } = fs;
const trigger = process.env['FAILING_SYNC'] ?? '';
const failure = () => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
// @ts-expect-error Without what promisify needs of it, which nobody asks for here.
fs.fdatasync = (fd, then) => {
  if (fs.existsSync(trigger)) setImmediate(then, failure());
  else fdatasync(fd, then);
};
fs.fdatasyncSync = (fd) => {
  if (fs.existsSync(trigger)) throw failure();
  fdatasyncSync(fd);
};
syncBuiltinESMExports();
