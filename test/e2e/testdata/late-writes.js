// Loaded into a gateway with --import: what it writes to its log stays in memory until the next sync, as a log with a buffer would keep it.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { writeSync, fdatasync, fdatasyncSync } = fs;
/** @type {(() => void)[]} */
let kept = [];
/** @type {(fd: number, bytes: Buffer, from: number, length: number, position: number | null) => number} */
const late = (fd, bytes, from, length, position) => {
  if (typeof position !== 'number' || !fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('.seg')) return writeSync(fd, bytes, from, length, position);
  const copy = Buffer.from(bytes.subarray(from, from + length));
  kept.push(() => writeSync(fd, copy, 0, copy.length, position));
  return length;
};
// @ts-expect-error One of its forms, which is the one that the log uses.
fs.writeSync = late;
const flush = () => {
  for (const write of kept) write();
  kept = [];
};
// @ts-expect-error Without what promisify needs of it, which nobody asks for here.
fs.fdatasync = (fd, then) => {
  flush();
  fdatasync(fd, then);
};
fs.fdatasyncSync = (fd) => {
  flush();
  fdatasyncSync(fd);
};
syncBuiltinESMExports();
