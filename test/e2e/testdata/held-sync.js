// Loaded into a gateway with --import: syncs of the log do not return as long as the file HELD_SYNC is there.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { fdatasync } = fs;
const trigger = process.env['HELD_SYNC'] ?? '';
// @ts-expect-error Without what promisify needs of it, which nobody asks for here.
fs.fdatasync = (fd, then) => {
  if (fs.existsSync(trigger)) setTimeout(fs.fdatasync, 5, fd, then);
  else fdatasync(fd, then);
};
syncBuiltinESMExports();
