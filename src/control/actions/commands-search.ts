import { ALL_ROLES, defineAction, READERS } from '../api/action.ts';
import { DEFAULT_LIMIT, numberIn } from '../api/cursor.ts';
import { Refused } from '../api/refused.ts';
import { CommandPage, CommandQuery } from '../api/schema/sessions.ts';
import { filtersOf, filterWords } from '../reading/filters.ts';

export const commandsSearch = defineAction({
  id: 'commands.search',
  method: 'GET',
  path: '/commands',
  says: 'Commands, newest first. Statements are shown to auditors and administrators only, and that they are is recorded.',
  who: ALL_ROLES,
  query: CommandQuery,
  response: CommandPage,
  handle: async ({ query, actor, services }) => {
    const { limit = DEFAULT_LIMIT, cursor, ...asked } = query;
    const reads = READERS.some((role) => actor.roles.includes(role));
    if (asked.text !== undefined && !reads) throw new Refused(403, 'forbidden', 'looking for a text takes the role auditor or admin');
    const before = numberIn(cursor);
    const { hits, more } = await services.reader.ask('commands', { ...filtersOf(asked), ...(before === undefined ? {} : { before }) }, limit, reads);
    if (reads) await services.deeds.view(actor, { act: 'search', filters: filterWords(asked), count: hits.length });
    return {
      items: hits.map(({ sequence, time, session, command, identity, connection, verbs, decision, objects, status, rows, texts }) => ({
        sequence,
        at: time,
        ...(session === undefined ? {} : { session }),
        ...(command === undefined ? {} : { command }),
        ...(identity === undefined ? {} : { identity }),
        ...(connection === undefined ? {} : { connection }),
        verbs: [...verbs],
        decision,
        objects: [...objects],
        status,
        rows,
        texts,
      })),
      next: more ? String(hits.at(-1)?.sequence) : null,
    };
  },
});
