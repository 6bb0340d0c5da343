import type { CheckedSample, LogFindings, PackVerdict } from '../pack/verdict.ts';
import { code, el, facts, moment, number, shown } from './elements.ts';
import { timeline } from './timeline.ts';

const COUNTED: readonly (readonly [string, string])[] = [
  ['sessions', 'sessions'],
  ['commands', 'commands'],
  ['refusals', 'refusals'],
  ['approvals', 'requests for approval'],
  ['answers', 'answers to them'],
  ['changes', 'changes of configuration'],
  ['keys', 'key events'],
  ['retention', 'holds and purges'],
  ['revocations', 'revocations'],
  ['recoveries', 'recoveries'],
  ['accesses', 'accesses to the evidence'],
  ['people', 'what people did in the control plane'],
  ['runs', 'starts and stops'],
];

const ABSENT: Readonly<Record<string, string>> = {
  sealed: 'not in the pack: it was made without the keys. Its commitment is in the record',
  key_destroyed: 'purged: its key was destroyed',
  lost: 'lost with a disk, which the record says',
  missing: 'not found in the log when the pack was made',
  altered: 'did not open, or is not what the record commits to',
  too_large: 'left out: too large for a pack',
};

/** All that was found in one log. */
export const logView = (found: LogFindings, { query }: PackVerdict['pack'], only: boolean): HTMLElement => {
  const { log, rows, coverage, samples } = found;
  const numbers = el('ul', { class: 'numbers' });
  for (const [table, words] of COUNTED) numbers.append(el('li', {}, el('strong', {}, number(rows[table] ?? 0)), words));
  return el(
    'section',
    {},
    el('h2', {}, only ? 'The log' : `Log ${shown(log)}`),
    facts([
      ['Log', code(log)],
      ['Records', `${found.end > found.first ? `${number(found.first)} to ${number(found.end - 1)}` : 'none'} in the period; ${number(found.records)} were checked`],
      ['Checkpoints', `${found.checkpoints} agree with the records and are signed, up to record ${number(found.closing.size - 1)}`],
      ['Signed by', found.key === 'given' ? 'a key that you gave' : found.key === 'log' ? 'the key that the log itself names' : 'no key that is known'],
      ['Key', found.vkey === undefined ? undefined : code(found.vkey)],
      ['Key changes', found.rotations === 0 ? undefined : String(found.rotations)],
      ['Witnessed', found.witnessed ? `by ${found.witnessed.by.length} of ${found.witnessed.of} (${shown(found.witnessed.by.join(', '))}), up to record ${number(found.witnessed.size - 1)}, first at ${moment(found.witnessed.time)}` : undefined],
      ['Timestamps', found.timestamps === 0 ? undefined : `${found.timestamps} are about checkpoints that agree. Their own signatures are checked with openssl ts -verify`],
      ['Root', code(found.closing.root)],
    ]),
    el('h3', {}, 'What is on record'),
    numbers,
    el('p', { class: 'soft' }, 'Each of these was counted again from the records; each row of the CSV and JSON files in the pack is what the records say.'),
    el('h3', {}, 'Coverage of the period'),
    timeline(coverage, query.from, query.to),
    el('h3', {}, 'What was looked for'),
    looked(found),
    el('h3', {}, `The sample: ${samples.length} of ${number(rows['commands'] ?? 0)} commands`),
    el('p', {}, query.seedGiven ? 'Drawn by the seed ' : 'Nobody gave a seed; drawn by one made from the closing root, ', code(query.seed), '. The same seed and root give the same commands to everyone. Each is proved to be in the log.'),
    ...samples.map(sampleView),
  );
};

const looked = ({ coverage }: LogFindings): HTMLElement => {
  const body = el('tbody');
  for (const { looked: what, found } of coverage.exceptions) body.append(el('tr', {}, el('td', {}, shown(what)), el('td', { class: 'number' }, found > 0 ? el('strong', {}, number(found)) : '0')));
  return el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Looked for'), el('th', { scope: 'col', class: 'number' }, 'Found'))), body);
};

const sampleView = ({ draw, row, records, texts }: CheckedSample): HTMLElement => {
  const cell = (name: string): string => (row[name] === null || row[name] === undefined ? '' : shown(row[name]));
  const verdict = cell('code') === '' ? cell('outcome') : `refused: ${cell('code')}`;
  return el(
    'details',
    {},
    el('summary', {}, el('strong', {}, `${draw}. ${cell('verb') || 'command'}`), ` ${cell('identity') || 'somebody unknown'} on ${cell('connection') || 'no connection'}: ${verdict} `, el('span', { class: 'soft' }, moment(cell('time')))),
    ...texts.map(({ part, text, bytes, absent }) => el('div', {}, el('p', { class: 'soft' }, absent === undefined ? `${shown(part)}, as recorded and masked; compared with the commitment in the record` : `${shown(part)}: ${ABSENT[absent] ?? 'not in the pack'}`), text === undefined ? (bytes === undefined ? undefined : el('p', {}, `${number(bytes)} bytes in the protocol's own form, in the pack`)) : el('pre', {}, shown(text)))),
    facts([
      ['Decision', `${cell('decision') || '-'}${cell('rules') === '' ? '' : ` by ${cell('rules')}`}`],
      ['Effects', cell('effects')],
      ['Outcome', `${cell('outcome')}${cell('target_code') === '' ? '' : ` (${cell('target_code')})`}`],
      ['Rows', cell('rows_returned') === '' && cell('rows_affected') === '' ? undefined : `${cell('rows_returned') || '0'} returned, ${cell('rows_affected') || '0'} changed`],
      ['Cells masked', cell('cells_masked')],
      ['Session', code(cell('session'))],
      ['Number in it', cell('command')],
      ['Records', records.map(number).join(', ')],
    ]),
  );
};
