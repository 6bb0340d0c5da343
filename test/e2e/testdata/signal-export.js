// Loaded into `wicketgate evidence export` with --import: as soon as it has its folder beside the pack, it gets the signal that EXPORT_SIGNAL names.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { mkdtempSync } = fs;
// @ts-expect-error Only in the one form that is asked for here.
fs.mkdtempSync = (prefix) => {
  const made = mkdtempSync(prefix);
  fs.writeFileSync(`${made}/0`, 'as it was when the signal came');
  process.kill(process.pid, process.env['EXPORT_SIGNAL']);
  return made;
};
syncBuiltinESMExports();
