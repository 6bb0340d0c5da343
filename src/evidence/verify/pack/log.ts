import { equal, fromBase64, inBase64, objectIn, type Sha256 } from './bytes.ts';
import { earlierLeaves } from './earlier.ts';
import { Keys } from './keys.ts';
import type { Leaf } from './leaf.ts';
import type { LogStatement, Manifest } from './manifest.ts';
import type { Trust } from './policy.ts';
import { ExpectedPopulations, RowFinder } from './population-files.ts';
import { sampleOf } from './sample.ts';
import { checkSample, type DrawnCommand } from './samples.ts';
import { checkpointIn, Roots, signaturesOn, speaksOf, type PackCheckpoint } from './signatures.ts';
import { Tree } from './tree.ts';
import { Findings, type CheckedSample, type LogFindings } from './verdict.ts';
import { walk, type Breathe, type Walked } from './walk.ts';
import { FileDamaged, type Zip } from './zip.ts';

const MOST_TEXT = 64 * 1024 * 1024;

export interface LogParts {
  readonly zip: Zip;
  readonly manifest: Manifest;
  readonly statement: LogStatement;
  readonly trust: Trust;
  readonly sha256: Sha256;
  readonly findings: Findings;
  /** Files that have a place in a pack. What is in no set at the end has none. */
  readonly used: Set<string>;
  /** Files that are not what the manifest says: they are judged by that already. */
  readonly damaged: ReadonlySet<string>;
  readonly breathe: Breathe;
}

/** Verifies one log of a pack. Throws FileDamaged when a file that everything else needs cannot be read. */
export const verifyLog = async (parts: LogParts): Promise<LogFindings | undefined> => {
  const { zip, manifest, statement, trust, sha256, findings, used } = parts;
  const { folder, log, opening, closing, period } = statement;
  const { fault } = findings;
  for (const name of ['log/leaves.bin', 'log/edge.json', 'log/earlier.jsonl', 'checkpoints/closing.txt', 'checkpoints/between.jsonl', 'coverage.json', 'keys.json', 'tlog-policy.txt']) used.add(`${folder}/${name}`);
  if (opening.size > 0) used.add(`${folder}/checkpoints/opening.txt`).add(`${folder}/checkpoints/consistency.txt`);
  const closed = checkpointIn(await zip.text(`${folder}/checkpoints/closing.txt`, MOST_TEXT), log, { file: `${folder}/checkpoints/closing.txt` }, fault);
  if (!closed) return undefined;
  if (closed.size !== closing.size || inBase64(closed.root) !== closing.root) fault({ what: 'the manifest states another closing checkpoint', file: 'manifest.json', log });
  const opened = opening.size === 0 ? undefined : checkpointIn(await zip.text(`${folder}/checkpoints/opening.txt`, MOST_TEXT), log, { file: `${folder}/checkpoints/opening.txt` }, fault);
  if ((opened?.size ?? 0) !== opening.size || (opened ? inBase64(opened.root) : null) !== opening.root) fault({ what: 'the manifest states another opening checkpoint', file: 'manifest.json', log });
  const tree = new Tree(sha256);
  if (!(await beginTree(parts, tree, opened))) return undefined;
  const { stamped, timestamps } = await timestampsIn(parts);
  const roots = new Roots([closed, ...(opened ? [opened] : []), ...(await between(parts)), ...stamped], fault);
  const earlier = await earlierLeaves(zip, { ...statement, closing: { ...closing, size: closed.size } }, closed.root, sha256, findings);
  const keys = new Keys(log, sha256);
  for (const leaf of earlier) {
    if (leaf.record.kind !== 'key_event') continue;
    const why = await keys.record(leaf);
    if (why !== undefined) fault({ what: why, log, sequence: leaf.seq });
  }
  const population = statement.rows['commands'] ?? 0;
  const drawn = sampleOf(manifest.query.seed, closed.root, Math.min(population, Number.MAX_SAFE_INTEGER), manifest.query.sample, sha256);
  const places = new Map(drawn.map((index, i) => [index, i + 1]));
  const commands: DrawnCommand[] = [];
  const expected = new ExpectedPopulations(sha256);
  const emit: Parameters<typeof walk>[0]['emit'] = (table, cells, from) => {
    expected.row(table, cells);
    const draw = table === 'commands' ? places.get(cells[0] as number) : undefined;
    if (draw !== undefined) commands.push({ draw, index: cells[0] as number, cells, from });
  };
  const walked = await walk({ zip, statement, query: manifest.query, earlier, keys, roots, tree, findings, emit, breathe: parts.breathe });
  roots.finish();
  silent(walked, log, findings);
  if (tree.size !== closed.size) fault({ what: `the closing checkpoint covers ${closed.size} records, the file of records ends with ${tree.size}`, file: `${folder}/log/leaves.bin`, log });
  if (opened && !tree.extends(opened.size, opened.root, closed.size, closed.root, await consistency(parts))) fault({ what: 'it does not prove that the closing checkpoint continues the opening one', file: `${folder}/checkpoints/consistency.txt`, log });
  const signed = await signaturesOn(roots.agree, log, keys, trust, fault);
  unwitnessed(trust, signed.witnessed, roots, walked, closed.size, log, findings);
  const { rows, digests } = expected.finish();
  await comparePopulations(parts, rows, digests, earlier);
  await compareText(parts, `${folder}/keys.json`, `${JSON.stringify(keys.told, null, 2)}\n`, 'it does not name the keys that the records name');
  await compareText(parts, `${folder}/tlog-policy.txt`, policyText(log, keys), 'it does not name the keys that the records name');
  await compareText(parts, `${folder}/coverage.json`, `${JSON.stringify(walked.coverage, null, 2)}\n`, 'it is not what the records say about the period');
  const samples: CheckedSample[] = [];
  for (const command of commands.sort((a, b) => a.draw - b.draw)) samples.push(await checkSample({ zip, statement, root: closed.root, closing: await zip.text(`${folder}/checkpoints/closing.txt`, MOST_TEXT), sha256, findings }, command, used));
  if (statement.sampled !== drawn.length) fault({ what: `the seed draws ${drawn.length} commands, the manifest says ${statement.sampled}`, file: 'manifest.json', log });
  endOf(parts, walked, closed.size);
  return {
    log,
    first: period.first,
    end: period.end,
    opening: { size: opening.size },
    closing: { size: closed.size, root: inBase64(closed.root) },
    records: walked.records,
    ...signed,
    ...(keys.current ? { vkey: keys.current.vkey } : {}),
    rotations: keys.rotations,
    timestamps,
    rows,
    coverage: walked.coverage,
    samples,
    behind: statement.behind,
  };
};

/** A gateway submits to witnesses every ten seconds and tells people when it was not witnessed for so long. */
const UNWITNESSED_MS = 300_000;

/** An early checkpoint that witnesses cosigned says nothing about what was written long after it. */
const unwitnessed = ({ quorum }: Trust, witnessed: LogFindings['witnessed'], roots: Roots, { passedMs }: Walked, size: number, log: string, { gap }: Findings): void => {
  if (!quorum || !witnessed) return;
  const behind = passedMs - (roots.behind(witnessed.size) ?? passedMs);
  if (behind <= UNWITNESSED_MS) return;
  gap({ what: `records ${witnessed.size} to ${size - 1}, written over ${Math.round(behind / 60_000)} min, are under no checkpoint that as many witnesses cosigned as the policy asks for: who has the key could have rewritten them`, log, sequence: witnessed.size });
};

const beginTree = async ({ zip, statement: { folder, log }, findings: { fault } }: LogParts, tree: Tree, opened: PackCheckpoint | undefined): Promise<boolean> => {
  const file = `${folder}/log/edge.json`;
  const text = await zip.text(file, MOST_TEXT);
  const { size, subtrees } = objectIn(text) ?? {};
  const nodes = Array.isArray(subtrees) ? subtrees.map((node) => (typeof node === 'string' ? fromBase64(node) : undefined)) : [undefined];
  const good = text === `${JSON.stringify({ size, subtrees }, null, 2)}\n` && size === (opened?.size ?? 0) && nodes.every((node) => node !== undefined) && tree.begin(opened?.size ?? 0, nodes) && (!opened || equal(tree.root(), opened.root));
  if (!good) fault({ what: 'it does not give the root of the opening checkpoint: nothing behind it can be proved', file, log });
  return good;
};

const between = async ({ zip, statement: { folder, log }, findings: { fault } }: LogParts): Promise<PackCheckpoint[]> => {
  const file = `${folder}/checkpoints/between.jsonl`;
  const lines = (await zip.text(file, MOST_TEXT)).split('\n');
  if (lines.pop() !== '') fault({ what: 'its last line is cut', file, log });
  return lines.flatMap((text, i) => {
    const note = objectIn(text)?.['note'];
    if (text !== JSON.stringify({ note })) fault({ what: 'it is no line with a checkpoint', file, line: i + 1, log });
    const found = checkpointIn(typeof note === 'string' ? note : '', log, { file, line: i + 1 }, fault);
    return found ? [found] : [];
  });
};

const consistency = async ({ zip, statement: { folder } }: LogParts): Promise<Uint8Array[]> => {
  const lines = (await zip.text(`${folder}/checkpoints/consistency.txt`, MOST_TEXT)).split('\n');
  // Anything but whole lines makes a path that leads nowhere.
  if (lines.pop() !== '' || lines.length > 128) return [new Uint8Array(0)];
  return lines.map((line) => fromBase64(line) ?? new Uint8Array(0));
};

const policyText = (log: string, { told }: Keys): string =>
  ['# Keys of this log as the log itself names them. Whoever made a whole log up could name any:', '# compare them with what you have from elsewhere before you use this file with --policy.', `# ${log}`, ...told.map(({ vkey }) => `log ${String(vkey)}`), 'quorum none', ''].join('\n');

/** Checkpoints that an authority time-stamped: they must agree as all others, and the token must be about them. */
const timestampsIn = async ({ zip, statement: { folder, log }, findings: { fault }, used, sha256 }: LogParts): Promise<{ readonly stamped: PackCheckpoint[]; readonly timestamps: number }> => {
  const stamped: PackCheckpoint[] = [];
  for (const path of [...zip.entries.keys()].filter((name) => name.startsWith(`${folder}/checkpoints/timestamps/`) && name.endsWith('.note'))) {
    const token = `${path.slice(0, -5)}.tsr`;
    used.add(path).add(token);
    const note = await zip.whole(path, MOST_TEXT);
    const found = checkpointIn(new TextDecoder().decode(note), log, { file: path }, fault);
    if (!zip.entries.has(token) || !speaksOf(await zip.whole(token, MOST_TEXT), note, sha256)) fault({ what: 'this timestamp is not about the checkpoint beside it', file: token, log });
    else if (found) stamped.push(found);
  }
  return { stamped, timestamps: stamped.length };
};

/** Each population file against what the records give; of one that differs the first row is found by going through the records again. */
const comparePopulations = async (parts: LogParts, rows: Readonly<Record<string, number>>, digests: ReadonlyMap<string, string>, earlier: readonly Leaf[]): Promise<void> => {
  const { zip, manifest, statement, findings, used, sha256, damaged } = parts;
  const { folder, log } = statement;
  for (const [name, digest] of digests) {
    const path = `${folder}/populations/${name}`;
    used.add(path);
    if (!zip.entries.has(path) || (manifest.files.get(path)?.sha256 === digest && !damaged.has(path))) continue;
    try {
      const finder = new RowFinder(zip, path);
      // The other findings of the records are known from the first time.
      await walk({ zip, statement, query: manifest.query, earlier, keys: new Keys(log, sha256), roots: new Roots([], () => undefined), tree: againAt(statement, sha256), findings: new Findings(), emit: (table, cells) => finder.row(table, cells), breathe: async (records) => {
        await finder.compare();
        await parts.breathe(records);
      } });
      const line = await finder.finish();
      if (line !== undefined) findings.fault({ what: 'this row is not what the records say', file: path, line, log });
    } catch (error) {
      if (!(error instanceof FileDamaged)) throw error;
      findings.fault({ what: error.message, file: path, log });
    }
  }
  for (const [table, count] of Object.entries(rows)) if (statement.rows[table] !== count) findings.fault({ what: `the manifest counts ${String(statement.rows[table])} ${table}, the records give ${count}`, file: 'manifest.json', log });
};

/** A tree that only counts: the roots were compared the first time. */
const againAt = ({ opening }: LogStatement, sha256: Sha256): Tree => {
  const tree = new Tree(sha256);
  tree.begin(opening.size, Array.from({ length: opening.size.toString(2).replaceAll('0', '').length }, () => new Uint8Array(32)));
  return tree;
};

const compareText = async ({ zip, statement: { log }, findings }: LogParts, file: string, text: string, what: string): Promise<void> => {
  const there = await zip.text(file, MOST_TEXT);
  if (there === text) return;
  const [is, must] = [there.split('\n'), text.split('\n')];
  const line = must.findIndex((one, i) => one !== is[i]);
  findings.fault({ what, file, line: (line < 0 ? must.length : line) + 1, log });
};

/** A gateway that ran and wrote nothing, not even a heartbeat: what it did meanwhile is not known. */
const silent = ({ coverage: { silences, exceptions } }: Walked, log: string, { gap }: Findings): void => {
  for (const { sequence, from, to } of silences) gap({ what: `the gateway ran but wrote nothing, not even a heartbeat, from ${from} to ${to}`, log, sequence });
  const unnamed = (exceptions[0]?.found ?? 0) - silences.length;
  if (unnamed > 0) gap({ what: `the gateway was silent ${unnamed} more times`, log });
};

/** Whether the pack shows that its period was over. */
const endOf = ({ statement: { log, period, opening }, findings }: LogParts, { stopped }: Walked, size: number): void => {
  if (period.first > period.end || period.end > size || period.first < opening.size) findings.fault({ what: 'the manifest states a period that its records do not cover', file: 'manifest.json', log });
  else if (period.first > 0 && period.first < period.end && opening.size >= period.first) findings.fault({ what: 'the pack does not show the record before the period', file: 'manifest.json', log });
  if (period.end === size && !stopped) findings.open.push(`${log}: no record from after the period is in the pack. It was not over when the pack was made, or what followed was not signed yet`);
};

