import { ALL_ROLES, defineAction, READERS } from '../api/action.ts';
import { DEFAULT_LIMIT, numberIn } from '../api/cursor.ts';
import { Refused } from '../api/refused.ts';
import { SessionPage, SessionQuery } from '../api/schema/sessions.ts';
import { filtersOf, filterWords } from '../reading/filters.ts';
import { liveView, sessionView } from '../reading/session-view.ts';
import { nameMatches } from '../../evidence/search/filters.ts';

export const sessionsList = defineAction({
  id: 'sessions.list',
  method: 'GET',
  path: '/sessions',
  says: 'Sessions, newest first; with filters of commands, those that have a command which matches all of them. Looking for a text is recorded.',
  who: ALL_ROLES,
  query: SessionQuery,
  response: SessionPage,
  handle: async ({ query, actor, services }) => {
    const { state = 'all', limit = DEFAULT_LIMIT, cursor, ...asked } = query;
    if (asked.text !== undefined && !READERS.some((role) => actor.roles.includes(role))) throw new Refused(403, 'forbidden', 'looking for a text takes the role auditor or admin');
    const { gate, reader, deeds } = services;
    const live = state === 'live' ? [...gate.live.keys()] : undefined;
    const before = numberIn(cursor);
    const rows = await reader.ask('sessions', { filters: filtersOf(asked), state: state === 'past' ? 'past' : 'all', ...(live ? { only: live } : {}), ...(before === undefined ? {} : { before }), limit: limit + 1 });
    const items = rows.slice(0, limit).map((row) => sessionView(row, gate));
    if (live && before === undefined) {
      // Opened a moment ago, so the index does not have them: only what the gateway itself knows can be compared.
      const { identity, connection, ...others } = asked;
      const known = new Set(rows.map(({ session }) => session));
      const fresh = Object.keys(others).length > 0 ? [] : live.slice(-limit).reverse().filter((id) => !known.has(id));
      const views = fresh.flatMap((id) => liveView(id, gate) ?? []).filter((view) => (identity === undefined || nameMatches(identity, view.identity)) && (connection === undefined || nameMatches(connection, view.connection)));
      const missing = new Set((await Promise.all(views.map(async ({ id }) => ((await reader.ask('session', id)) ? undefined : id)))).filter((id) => id !== undefined));
      items.unshift(...views.filter(({ id }) => missing.has(id)));
    }
    if (asked.text !== undefined) await deeds.view(actor, { act: 'search', filters: filterWords(asked), count: items.length });
    return { items, next: rows.length > limit ? String(rows[limit - 1]?.number) : null };
  },
});
