import * as fs from 'node:fs';
import { Checkpoints, type KeptCheckpoint, type Trust } from './checkpoints.ts';
import { checkpointLock } from './kept.ts';
import { TileFiles } from './tile-files.ts';
import { inBase64, inHex } from './tree.ts';
import { Unsealer } from './unseal.ts';
import { NotEvidence, type Fault, type Verdict } from './verdict.ts';
import { Walk, type Progress } from './walk.ts';

export { NotEvidence, type CheckpointFindings, type Fault, type Verdict } from './verdict.ts';

export interface VerifyOptions {
  /** A keys folder, or a copy: then bodies are opened and compared with what the records commit to, and the checkpoint lock is asked. */
  readonly keys?: string;
  /** Keys and witnesses that the auditor trusts, from elsewhere. */
  readonly trust?: Trust;
  /** Checkpoints that the auditor kept: those of other logs are ignored. */
  readonly kept?: readonly KeptCheckpoint[];
  readonly onProgress?: (done: Progress) => void;
}

const FORMAT = 1;

/** Verifies a log folder, live or a copy, offline. Rejects with NotEvidence; whatever is wrong inside is in the verdict. */
export const verify = async (folder: string, options: VerifyOptions = {}): Promise<Verdict> => {
  const log = logOf(folder);
  const unsealer = options.keys === undefined ? undefined : new Unsealer(options.keys);
  const kept = [...(options.kept ?? []), ...(options.keys === undefined ? [] : checkpointLock(options.keys))].filter(({ checkpoint }) => checkpoint.origin === log);
  const { keys = [], policy } = options.trust ?? {};
  const begun = performance.now();
  // Before the records: a log in use grows, and what is signed by now is there by then.
  const checkpoints = new Checkpoints(folder, log, kept, { keys: keys.filter(({ name }) => name === log), policy });
  const names = segmentsOf(folder);
  const tiles = new TileFiles(folder);
  const walk = new Walk(folder, log, { unsealer, table: checkpoints.table, tiles, onProgress: options.onProgress });
  const broken = await walk.all(names);
  const { records, bodies } = walk;
  const { follow } = records;
  const { stopped, openSessions, openCommands } = follow.end();
  bodies.finish();
  const beyond = broken ? undefined : tiles.finish();
  if (beyond !== undefined) follow.gap(`the tail is missing: ${beyond}`, walk.sequence);
  // A log in use is written on while it is read; its checkpoints were read before.
  const reading = performance.now() - begun;
  const judged = await checkpoints.judge({ records: walk.sequence, broken: broken !== undefined, history: records.history, uncoveredMs: records.uncoveredMs - reading, passedMs: records.timeline.passed - reading });
  for (const { what, sequence } of judged.gaps) follow.gap(what, sequence ?? walk.sequence);
  const faults = ordered(broken, judged.faults, tiles.faults);
  const missing = follow.count > 0 || broken !== undefined || walk.sequence === 0;
  const { sessions, commands, refusals, runs, crashes, unknownKinds, recovered } = follow;
  const { frames, references, committed, withoutKey, lost, unchecked, unreferred } = bodies;
  return {
    log,
    records: walk.sequence,
    segments: names.length,
    first: records.first,
    last: records.last,
    head: walk.head === undefined ? undefined : inHex(walk.head),
    root: inBase64(walk.root),
    integrity: faults[0] ? { ok: false, fault: faults[0], ...(faults.length > 1 ? { further: faults.slice(1) } : {}) } : { ok: true },
    completeness: {
      verdict: missing ? 'incomplete' : stopped && !walk.torn ? 'complete' : 'open',
      gaps: broken ? [{ what: `nothing from record ${walk.sequence} on could be followed: see integrity`, sequence: walk.sequence }, ...follow.gaps] : follow.gaps,
      gapCount: follow.count + (broken ? 1 : 0),
      openSessions,
      openCommands,
      ...(walk.torn ? { tornTail: walk.torn } : {}),
    },
    checkpoints: { ...judged.findings, tiles: tiles.compared, tilesMissing: tiles.missing },
    clock: { setBack: records.timeline.setBack, steps: records.timeline.steps, stepCount: records.timeline.stepCount },
    roster: [...records.roster],
    ...(records.predecessor ? { follows: records.predecessor.log } : {}),
    selfChecks: records.selfChecks,
    counts: { sessions, commands, refusals, approvals: { ...follow.approvals.counts }, runs, crashes, unknownKinds, recovered },
    purges: records.purges.findings((id) => unsealer?.has(id) === true),
    bodies: { frames, references, committed, withoutKey, lost, unchecked, unreferred },
  };
};

/**
 * All faults, the one that tells most first. A checkpoint that the records contradict is the gravest but names a range; a tile that
 * disagrees within it names the record.
 */
const ordered = (broken: Fault | undefined, signed: readonly Fault[], tiles: readonly Fault[]): Fault[] => {
  const [first, ...others] = signed;
  const pointed = tiles.find(({ sequence }) => first?.sequence !== undefined && sequence !== undefined && sequence >= first.sequence);
  const named = first && pointed && first.what.startsWith('the log was rewritten') ? { ...first, what: `${first.what}; by the tiles, record ${pointed.sequence} is the first`, ...(pointed.sequence === undefined ? {} : { sequence: pointed.sequence }) } : first;
  return [...(broken ? [broken] : []), ...(named ? [named] : []), ...others, ...tiles];
};

const segmentsOf = (folder: string): string[] => {
  const names = fs.readdirSync(folder).filter((name) => /^\d{8}\.seg$/.test(name)).sort();
  if (names.length === 0) throw new NotEvidence(`${folder} holds no segment`);
  return names;
};

/** Name of the log in a folder. Throws NotEvidence. */
export const logOf = (folder: string): string => {
  const path = `${folder}/log.json`;
  let text: string;
  try {
    const stat = fs.lstatSync(path);
    if (!stat.isFile() || stat.size > 65_536) throw new Error('no plain small file');
    text = fs.readFileSync(path, 'utf8');
  } catch {
    throw new NotEvidence(`${folder} is not an evidence folder: it has no log.json that can be read`);
  }
  let said: { format?: unknown; log?: unknown };
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    throw new NotEvidence(`${path} is not JSON`);
  }
  if (typeof said?.log !== 'string' || typeof said.format !== 'number') throw new NotEvidence(`${path} does not name a log`);
  if (said.format !== FORMAT) throw new NotEvidence(`${folder} is of format ${said.format}; this verifier reads format ${FORMAT}`);
  return said.log;
};
