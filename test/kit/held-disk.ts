import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/*
 * `--import` of a gateway whose evidence disk is slow to make a segment: the third one and those behind it are not ready while the file HELD_DISK
 * is there. Nothing else of the gateway is changed.
 */
const held = process.env['HELD_DISK'] ?? '';
const LOOK_MS = 20;

const fdatasync = fs.fdatasync;
fs.fdatasync = ((fd: number, then: (error: NodeJS.ErrnoException | null) => void): void => {
  if (/0000000[2-9]\.seg\.draft$/.test(fs.readlinkSync(`/proc/self/fd/${fd}`)) && fs.existsSync(held)) setTimeout(() => fs.fdatasync(fd, then), LOOK_MS);
  else fdatasync(fd, then);
}) as typeof fs.fdatasync;
syncBuiltinESMExports();
