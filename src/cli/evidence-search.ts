import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { KeysFolder } from '../evidence/keys.ts';
import { nodeDisk } from '../evidence/node-disk.ts';
import { BadFilter, checkFilters, RAN, type SearchFilters } from '../evidence/search/filters.ts';
import { IndexDiffers, type Hit } from '../evidence/search/hits.ts';
import { LogIndex, type SearchAnswer } from '../evidence/search/search.ts';
import { recordAccess } from './access.ts';
import { recordedIn, visible, visibleLine, withRecordedOptions, wrongUse, type Recorded, type RecordedOptions } from './recorded.ts';
import { instant } from './sessions-list.ts';
import { whoAsks } from './who.ts';

interface SearchOptions extends RecordedOptions {
  readonly identity?: string;
  readonly connection?: string;
  readonly verb?: string;
  readonly object?: string;
  readonly decision?: string;
  readonly text?: string;
  readonly rows?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly rebuild?: true;
}

const MOST = 1000;
/** Characters of a text that are shown to people. */
const SHOWN = 600;

/** `wicketgate evidence search`: commands by who, where, what and when, newest first, each read from the log. */
export function registerEvidenceSearch(evidence: Command): void {
  withRecordedOptions(evidence.command('search').description('find recorded commands, newest first; names may have * in them'))
    .option('--identity <name>', 'who')
    .option('--connection <name>', 'where')
    .option('--verb <verb>', 'select, update, drop, drop_table, ...')
    .option('--object <name>', 'table:public.customers, public.customers or customers')
    .option('--text <text>', 'part of the recorded statement or its parameters, whatever its case')
    .option('--decision <decision>', 'allow, require_approval (ran once people had approved), refused, or the reason of a refusal')
    .option('--since <time>', 'at or after: a time as in 2026-11-22T08:00Z, or an age as in 30m, 12h, 7d')
    .option('--until <time>', 'before')
    .option('--rows <comparison>', 'rows returned or changed: ">100", ">=", "<", "<=", "="')
    .addOption(new Option('--limit <count>', `at most so many, up to ${MOST}`).default('50'))
    .option('--rebuild', 'make the index again from the log first')
    .action(search);
}

const search = async (options: SearchOptions): Promise<void> => {
  const filters = filtersOf(options);
  const limit = Number(options.limit);
  if (!filters) return;
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
    wrongUse(`--limit is a number from 1 to ${MOST}`);
    return;
  }
  const recorded = await recordedIn(options);
  if (!recorded) return;
  if (filters.text !== undefined && recorded.keys === undefined) {
    wrongUse('texts are sealed: --text needs --keys, or --config');
    return;
  }
  const { indexes, done } = placeFor(recorded);
  try {
    const keys = recorded.keys === undefined ? undefined : KeysFolder.open(nodeDisk, recorded.keys, false, recorded.kek);
    const answers: SearchAnswer[] = [];
    for (const folder of recorded.folders) {
      const index = new LogIndex({ folder, indexes, keys });
      try {
        if (options.rebuild) index.rebuild();
        await catchUp(index);
        answers.push(index.search(filters, limit));
      } finally {
        index.close();
      }
    }
    const count = answers.reduce((sum, { hits }) => sum + hits.length, 0);
    if (!(await recordAccess(recorded, { act: 'search', by: whoAsks(), filters: told(options), count }))) return;
    if (options.json) process.stdout.write(`${JSON.stringify(answers.map(forPrograms))}\n`);
    else for (const answer of answers) process.stdout.write(described(answer));
  } catch (error) {
    if (!(error instanceof IndexDiffers)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } finally {
    done();
  }
};

/** Undefined after saying what is wrong. */
const filtersOf = (options: SearchOptions): SearchFilters | undefined => {
  const now = Date.now();
  const [since, until] = [instant(options.since, now), instant(options.until, now)];
  if (since === null || until === null) return wrongUse('--since and --until take a time (2026-11-22T08:00Z) or an age (30m, 12h, 7d)');
  const { identity, connection, verb, object, decision, text, rows } = options;
  const given = Object.entries({ identity, connection, verb, object, decision, text, rows }).filter(([, value]) => value !== undefined);
  const filters: SearchFilters = { ...Object.fromEntries(given), ...(since === undefined ? {} : { since: Date.parse(since) }), ...(until === undefined ? {} : { until: Date.parse(until) }) };
  try {
    checkFilters(filters);
    return filters;
  } catch (error) {
    if (error instanceof BadFilter) return wrongUse(error.message);
    throw error;
  }
};

/** The filters as they were given, for the record. */
const told = ({ identity, connection, verb, object, decision, text, rows, since, until }: SearchOptions): Record<string, string> =>
  Object.fromEntries(Object.entries({ identity, connection, verb, object, decision, text, rows, since, until }).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** The gateway's own index, where this is its folder and its user. For anything else one is made, and removed afterwards. */
const placeFor = ({ live }: Recorded): { readonly indexes: string; readonly done: () => void } => {
  if (live && (process.getuid === undefined || statSync(live.gateway.data).uid === process.getuid())) return { indexes: join(live.gateway.data, 'search'), done: () => undefined };
  const indexes = mkdtempSync(join(tmpdir(), 'wicketgate-search-'));
  return { indexes, done: () => rmSync(indexes, { recursive: true, force: true }) };
};

const catchUp = async (index: LogIndex): Promise<void> => {
  let shown = performance.now();
  while (index.step()) {
    if (process.stderr.isTTY && performance.now() - shown > 500) {
      shown = performance.now();
      process.stderr.write(`\rtaking the log into the index: ${index.size} records `);
    }
    await nextTurn();
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
};

const forPrograms = ({ hits, ...answer }: SearchAnswer): unknown => ({
  ...answer,
  hits: hits.map(({ texts, ...hit }) => ({ ...hit, texts: texts.map((text) => ('absent' in text ? text : { part: text.part, text: text.bytes.toString('utf8') })) })),
});

const described = ({ log, size, root, hits, more }: SearchAnswer): string =>
  `${hits.map(sentence).join('')}${hits.length === 0 ? 'nothing found' : `${hits.length} found${more ? ', and there are more (--limit)' : ''}`} in the first ${size} records of ${visibleLine(log)}, root ${root}\n`;

const sentence = ({ sequence, time, session, command, identity, connection, verbs, decision, status, rows, texts }: Hit): string => {
  const where = [identity ?? 'somebody unknown', ...(connection === undefined ? [] : ['on', connection])].join(' ');
  const what = [...(command === undefined ? [] : [`#${command}`]), verbs[0] ?? 'login', RAN.includes(decision) ? decision : `REFUSED ${decision}`].join(' ');
  const end = status === 'refused' ? '' : ` -> ${status}${rows === null ? '' : `, ${rows} rows`}`;
  const shown = texts.map((text) => ('absent' in text ? `[${text.part} ${text.absent === 'key_destroyed' ? 'sealed: its key is not there' : text.absent}]` : cut(text.bytes.toString('utf8'))));
  return `${time}  ${visibleLine(`${where}: ${what}${end}`)}  (record ${sequence}${session === undefined ? '' : `, session ${visibleLine(session)}`})\n${shown.map((text) => `${visible(text).trimEnd().replaceAll(/^/gm, '    ')}\n`).join('')}`;
};

const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)} ... (${text.length} characters)` : text);
