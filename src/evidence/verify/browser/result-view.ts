import type { Gap } from '../pack/follow.ts';
import type { PackFault, PackVerdict } from '../pack/verdict.ts';
import { el, facts, moment, number, shown } from './elements.ts';
import { logView } from './log-view.ts';

const NAMED = 20;

/** What verification of a pack found, for people. */
export const resultView = (name: string, verdict: PackVerdict, seconds: number): readonly HTMLElement[] => {
  const { pack, logs } = verdict;
  return [
    el('h2', {}, 'Result'),
    el('div', { class: 'verdicts' }, integrity(verdict), completeness(verdict)),
    whose(verdict),
    el(
      'section',
      {},
      el('h2', {}, 'The pack'),
      facts([
        ['File', shown(name)],
        ['Period', `${moment(pack.query.from)} to ${moment(pack.query.to)}; the end is not part of it`],
        ['Made', `${moment(pack.made.at)} by ${shown(pack.made.by)}, with ${shown(pack.made.with)}. That is what the pack says: nothing proves it`],
        ['Checked', `${verdict.files} files and ${number(logs.reduce((sum, { records }) => sum + records, 0))} records in ${seconds.toFixed(1)} s`],
      ]),
    ),
    ...logs.map((log) => logView(log, pack, logs.length === 1)),
    explained(),
  ];
};

/** Why a file could not be verified at all. */
export const failureView = (title: string, message: string): HTMLElement => el('section', { class: 'notice bad', role: 'alert' }, el('h2', {}, title), el('p', {}, shown(message)));

const integrity = ({ integrity: { ok, faults, faultCount } }: PackVerdict): HTMLElement =>
  el(
    'section',
    { class: ok ? 'good' : 'bad', id: 'integrity' },
    el('p', { class: 'mark' }, ok ? '\u2713 passed' : '\u2717 failed'),
    el('h2', {}, 'Integrity'),
    el('p', {}, ok ? 'Nothing in this pack was altered. Every record is the one that was signed for, and every number and row follows from the records.' : 'Something in this pack is not what it must be. Do not rely on it; ask for the log itself.'),
    list(faults, faultCount),
  );

const completeness = ({ completeness: { verdict, gaps, gapCount, open }, integrity: { ok } }: PackVerdict): HTMLElement => {
  const words = {
    complete: ['good', '\u2713 complete', 'All records of the period are here. No session, no command and no log that the records tell of is missing.'],
    open: ['open', '\u2013 open', 'Nothing is missing so far, but the pack does not show that the period was over.'],
    incomplete: ['bad', '\u2717 incomplete', 'Something that should be here is missing, or the gateway was silent while it ran.'],
  } as const;
  const [kind, mark, says] = ok || verdict === 'incomplete' ? words[verdict] : (['open', '\u2013 not certain', 'What integrity says above comes first: nothing about completeness can be said for certain.'] as const);
  return el('section', { class: kind, id: 'completeness' }, el('p', { class: 'mark' }, mark), el('h2', {}, 'Completeness'), el('p', {}, says), list([...gaps, ...open.map((what) => ({ what }))], gapCount + open.length));
};

const list = (found: readonly (PackFault | Gap)[], count: number): HTMLElement | undefined => {
  if (count === 0) return undefined;
  const items = el('ul');
  for (const one of found.slice(0, NAMED)) items.append(el('li', {}, shown(one.what), ...place(one)));
  if (count > NAMED) items.append(el('li', {}, `and ${count - NAMED} more`));
  return items;
};

const place = ({ file, line, sequence, session, log }: PackFault & Gap): HTMLElement[] => {
  const parts = [file === undefined ? undefined : `${file}${line === undefined ? '' : `, line ${line}`}`, sequence === undefined ? undefined : `record ${sequence}`, session === undefined ? undefined : `session ${session}`, file === undefined ? log : undefined].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [el('span', { class: 'soft' }, ` (${shown(parts.join(', '))})`)];
};

const whose = ({ logs, integrity: { ok } }: PackVerdict): HTMLElement => {
  if (!ok) return el('div');
  if (logs.every(({ key }) => key === 'given')) return el('p', { class: 'notice good' }, 'Every log in the pack is signed by a key that you gave, or by one that it named as its successor.');
  return el('p', { class: 'notice open' }, 'Signed only by the key that the log itself names. Whoever made a whole pack up could have named any key: compare the key below with one from somewhere else, or enter that one above and verify again.');
};

const explained = (): HTMLElement =>
  el(
    'section',
    {},
    el('h2', {}, 'What this means'),
    el('h3', {}, 'What was checked'),
    points(
      'Every file of the pack against the list in it, by size and SHA-256.',
      'Every record from the opening to the closing checkpoint: they are chained, numbered without gaps, and together give the root of the tree that the log signed. Adding, removing or changing one gives another root.',
      'The signatures on all checkpoints, and that the closing one continues the opening one.',
      'Every row of every population, and the report on coverage, by deriving them from the records again.',
      'That the sample is the one that the seed draws, the proof of each sampled record, and each text against what its record commits to.',
      'That the sessions and commands in the records go together: each command has its number, and each that was let through has an end or is known to have none.',
    ),
    el('h3', {}, 'What it does not prove'),
    points(
      'That the gateway saw everything. Traffic that went around it is in no record.',
      'That the gateway was the program it should have been. It could have left something out before writing it.',
      'The times. They are those of the gateway\u2019s clock, unless witnesses or timestamping authorities vouch for them.',
      'That anybody complies with anything. This is evidence for an audit, not its result.',
    ),
  );

const points = (...texts: readonly string[]): HTMLElement => el('ul', {}, ...texts.map((text) => el('li', {}, text)));
