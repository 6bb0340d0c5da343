import { lasting } from '../evidence/verify/timeline.ts';
import type { MissingLog } from '../evidence/verify/deployment.ts';
import type { Fault, Verdict } from '../evidence/verify/verify.ts';
import { visibleLine } from './recorded.ts';

/** How many of a kind are named; the others are counted. --json has more. */
const NAMED = 10;

/** What verification found, for people. `stranger`: keys were given, but none of this log. */
export const describeVerdict = (folder: string, verdict: Verdict, stranger = false): string => {
  const { counts, bodies } = verdict;
  const lines = [
    `${visibleLine(folder)}: log ${visibleLine(verdict.log ?? '?')}`,
    `  ${verdict.records} records in ${verdict.segments} segments, ${verdict.first ?? '-'} to ${verdict.last ?? '-'}`,
    `  ${counts.sessions} sessions, ${counts.commands} commands, ${counts.refusals} refusals, ${counts.runs} runs of the gateway${counts.crashes > 0 ? `, ${counts.crashes} of them ended without a stop` : ''}`,
    ...approvalLines(counts.approvals),
    `  ${bodies.frames} sealed bodies, ${bodies.references} references, ${bodies.committed} compared with their commitment${bodies.withoutKey > 0 ? `, ${bodies.withoutKey} whose key is gone` : ''}${bodies.lost > 0 ? `, ${bodies.lost} lost with a disk` : ''}${bodies.unchecked > 0 ? `, ${bodies.unchecked} too far back to check` : ''}`,
    ...purgeLines(verdict),
    ...(verdict.head === undefined ? [] : [`  head ${verdict.head} after record ${verdict.records - 1}`]),
    `  root ${verdict.root} over ${verdict.records} records`,
    ...noteLines(verdict),
    ...checkpointLines(verdict, stranger),
    ...integrityLines(verdict),
    ...completenessLines(verdict.completeness),
  ];
  return `${lines.join('\n')}\n`;
};

/** Nothing where nobody was asked. */
const approvalLines = ({ requests, answers, forced, used }: Verdict['counts']['approvals']): string[] =>
  requests + answers + used === 0 ? [] : [`  ${requests} requests for approval, ${answers} answers${forced > 0 ? `, ${forced} of them FORCED (break-glass)` : ''}, ${used} commands that an approval let through`];

/** Bodies that cannot be opened: because a purge destroyed their key, or for no reason that the log tells. */
const purgeLines = ({ purges: { purged, unexplained, thereAgain } }: Verdict): string[] => [
  ...purged.slice(0, NAMED).map(({ record, keys, frames }) => `  purge in record ${record}: ${keys} ${keys === 1 ? 'key' : 'keys'} destroyed${frames > 0 ? `, ${frames} sealed bodies stay closed` : ''}`),
  ...(purged.length > NAMED ? [`  and ${purged.length - NAMED} more purges`] : []),
  ...(unexplained.frames > 0 ? [`  KEYS MISSING: ${unexplained.frames} sealed bodies cannot be opened, and no purge tells why: ${unexplained.keys.slice(0, NAMED).map(visibleLine).join(', ')}${unexplained.keyCount > NAMED ? ` and ${unexplained.keyCount - NAMED} more` : ''}`] : []),
  ...(thereAgain.length > 0 ? [`  KEYS THERE AGAIN: ${thereAgain.length} that a purge destroyed are in the keys folder: ${thereAgain.slice(0, NAMED).map(visibleLine).join(', ')}`] : []),
];

/** Logs that others tell of and that were not given. */
export const describeMissing = (missing: readonly (MissingLog & { readonly failure: boolean })[]): string => {
  const failures = missing.filter(({ failure }) => failure);
  const others = missing.length - failures.length;
  const lines = [
    ...failures.slice(0, NAMED).map(({ log, namedBy }) => `MISSING LOG   ${visibleLine(log)} is not among the folders given; ${visibleLine(namedBy)} tells of it`),
    ...(failures.length > NAMED ? [`MISSING LOG   and ${failures.length - NAMED} more`] : []),
    ...(others > 0 ? [`NOTE          the log tells of ${others} more of its deployment, which were not given: ${missing.slice(0, NAMED).map(({ log }) => visibleLine(log)).join(', ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
};

const noteLines = ({ clock, selfChecks }: Verdict): string[] => [
  ...clock.steps.slice(0, NAMED).map(({ sequence, by, from, to }) => `  clock set ${by < 0 ? 'back' : 'forward'} by ${lasting(by)} at record ${sequence}: ${from} was followed by ${to}`),
  ...(clock.stepCount > NAMED ? [`  and ${clock.stepCount - NAMED} more steps of the clock`] : []),
  ...(selfChecks.failed > 0 ? [`  the gateway itself found ${selfChecks.failed} of its ${selfChecks.failed + selfChecks.passed} checks of this log to fail`] : []),
];

const checkpointLines = ({ checkpoints, records }: Verdict, stranger: boolean): string[] => {
  const { agree, covered, latestTime, key, vkey, rotations, kept, witnessed, tiles, tilesMissing, unchecked } = checkpoints;
  if (agree === 0) return ['CHECKPOINTS   none agrees or none is there: nothing signed protects these records, and who can write the folder could have made them'];
  const whose =
    key === 'given'
      ? 'a key that you gave'
      : stranger
        ? 'NOT ONE of the keys that you gave: none is of this log'
        : 'the key that the log itself names. That proves less: who made the whole folder up could name any key. Give --vkey or --policy from elsewhere';
  return [
    key === 'none'
      ? `CHECKPOINTS   ${agree} agree, but no key is known: their signatures were not checked`
      : `CHECKPOINTS   ${agree} agree, up to record ${covered - 1}${latestTime === undefined ? '' : ` (${latestTime})`}; ${records - covered} records came after${unchecked > 0 ? `; ${unchecked} more were not compared` : ''}`,
    ...(key === 'none' ? [] : [`              signed by ${whose}`]),
    ...(vkey === undefined ? [] : [`              ${visibleLine(vkey)}${rotations > 0 ? `, after ${rotations} ${rotations === 1 ? 'rotation' : 'rotations'}` : ''}`]),
    ...(kept > 0 ? [`              ${kept} that did not come from this folder agree as well`] : []),
    ...(witnessed ? [`              witnessed up to record ${witnessed.size - 1} by ${witnessed.by.length} of ${witnessed.of}: ${visibleLine(witnessed.by.join(', '))}${witnessed.time === undefined ? '' : `, first at ${witnessed.time}`}`] : []),
    ...(tiles > 0 ? [`              ${tiles} hash tiles agree or are named below${tilesMissing > 0 ? `, ${tilesMissing} are not there` : ''}`] : []),
  ];
};

const integrityLines = ({ integrity }: Verdict): string[] => {
  if (!integrity.fault) return ['INTEGRITY     ok: no record that is there was altered'];
  const further = integrity.further ?? [];
  return [
    `INTEGRITY     FAILED: ${visibleLine(integrity.fault.what)}${place(integrity.fault)}`,
    ...further.slice(0, NAMED).map((fault) => `  also ${visibleLine(fault.what)}${place(fault)}`),
    ...(further.length > NAMED ? [`  and ${further.length - NAMED} more`] : []),
  ];
};

const place = ({ sequence, segment, position, line }: Fault): string => {
  const parts = [...(sequence === undefined ? [] : [`record ${sequence}`]), ...(segment === undefined ? [] : [`${visibleLine(segment)}${position === undefined ? '' : ` at byte ${position}`}${line === undefined ? '' : ` line ${line}`}`])];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
};

const completenessLines = ({ verdict, gaps, gapCount, openSessions, openCommands, tornTail }: Verdict['completeness']): string[] => {
  const torn = tornTail ? `; ${tornTail.bytes} bytes behind it are no record: ${tornTail.what}${place(tornTail)}, as a crash leaves it` : '';
  if (verdict === 'complete') return ['COMPLETENESS  ok: every session and command has its end, and the log ends with a stop'];
  if (verdict === 'open') return [`COMPLETENESS  ok up to the last record; the log is open (in use, or ended without a stop): ${openSessions} sessions and ${openCommands} commands without an end${torn}`];
  return [
    `COMPLETENESS  FAILED: ${gapCount} ${gapCount === 1 ? 'gap' : 'gaps'}${torn}`,
    ...gaps.slice(0, NAMED).map(({ what, sequence, session }) => `  record ${sequence ?? '?'}${session === undefined ? '' : `, session ${visibleLine(session)}`}: ${visibleLine(what)}`),
    ...(gapCount > NAMED ? [`  and ${gapCount - NAMED} more`] : []),
  ];
};
