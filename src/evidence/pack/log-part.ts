import * as fs from 'node:fs';
import { isStream } from '../log.ts';
import { nodeDisk } from '../node-disk.ts';
import { logName, parseLeaf } from '../read.ts';
import { leavesOf } from '../tree/leaves.ts';
import { leafHash } from '../tlog/merkle.ts';
import { formatProof } from '../tlog/proof.ts';
import type { BodyOpener } from '../unseal.ts';
import { bodiesOf, type SampledBody } from './bodies.ts';
import { chooseCheckpoints, timestampsOf, type ChosenCheckpoints, type HistoricCheckpoint } from './checkpoints.ts';
import { Coverage } from './coverage.ts';
import { earlierRecords, type EarlierRecord } from './earlier.ts';
import { timeOf, type Period } from './period.ts';
import { Populations, type CommandRow } from './populations.ts';
import { proofsOf, type Proved } from './proofs.ts';
import { drawSample } from './sample.ts';
import { PopulationFiles } from './spool.ts';
import type { ZipFile } from './zip-file.ts';

/** A log whose period goes into a pack, and what signed checkpoints there are around it. */
export interface LogToPack {
  readonly folder: string;
  readonly log: string;
  readonly period: Period;
  readonly chosen: ChosenCheckpoints;
  readonly earlier: readonly EarlierRecord[];
  /** Commands of the period. */
  readonly commands: number;
}

export type OnProgress = (records: number) => void;

/** What the manifest says of a log. */
export interface PackedLog {
  readonly folder: string;
  readonly log: string;
  readonly opening: { readonly size: number; readonly root: string | null };
  readonly closing: { readonly size: number; readonly root: string };
  readonly period: { readonly first: number; readonly end: number };
  /** Records behind the closing checkpoint when the pack was made. */
  readonly behind: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly sampled: number;
}

/** Looks at a log before anything is written: which checkpoints, how many commands, which records from before are needed. */
export const surveyLog = async (folder: string, period: Period, until: string, onProgress: OnProgress): Promise<LogToPack> => {
  const log = logName(folder);
  const chosen = await chooseCheckpoints(nodeDisk, folder, log, period.first, period.open ? Number.POSITIVE_INFINITY : period.end);
  const [from, to] = [chosen.opening?.size ?? 0, chosen.closing.size];
  // What no checkpoint covers cannot be proved, and is not in the pack.
  let end = period.open ? to : Math.min(period.end, to);
  const first = Math.min(period.first, to);
  const begun = new Set<string>();
  const sessions = new Set<string>();
  let commands = 0;
  for await (const { sequence, bytes } of leavesOf(nodeDisk, folder, from, to)) {
    const { record } = parseLeaf({ type: 'leaf', sequence, bytes });
    onProgress(1);
    if (record.kind === 'session_open') begun.add(record.session);
    else if ('session' in record && record.session !== undefined && !begun.has(record.session)) sessions.add(record.session);
    if (period.open && sequence >= period.end && sequence < end && timeOf(bytes) >= until) end = sequence;
    const inPeriod = sequence >= first && sequence < end;
    if (inPeriod && (record.kind === 'intent' || (record.kind === 'refusal' && record.session !== undefined && record.command !== undefined))) commands += 1;
  }
  const earlier = from === 0 ? [] : await earlierRecords(nodeDisk, folder, from, chosen.opening?.note, sessions);
  return { folder, log, period: { ...period, first, end }, chosen, earlier, commands };
};

/** Puts one log into a pack. Rejects with NotWritten, or what the disk says. */
export const packLog = async (zip: ZipFile, into: string, spool: string, of: LogToPack, options: { readonly seed: string; readonly sample: number; readonly opener: BodyOpener | undefined; readonly onProgress: OnProgress }): Promise<PackedLog> => {
  const { folder, log, period, chosen, earlier, commands } = of;
  const { opening, closing } = chosen;
  const drawn = drawSample(options.seed, closing.root, commands, options.sample);
  const { rows, sampled } = await packLeaves(zip, into, spool, of, new Set(drawn), options.onProgress);
  const records = await recordsAt(folder, sampled);
  const wanted = new Map([...earlier.map(({ sequence, bytes }) => [sequence, leafHash(bytes)] as const), ...[...records].map(([sequence, bytes]) => [sequence, leafHash(bytes)] as const)]);
  const proved = await proofsOf(nodeDisk, folder, { opening, closing, leaves: wanted });
  packProofs(zip, `${into}/log`, opening, earlier, proved);
  packCheckpoints(zip, `${into}/checkpoints`, folder, chosen, proved);
  packKeys(zip, into, log, [...earlier.map(({ bytes }) => bytes), ...(await keyEvents(of))]);
  const leaves = [...records].map(([sequence, bytes]) => parseLeaf({ type: 'leaf', sequence, bytes }));
  const bodies = await bodiesOf(nodeDisk, folder, leaves, options.opener);
  for (const [draw, index] of drawn.entries()) {
    const row = sampled.get(index);
    if (row) packSample(zip, `${into}/samples/${String(draw + 1).padStart(4, '0')}`, draw + 1, row, { records, proved, bodies, closing });
  }
  return {
    folder: into,
    log,
    opening: { size: opening?.size ?? 0, root: opening ? opening.root.toString('base64') : null },
    closing: { size: closing.size, root: closing.root.toString('base64') },
    period: { first: period.first, end: period.end },
    behind: Math.max(0, period.size - closing.size),
    rows,
    sampled: drawn.length,
  };
};

/** All leaves between the checkpoints, and what follows from those of the period. */
const packLeaves = async (zip: ZipFile, into: string, spool: string, { folder, period, chosen, earlier }: LogToPack, drawn: ReadonlySet<number>, onProgress: OnProgress): Promise<{ readonly rows: Record<string, number>; readonly sampled: ReadonlyMap<number, CommandRow> }> => {
  const sampled = new Map<number, CommandRow>();
  fs.mkdirSync(spool, { mode: 0o700 });
  const files = new PopulationFiles(spool);
  const populations = new Populations((table, cells, command) => {
    files.row(table, cells);
    if (command && drawn.has(command.index)) sampled.set(command.index, command);
  });
  const coverage = new Coverage();
  for (const { sequence, bytes } of earlier) populations.before(parseLeaf({ type: 'leaf', sequence, bytes }));
  const entry = zip.open(`${into}/log/leaves.bin`);
  for await (const { sequence, bytes } of leavesOf(nodeDisk, folder, chosen.opening?.size ?? 0, chosen.closing.size)) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    entry.stream.write(length);
    entry.stream.write(bytes);
    onProgress(1);
    if (sequence >= period.end) continue;
    const leaf = parseLeaf({ type: 'leaf', sequence, bytes });
    const to = sequence < period.first ? 'before' : 'take';
    populations[to](leaf);
    coverage[to](leaf);
  }
  entry.end();
  populations.finish();
  const rows = files.into(zip, `${into}/populations`);
  zip.add(`${into}/coverage.json`, (stream) => stream.write(`${JSON.stringify(coverage.report(), null, 2)}\n`));
  fs.rmSync(spool, { recursive: true });
  return { rows, sampled };
};

/** Bytes of the records of the sampled commands, by sequence. */
const recordsAt = async (folder: string, sampled: ReadonlyMap<number, CommandRow>): Promise<Map<number, Buffer>> => {
  const wanted = [...new Set([...sampled.values()].flatMap(({ sequences }) => sequences))].sort((a, b) => a - b);
  const found = new Map<number, Buffer>();
  const last = wanted.at(-1);
  if (last === undefined) return found;
  const set = new Set(wanted);
  for await (const { sequence, bytes } of leavesOf(nodeDisk, folder, wanted[0] ?? 0, last + 1)) if (set.has(sequence)) found.set(sequence, Buffer.from(bytes));
  return found;
};

const packProofs = (zip: ZipFile, into: string, opening: HistoricCheckpoint | undefined, earlier: readonly EarlierRecord[], { edge, paths }: Proved): void => {
  zip.add(`${into}/edge.json`, (stream) => stream.write(`${JSON.stringify({ size: opening?.size ?? 0, subtrees: edge.map((node) => node.toString('base64')) }, null, 2)}\n`));
  zip.add(`${into}/earlier.jsonl`, (stream) => {
    for (const { sequence, bytes } of earlier) stream.write(`${JSON.stringify({ sequence, leaf: bytes.toString('base64'), path: (paths.get(sequence) ?? []).map((step) => step.toString('base64')) })}\n`);
  });
};

const packCheckpoints = (zip: ZipFile, into: string, folder: string, { opening, closing, between }: ChosenCheckpoints, { consistency }: Proved): void => {
  if (opening) {
    zip.add(`${into}/opening.txt`, (stream) => stream.write(opening.note));
    zip.add(`${into}/consistency.txt`, (stream) => stream.write(consistency.map((step) => `${step.toString('base64')}\n`).join('')));
  }
  zip.add(`${into}/closing.txt`, (stream) => stream.write(closing.note));
  zip.add(`${into}/between.jsonl`, (stream) => {
    for (const { note } of between) stream.write(`${JSON.stringify({ note })}\n`);
  });
  for (const { name, note, token } of timestampsOf(nodeDisk, folder, opening?.size ?? 0, closing.size)) {
    zip.add(`${into}/timestamps/${name}.note`, (stream) => stream.write(note));
    zip.add(`${into}/timestamps/${name}.tsr`, (stream) => stream.write(token));
  }
};

const keyEvents = async ({ folder, chosen }: LogToPack): Promise<Buffer[]> => {
  const found: Buffer[] = [];
  for await (const { bytes } of leavesOf(nodeDisk, folder, chosen.opening?.size ?? 0, chosen.closing.size)) if (bytes.includes('"kind":"key_event"')) found.push(Buffer.from(bytes));
  return found;
};

/** The keys that the log names, for who wants to compare them with what was published elsewhere. */
const packKeys = (zip: ZipFile, into: string, log: string, leaves: readonly Buffer[]): void => {
  const keys = leaves.flatMap((bytes) => {
    const { seq, time, record } = parseLeaf({ type: 'leaf', sequence: 0, bytes });
    return record.kind === 'key_event' ? [{ sequence: seq, time, event: record.event, vkey: record.vkey }] : [];
  });
  zip.add(`${into}/keys.json`, (stream) => stream.write(`${JSON.stringify(keys, null, 2)}\n`));
  const lines = ['# Keys of this log as the log itself names them. Whoever made a whole log up could name any:', '# compare them with what you have from elsewhere before you use this file with --policy.', `# ${log}`, ...keys.map(({ vkey }) => `log ${vkey}`), 'quorum none'];
  zip.add(`${into}/tlog-policy.txt`, (stream) => stream.write(`${lines.join('\n')}\n`));
};

interface SampleParts {
  readonly records: ReadonlyMap<number, Buffer>;
  readonly proved: Proved;
  readonly bodies: ReadonlyMap<number, readonly SampledBody[]>;
  readonly closing: HistoricCheckpoint;
}

const packSample = (zip: ZipFile, into: string, draw: number, { index, sequences }: CommandRow, { records, proved, bodies, closing }: SampleParts): void => {
  const told = sequences.map((sequence) => ({ sequence, bodies: (bodies.get(sequence) ?? []).map((body, i) => bodyTold(zip, into, sequence, i, body)) }));
  zip.add(`${into}/sample.json`, (stream) => stream.write(`${JSON.stringify({ draw, index, records: told }, null, 2)}\n`));
  for (const sequence of sequences) {
    zip.add(`${into}/record-${sequence}.json`, (stream) => stream.write(records.get(sequence) ?? Buffer.alloc(0)));
    zip.add(`${into}/record-${sequence}.tlog-proof`, (stream) => stream.write(formatProof({ index: sequence, hashes: [...(proved.paths.get(sequence) ?? [])], checkpoint: closing.note })));
  }
};

const bodyTold = (zip: ZipFile, into: string, sequence: number, i: number, body: SampledBody): Record<string, string> => {
  const { part, c } = body;
  if ('absent' in body) return { part, commitment: c, absent: body.absent };
  const kind = isStream(part) ? 'bin' : 'txt';
  const file = `body-${sequence}-${i}.${kind}`;
  zip.add(`${into}/${file}`, (stream) => stream.write(body.bytes));
  return { part, commitment: c, salt: body.salt.toString('hex'), file };
};

