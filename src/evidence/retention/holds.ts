import type { EvidenceRecord } from '../log.ts';

/** A legal hold that is in force: what it covers is not purged. Each part that is given narrows it; with none it covers everything. */
export interface Hold {
  readonly name: string;
  readonly by: string;
  readonly reason: string;
  /** RFC 3339: when it was recorded. */
  readonly since: string;
  readonly connections?: readonly string[];
  readonly sessions?: readonly string[];
  /** First and last UTC day, inclusive. */
  readonly from?: string;
  readonly to?: string;
}

/** Where a recorded session has bodies: on its connection, from the day it opened to the day of its last record. */
export interface SessionSpan {
  readonly connection: string;
  readonly from: string;
  readonly to: string;
}

/** The holds in force, folded from the log's records in order. The log is the record; this is what follows from it. */
export class Holds {
  readonly #holds = new Map<string, Hold>();

  apply(record: EvidenceRecord, time: string): void {
    if (record.kind !== 'hold') return;
    if (record.event === 'remove') {
      this.#holds.delete(record.name);
      return;
    }
    const { name, by, reason, connections, sessions, from, to } = record;
    this.#holds.set(name, {
      name,
      by,
      reason,
      since: time,
      ...(connections ? { connections } : {}),
      ...(sessions ? { sessions } : {}),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
  }

  get list(): readonly Hold[] {
    return [...this.#holds.values()];
  }
}

/**
 * Whether a hold keeps the bodies of a connection and UTC day. Keys are for a connection and a day, so a hold on a session keeps
 * all that its connection recorded on the days of that session. A session that is not in the log holds its days everywhere:
 * better too much than too little.
 */
export const holds = (hold: Hold, connection: string, day: string, spans: ReadonlyMap<string, SessionSpan>): boolean => {
  if (hold.connections && !hold.connections.includes(connection)) return false;
  if ((hold.from !== undefined && day < hold.from) || (hold.to !== undefined && day > hold.to)) return false;
  if (!hold.sessions) return true;
  return hold.sessions.some((session) => {
    const span = spans.get(session);
    return !span || (span.connection === connection && span.from <= day && day <= span.to);
  });
};
