// Loaded into a gateway with --import: syncs that report success and do nothing, whichever way they are asked for.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { openSync } = fs;
const DURABLE = fs.constants.O_DSYNC | fs.constants.O_SYNC;
// @ts-expect-error Without what promisify needs of it, which nobody asks for here.
fs.fdatasync = (_fd, then) => setImmediate(then, null);
fs.fsync = fs.fdatasync;
fs.fdatasyncSync = () => {};
fs.fsyncSync = () => {};
fs.openSync = (path, flags, mode) => openSync(path, typeof flags === 'number' ? flags & ~DURABLE : flags, mode);
syncBuiltinESMExports();
