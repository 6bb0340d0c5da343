import { byCertificate } from '../../evidence/log.ts';
import type { Leaf } from '../../evidence/read.ts';
import type { RecordedCommand } from '../../evidence/search/hits.ts';
import { wordsOf } from '../../evidence/search/rows.ts';
import type { RecordedBody } from '../../evidence/sessions.ts';
import type { TimelineEntry } from '../api/schema/sessions.ts';

/** Characters of one recorded text that are shown at once. */
const MOST_TEXT = 65_536;

/** Recorded texts for pages: hostile, so never more than text, and cut where it is too much. */
export const shownTexts = (texts: readonly RecordedBody[]): TimelineEntry['texts'] =>
  texts.map((body) => {
    if ('absent' in body) return { part: body.part, absent: body.absent };
    const text = body.bytes.toString('utf8');
    return text.length > MOST_TEXT ? { part: body.part, text: text.slice(0, MOST_TEXT).toWellFormed(), cut: true } : { part: body.part, text };
  });

/** A command as a step of its session. */
export const commandStep = ({ leaf, record, ending, texts }: RecordedCommand): TimelineEntry => {
  const { objects } = wordsOf(record);
  const refused = record.kind === 'refusal';
  const { decision, approval } = record;
  const effect = decision?.effect;
  const by = decision?.rules[0];
  const outcome = ending?.record.kind === 'outcome' ? outcomeView(ending.record) : ending ? { status: 'indeterminate', masked: {} } : undefined;
  const what = record.verb ?? 'command';
  const shown = shownTexts(texts);
  const reason = shown.find(({ part, text }) => part === 'reason' && text !== undefined)?.text;
  return {
    sequence: leaf.seq,
    at: leaf.time,
    kind: refused ? 'refused' : 'command',
    ...(record.command === undefined ? {} : { command: record.command }),
    ...(record.verb === undefined ? {} : { verb: record.verb }),
    objects: [...objects],
    ...(decision ? { decision: { effect: decision.effect, rules: [...decision.rules], policy: decision.policy } } : {}),
    ...(refused ? { code: record.code } : {}),
    ...(approval === undefined ? {} : { approval }),
    masks: record.kind === 'intent' ? [...record.masks] : [],
    texts: reason === undefined ? shown : shown.filter(({ part }) => part !== 'reason'),
    ...(reason === undefined ? {} : { reason }),
    ...(outcome && ending ? { outcome, outcomeAt: ending.leaf.time } : {}),
    words: refused ? `${what}: refused, ${record.code}${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : `: ${reason}`}` : `${what}: ${effect}${by === undefined ? '' : ` by ${by}`}${outcome ? `; ${outcome.status}` : '; no outcome yet'}`,
  };
};

type OutcomeRecord = Extract<Leaf['record'], { kind: 'outcome' }>;

const outcomeView = ({ outcome, answer, data }: OutcomeRecord): NonNullable<TimelineEntry['outcome']> => ({
  status: outcome.status,
  ...(outcome.code === undefined ? {} : { code: outcome.code }),
  ...(outcome.tag === undefined ? {} : { tag: outcome.tag }),
  ...(outcome.rowsReturned === undefined ? {} : { rowsReturned: outcome.rowsReturned }),
  ...(outcome.rowsAffected === undefined ? {} : { rowsAffected: outcome.rowsAffected }),
  ...(outcome.bytesDown === undefined ? {} : { bytesDown: outcome.bytesDown }),
  ...(outcome.bytesUp === undefined ? {} : { bytesUp: outcome.bytesUp }),
  masked: { ...outcome.masked },
  ...(answer ? { recorded: answer.recorded, truncated: answer.truncated } : {}),
  ...(data ? { recordedData: data.recorded } : {}),
});

/** The record that opened or ended a session, as a step of it. */
export const edgeStep = ({ seq, time, record }: Leaf): TimelineEntry => {
  const base = { sequence: seq, at: time, objects: [], masks: [], texts: [] };
  switch (record.kind) {
    case 'session_open':
      return { ...base, kind: 'opened', words: `opened by ${record.principal.identity} on ${record.connection} from ${record.peer.address}${record.peer.tls ? ' over TLS' : ''}${byCertificate(record.principal)}` };
    case 'session_close':
      return { ...base, kind: 'closed', words: `closed: ${record.reason}; ${record.commands} commands, ${record.refused} refused` };
    case 'recovery':
      return { ...base, kind: 'lost', words: 'lost: the gateway ended before the session did' };
    default:
      return { ...base, kind: 'other', words: record.kind };
  }
};
