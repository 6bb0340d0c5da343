import type { Command } from 'commander';
import { byCertificate } from '../evidence/log.ts';
import { sessionTimeline, type RecordedBody, type TimelineEntry } from '../evidence/sessions.ts';
import { openBodies } from '../evidence/unseal.ts';
import { recordAccess } from './access.ts';
import { answerText, approvalSentence, approversIn } from './approval-words.ts';
import { recordedIn, visible, visibleLine, withRecordedOptions, type RecordedOptions } from './recorded.ts';
import { whoAsks } from './who.ts';

/** `wicketgate sessions show`: one session's records in order, with the recorded form of its statements. */
export function registerSessionsShow(sessions: Command): void {
  withRecordedOptions(sessions.command('show <session>').description('the timeline of one recorded session')).action(show);
}

const show = async (session: string, options: RecordedOptions): Promise<void> => {
  const entries = await timelineOf('show', session, options);
  if (!entries) return;
  if (options.json) process.stdout.write(`${JSON.stringify(entries.map(forPrograms))}\n`);
  else {
    const approvers = approversIn(entries);
    for (const entry of entries) process.stdout.write(describeEntry(entry, approvers));
  }
};

/**
 * The records of a session in whichever of the logs has it, once it is recorded that somebody reads them; undefined after saying what
 * is wrong (exit code 1 or 2).
 */
export const timelineOf = async (act: 'show' | 'replay', session: string, options: RecordedOptions): Promise<TimelineEntry[] | undefined> => {
  const recorded = await recordedIn(options);
  if (!recorded) return undefined;
  const opener = recorded.keys === undefined ? undefined : openBodies(recorded.keys, undefined, recorded.kek);
  for (const folder of recorded.folders) {
    const entries = await sessionTimeline(folder, session, opener);
    if (entries) return (await recordAccess(recorded, { act, by: whoAsks(), recording: session, count: entries.length })) ? entries : undefined;
  }
  process.stderr.write(`no session ${visibleLine(session)} is recorded\n`);
  process.exitCode = 1;
  return undefined;
};

const forPrograms = ({ leaf, bodies }: TimelineEntry): unknown => ({
  log: leaf.log,
  sequence: leaf.seq,
  time: leaf.time,
  record: leaf.record,
  bodies: bodies.map((body) => ('absent' in body ? body : body.part === 'answer' ? { part: body.part, base64: body.bytes.toString('base64') } : { part: body.part, text: body.bytes.toString('utf8') })),
});

const WHY: Readonly<Record<Extract<RecordedBody, { absent: string }>['absent'], string>> = {
  key_destroyed: 'sealed: its key is not there',
  lost: 'lost when the disk failed',
  missing: 'not in the log',
  altered: 'ALTERED: its key does not open it',
};

/** One record for people: time, what, and the sealed texts below it. */
export const describeEntry = ({ leaf, bodies }: TimelineEntry, approvers: ReadonlyMap<string, string> = new Map()): string => {
  const texts = bodies.filter(({ part }) => part !== 'answer').map((body) => ('absent' in body ? `[${body.part} ${WHY[body.absent]}]` : leaf.record.kind === 'approval' && body.part === 'detail' ? answerText(body.bytes) : textOf(body.part, body.bytes)));
  const indented = texts.map((text) => `${visible(text).trimEnd().replaceAll(/^/gm, '    ')}\n`).join('');
  return `${leaf.time}  ${visibleLine(sentence(leaf.record, approvers))}\n${indented}`;
};

const textOf = (part: string, bytes: Buffer): string => {
  const text = bytes.toString('utf8');
  return part === 'statement' ? text : `${part}: ${text}`;
};

const sentence = (record: TimelineEntry['leaf']['record'], approvers: ReadonlyMap<string, string>): string => {
  switch (record.kind) {
    case 'session_open':
      return `session opened by ${record.principal.identity} on ${record.connection} (${record.protocol}) from ${record.peer.address}${record.peer.tls ? ' over TLS' : ''}${byCertificate(record.principal)}`;
    case 'intent':
      return `#${record.command} ${record.verb}: ${record.decision.effect} by ${record.decision.rules[0] ?? 'default'}${record.approval === undefined ? '' : `, approved: request ${record.approval} by ${approvers.get(record.approval) ?? 'nobody that this log knows of'}`}${record.masks.length > 0 ? `, masks ${record.masks.join(', ')}` : ''}`;
    case 'refusal':
      return `${record.command === undefined ? '' : `#${record.command} `}${record.verb ?? 'refused'}: REFUSED ${record.code}${record.decision ? ` by ${record.decision.rules[0] ?? 'default'}` : ''}${record.approval === undefined ? '' : `, request ${record.approval}`}`;
    case 'outcome':
      return `#${record.command} -> ${outcomeOf(record.outcome)}${record.answer?.truncated ? `, recorded ${record.answer.recorded} of ${record.answer.bytes} bytes` : ''}`;
    case 'approval':
      return approvalSentence(record);
    case 'progress':
      return `#${record.command} ... ${record.bytesUp} bytes up, ${record.bytesDown} down`;
    case 'session_close':
      return `session closed: ${record.reason}; ${record.commands} commands, ${record.refused} refused`;
    case 'recovery':
      return record.what === 'session_lost' ? 'session lost: the gateway ended before it did' : `#${record.command ?? '?'} ${record.what}${record.count === undefined ? '' : ` (${record.count})`}`;
    default:
      return record.kind;
  }
};

const outcomeOf = ({ status, code, tag, rowsReturned, rowsAffected, bytesDown, masked }: Extract<TimelineEntry['leaf']['record'], { kind: 'outcome' }>['outcome']): string => {
  const cells = Object.entries(masked ?? {}).map(([rule, count]) => `${rule} ${count}`);
  return [
    status,
    code,
    tag,
    rowsReturned === undefined ? undefined : `${rowsReturned} rows returned`,
    rowsAffected === undefined ? undefined : `${rowsAffected} rows affected`,
    bytesDown === undefined ? undefined : `${bytesDown} bytes`,
    cells.length === 0 ? undefined : `masked ${cells.join(', ')}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
};
