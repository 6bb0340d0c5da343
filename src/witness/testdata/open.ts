import type { TempFolder } from '../../../test/kit/temp.ts';
import { nodeDisk } from '../../evidence/node-disk.ts';
import { parseVkey } from '../../evidence/tlog/note.ts';
import type { Logger } from '../../model/logger.ts';
import { witnessKey } from '../key.ts';
import { Memory } from '../memory.ts';
import { Witness } from '../witness.ts';

export const NAME = 'witness.example/w1';

/** One line of the witness's own log. */
export interface Line { readonly level: string; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }

const collecting = (lines: Line[]): Logger => {
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string): void => void lines.push({ level, fields, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  return logger;
};

/** A witness of these logs in a folder, as a start finds it; its clock stands still unless another is given. */
export const open = (folder: TempFolder, logs: readonly { readonly vkey: string }[], { now = (): number => 1_800_000_000_000, disk = nodeDisk, lines = new Array<Line>() } = {}) => {
  const key = witnessKey(folder.file('w'), NAME);
  const memory = new Memory(disk, folder.file('w'), key);
  return { key, witness: new Witness({ key, logs: logs.map(({ vkey }) => parseVkey(vkey)), memory, log: collecting(lines), now }), lines };
};
