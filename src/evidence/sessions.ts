import type { EvidenceRecord } from './log.ts';
import { logName, parseLeaf, readLog, type Leaf, type LogItem } from './read.ts';
import { SealBroken, type BodyOpener } from './unseal.ts';

/** One recorded session, in a line. */
export interface SessionSummary {
  readonly session: string;
  readonly log: string;
  /** RFC 3339. */
  readonly opened: string;
  readonly ended: string | undefined;
  readonly identity: string;
  readonly connection: string;
  readonly protocol: string;
  readonly peer: string;
  readonly commands: number;
  readonly refusals: number;
  /** `open`: no end recorded (yet). `lost`: the gateway ended before the session did. */
  readonly state: 'open' | 'closed' | 'lost';
  readonly reason: string | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Sessions of a log that were opened in the time given (RFC 3339, from inclusive, until exclusive), in order. */
export const listSessions = async (folder: string, window: { readonly since?: string; readonly until?: string } = {}): Promise<SessionSummary[]> => {
  const log = logName(folder);
  const sessions = new Map<string, Mutable<SessionSummary>>();
  for await (const item of readLog(folder)) {
    if (item.type !== 'leaf') continue;
    const leaf = parseLeaf(item);
    const { record } = leaf;
    if (record.kind === 'session_open') {
      if ((window.since !== undefined && leaf.time < window.since) || (window.until !== undefined && leaf.time >= window.until)) continue;
      sessions.set(record.session, opened(log, leaf, record));
      continue;
    }
    const summary = 'session' in record && record.session !== undefined ? sessions.get(record.session) : undefined;
    if (summary) follow(summary, leaf);
  }
  return [...sessions.values()];
};

const opened = (log: string, { time }: Leaf, record: Extract<EvidenceRecord, { kind: 'session_open' }>): Mutable<SessionSummary> => ({
  session: record.session,
  log,
  opened: time,
  ended: undefined,
  identity: record.principal.identity,
  connection: record.connection,
  protocol: record.protocol,
  peer: record.peer.address,
  commands: 0,
  refusals: 0,
  state: 'open',
  reason: undefined,
});

const follow = (summary: Mutable<SessionSummary>, { time, record }: Leaf): void => {
  if (record.kind === 'intent') summary.commands += 1;
  else if (record.kind === 'refusal') summary.refusals += 1;
  else if (record.kind === 'session_close') Object.assign(summary, { ended: time, state: 'closed', reason: record.reason });
  else if (record.kind === 'recovery' && record.what === 'session_lost') Object.assign(summary, { ended: time, state: 'lost', reason: 'the gateway ended before the session did' });
};

/** A body that belongs to a record: its bytes, or why there are none. */
export type RecordedBody = { readonly part: string; readonly bytes: Buffer } | { readonly part: string; readonly absent: 'key_destroyed' | 'lost' | 'missing' | 'altered' };

export interface TimelineEntry {
  readonly leaf: Leaf;
  readonly bodies: readonly RecordedBody[];
}

/**
 * All records of one session in order, and those about the approvals that its commands name, with their bodies opened; undefined when the
 * log has none. Reads twice or more: bodies stand before the records that refer to them, and approvals were asked for in any session. Holds one session in memory, not more than `mostBytes` of bodies: beyond that bodies are left out (absent: missing).
 */
export const sessionTimeline = async (folder: string, session: string, opener: BodyOpener | undefined, mostBytes = 512 * 1024 * 1024): Promise<TimelineEntry[] | undefined> => {
  const leaves: Leaf[] = [];
  const wanted = new Set<number>();
  const needle = Buffer.from(JSON.stringify(session).slice(1, -1), 'utf8');
  for await (const item of readLog(folder)) {
    if (item.type !== 'leaf' || !item.bytes.includes(needle)) continue;
    const leaf = parseLeaf(item);
    if (!('session' in leaf.record) || leaf.record.session !== session) continue;
    leaves.push(leaf);
  }
  if (leaves.length === 0) return undefined;
  await addApprovals(folder, session, leaves);
  for (const { bodies } of leaves) for (const { frame } of bodies ?? []) if (frame !== undefined) wanted.add(frame);
  const first = leaves[0] as Leaf;
  const found = opener ? await openWanted(readLog(folder, { from: first.seq }), first.log, leaves, wanted, opener, mostBytes) : new Map<string, RecordedBody>();
  return leaves.map((leaf) => ({
    leaf,
    bodies: (leaf.bodies ?? []).map(({ part, frame, entry, lost }) => (lost ? { part, absent: 'lost' as const } : (found.get(`${frame}/${entry}`) ?? { part, absent: opener ? ('missing' as const) : ('key_destroyed' as const) }))),
  }));
};

const APPROVAL = Buffer.from('"kind":"approval"', 'utf8');

/** Another session may have asked first, long before this one came to use the answer. */
const addApprovals = async (folder: string, session: string, leaves: Leaf[]): Promise<void> => {
  const requests = new Set(leaves.flatMap(({ record }) => ((record.kind === 'intent' || record.kind === 'refusal') && record.approval !== undefined ? [record.approval] : [])));
  if (requests.size === 0) return;
  for await (const item of readLog(folder)) {
    if (item.type !== 'leaf' || !item.bytes.includes(APPROVAL)) continue;
    const leaf = parseLeaf(item);
    if (leaf.record.kind === 'approval' && leaf.record.session !== session && requests.has(leaf.record.request)) leaves.push(leaf);
  }
  leaves.sort((a, b) => a.seq - b.seq);
};

const openWanted = async (items: AsyncIterable<LogItem>, log: string, leaves: readonly Leaf[], wanted: ReadonlySet<number>, opener: BodyOpener, mostBytes: number): Promise<Map<string, RecordedBody>> => {
  // Other sessions share the frames: only this session's entries are kept.
  const references = new Map<string, string>();
  for (const leaf of leaves) for (const { frame, entry, part } of leaf.bodies ?? []) references.set(`${frame}/${entry}`, part);
  const byFrame = Map.groupBy(references.keys(), (key) => Number(key.split('/')[0]));
  const found = new Map<string, RecordedBody>();
  let left = wanted.size;
  let room = mostBytes;
  for await (const item of items) {
    if (left === 0) break;
    if (item.type !== 'body' || !wanted.has(item.ordinal)) continue;
    left -= 1;
    const keys = byFrame.get(item.ordinal) ?? [];
    let bodies: ReturnType<BodyOpener['open']>;
    try {
      bodies = opener.open(log, item.ordinal, item.bytes);
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      for (const key of keys) found.set(key, { part: references.get(key) as string, absent: 'altered' });
      continue;
    }
    for (const key of keys) {
      const part = references.get(key) as string;
      const body = bodies?.[Number(key.split('/')[1])];
      if (!bodies) found.set(key, { part, absent: 'key_destroyed' });
      else if (body && body.bytes.length <= room) {
        room -= body.bytes.length;
        // A copy: the frame it lies in holds other sessions' bodies too.
        found.set(key, { part, bytes: Buffer.from(body.bytes) });
      }
    }
  }
  return found;
};
