import type { ListedSession } from '../../evidence/search/lists.ts';
import type { SessionSummary } from '../api/schema/sessions.ts';
import type { Services } from '../services.ts';

const time = (at: number): string => new Date(at).toISOString();

type Live = Pick<Services['gate'], 'live'>;

/** A session of the index, with what the gateway knows of it now. */
export const sessionView = (row: ListedSession, { live }: Live): SessionSummary => ({
  id: row.session,
  identity: row.identity,
  connection: row.connection,
  protocol: row.protocol,
  peer: row.peer,
  openedAt: time(row.opened),
  ...(row.closed === null ? {} : { closedAt: time(row.closed) }),
  state: row.state,
  live: live.has(row.session),
  commands: row.commands,
  refused: row.refused,
  ...(row.last === null ? {} : { lastAt: time(row.last) }),
});

/** A session that the index has not reached yet. */
export const liveView = (id: string, { live }: Live): SessionSummary | undefined => {
  const session = live.get(id)?.session;
  return (
    session && {
      id,
      identity: session.principal.identity,
      connection: session.connection,
      protocol: session.protocol,
      peer: session.peer.address,
      openedAt: time(session.openedAt),
      state: 'open',
      live: true,
      commands: 0,
      refused: 0,
    }
  );
};
