import { fromBase64, isObject, objectIn, textOf, type Sha256 } from './bytes.ts';
import type { LogStatement } from './manifest.ts';
import { TABLES, type Cell, type Source } from './rows.ts';
import { commitmentOf } from './sample.ts';
import { Tree } from './tree.ts';
import type { CheckedSample, Findings } from './verdict.ts';
import { FileDamaged, type Zip } from './zip.ts';

const MOST_JSON = 16 * 1024 * 1024;
const MOST_BODY = 17 * 1024 * 1024;
const MOST_SHOWN = 64 * 1024;
const ABSENT = ['sealed', 'key_destroyed', 'lost', 'missing', 'altered', 'too_large'];

/** A command that was drawn: its row and the records that the row comes from. */
export interface DrawnCommand {
  readonly draw: number;
  readonly index: number;
  readonly cells: readonly Cell[];
  readonly from: readonly Source[];
}

interface Parts {
  readonly zip: Zip;
  readonly statement: LogStatement;
  readonly root: Uint8Array;
  readonly closing: string;
  readonly sha256: Sha256;
  readonly findings: Findings;
}

/** The folder of a sample, by the order in which it was drawn. */
const sampleFolder = ({ folder }: LogStatement, draw: number): string => `${folder}/samples/${String(draw).padStart(4, '0')}`;

/** Checks what the pack shows of a drawn command: records, proofs, and the texts against their commitments. Names the files it used. */
export const checkSample = async (parts: Parts, { draw, index, cells, from }: DrawnCommand, used: Set<string>): Promise<CheckedSample> => {
  const { zip, statement, findings } = parts;
  const into = sampleFolder(statement, draw);
  const file = `${into}/sample.json`;
  const wrong = (what: string, at = file): void => findings.fault({ what, file: at, log: statement.log });
  const texts: CheckedSample['texts'][number][] = [];
  const row = Object.fromEntries((TABLES.get('commands') ?? []).map((column, i) => [column, cells[i] ?? null]));
  used.add(file);
  try {
    const whole = await zip.text(file, MOST_JSON);
    const told = objectIn(whole);
    const records = Array.isArray(told?.['records']) ? (told['records'] as unknown[]) : [];
    if (told?.['draw'] !== draw || told['index'] !== index) wrong(`the seed draws command ${index} here, and the file is about another`);
    else if (records.length !== from.length || !records.every((one, i) => isObject(one) && one['sequence'] === from[i]?.seq)) wrong('it does not have the records that the command has');
    else if (whole !== `${JSON.stringify({ draw, index, records: records.map(asWritten) }, null, 2)}\n`) wrong('it is not written as a pack has it');
    for (const { seq: sequence, bodies: references } of from) {
      await checkRecord(parts, into, sequence, used, wrong);
      const record = records.find((one) => isObject(one) && one['sequence'] === sequence);
      const bodies = isObject(record) && Array.isArray(record['bodies']) ? (record['bodies'] as unknown[]) : [];
      if (bodies.length !== references.length) wrong(`it does not name all texts of record ${sequence}`);
      for (const [i, { part, c }] of references.entries()) texts.push(await checkBody(parts, into, bodies[i], { part, c, sequence }, used, wrong));
    }
  } catch (error) {
    if (!(error instanceof FileDamaged)) throw error;
    wrong(error.message);
  }
  return { draw, index, row, records: from.map(({ seq }) => seq), texts };
};

/** Only the members that a sample has, in their order. */
const asWritten = (record: unknown): unknown => {
  if (!isObject(record)) return record;
  const bodies = Array.isArray(record['bodies']) ? (record['bodies'] as unknown[]) : [];
  return { sequence: record['sequence'], bodies: bodies.map((body) => (isObject(body) ? { part: body['part'], commitment: body['commitment'], absent: body['absent'], salt: body['salt'], file: body['file'] } : body)) };
};

const checkRecord = async ({ zip, statement, root, closing, sha256 }: Parts, into: string, sequence: number, used: Set<string>, wrong: (what: string, file: string) => void): Promise<void> => {
  const [file, proof] = [`${into}/record-${sequence}.json`, `${into}/record-${sequence}.tlog-proof`];
  used.add(file).add(proof);
  const bytes = await zip.whole(file, MOST_JSON);
  const text = await zip.text(proof, MOST_JSON);
  const end = text.indexOf('\n\n');
  const [head, named, ...lines] = text.slice(0, Math.max(0, end)).split('\n');
  const path = lines.map((line) => fromBase64(line) ?? new Uint8Array(0));
  if (head !== 'c2sp.org/tlog-proof@v1' || named !== `index ${sequence}` || path.length > 64 || text.slice(end + 2) !== closing) wrong(`it is no proof of record ${sequence} under the closing checkpoint`, proof);
  const tree = new Tree(sha256);
  if (!tree.includes(sequence, statement.closing.size, tree.leaf(bytes), path, root)) wrong(`it does not lead from record ${sequence} as it stands in ${file} to the root of the closing checkpoint`, proof);
};

const checkBody = async ({ zip, sha256 }: Parts, into: string, told: unknown, { part, c, sequence }: { readonly part: string; readonly c: string; readonly sequence: number }, used: Set<string>, wrong: (what: string, file?: string) => void): Promise<CheckedSample['texts'][number]> => {
  if (!isObject(told) || told['part'] !== part || told['commitment'] !== c) {
    wrong(`the ${part} that it names is not the one of record ${sequence}`);
    return { part, absent: 'altered' };
  }
  const { absent, file: name, salt } = told;
  if (typeof absent === 'string' && ABSENT.includes(absent) && name === undefined) return { part, absent };
  const file = `${into}/${String(name)}`;
  used.add(file);
  if (typeof name !== 'string' || !/^body-\d+-\d+\.(?:txt|bin)$/.test(name)) {
    wrong(`it names no file for the ${part} of record ${sequence}`);
    return { part, absent: 'altered' };
  }
  const bytes = await zip.whole(file, MOST_BODY);
  if (commitmentOf(salt, bytes, sha256) !== c) wrong(`it is not the ${part} that record ${sequence} commits to`, file);
  const text = name.endsWith('.txt') ? textOf(bytes.subarray(0, MOST_SHOWN)) : undefined;
  return { part, bytes: bytes.length, ...(text === undefined ? {} : { text: bytes.length > MOST_SHOWN ? `${text} ...` : text }) };
};

