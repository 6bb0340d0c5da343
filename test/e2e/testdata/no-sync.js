// Loaded into a gateway with --import: a sync that reports success and does nothing.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// @ts-expect-error Without what promisify needs of it, which nobody asks for here.
fs.fdatasync = (_fd, then) => setImmediate(then, null);
syncBuiltinESMExports();
