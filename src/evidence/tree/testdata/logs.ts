import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openEvidenceLog, type EvidenceLogOptions } from '../../open.ts';
import { parseLeaf, readLog, type Leaf } from '../../read.ts';
import { durable } from '../../testdata/records.ts';
import { parseCheckpointText, type Checkpoint } from '../../tlog/checkpoint.ts';
import { parseNote } from '../../tlog/note.ts';

/** A folder of its own for a log and its keys, with small segments. */
export const place = (t: TestContext): EvidenceLogOptions & { readonly base: string } => {
  const base = fs.mkdtempSync(join(tmpdir(), 'wicketgate-tree-'));
  t.after(() => fs.rmSync(base, { recursive: true, force: true }));
  return { base, folder: join(base, 'evidence'), keysFolder: join(base, 'keys'), instance: 'gw-1', build: 'build', config: 'config', segmentBytes: 256 * 1024 };
};

/** One run of a gateway that writes so many records. */
export const append = async (options: EvidenceLogOptions, count: number, name = 's'): Promise<void> => {
  const log = await openEvidenceLog(options);
  for (let i = 0; i < count; i += 1) {
    const ticket = log.append({ kind: 'revocation', identity: `${name}${i}`, by: 'x'.repeat(200) });
    if (i % 50 !== 49 && i !== count - 1) continue;
    assert.equal(await durable(ticket), undefined);
    // A segment lasts for hours elsewhere, here for some milliseconds: the next may take longer to be made.
    await log.prepare();
  }
  await log.close();
};

/** The records of a log as they stand in it. */
export const entriesOf = async (folder: string): Promise<Buffer[]> => {
  const entries: Buffer[] = [];
  for await (const item of readLog(folder)) if (item.type === 'leaf') entries.push(Buffer.from(item.bytes));
  return entries;
};

export const leavesIn = async (folder: string): Promise<Leaf[]> => (await entriesOf(folder)).map((bytes) => parseLeaf({ type: 'leaf', sequence: 0, bytes }));

/** The newest checkpoint that a log shows. */
export const noteIn = (folder: string): string => fs.readFileSync(join(folder, 'tlog/checkpoint'), 'utf8');
export const shown = (folder: string): Checkpoint => parseCheckpointText(parseNote(noteIn(folder)).text);

export const copy = (from: string, to: string): void => fs.cpSync(from, to, { recursive: true });
