import { defineAction, READERS } from '../api/action.ts';
import { DEFAULT_LIMIT, numberIn } from '../api/cursor.ts';
import { ActivityPage, ActivityQuery } from '../api/schema/activity.ts';
import { activityOf } from '../activity-view.ts';

const KINDS = ['access', 'control', 'approval', 'hold', 'purge', 'revocation'] as const;

export const activityList = defineAction({
  id: 'activity.list',
  method: 'GET',
  path: '/activity',
  says: 'What people and API tokens did, newest first. That it is shown is recorded before it is.',
  who: READERS,
  query: ActivityQuery,
  response: ActivityPage,
  handle: async ({ query: { kind, cursor, limit = DEFAULT_LIMIT }, actor, services }) => {
    const deeds = await services.reader.ask('deeds', kind === undefined ? KINDS : [kind], numberIn(cursor), limit + 1);
    const shown = deeds.slice(0, limit);
    const items = shown.flatMap((deed) => activityOf(deed) ?? []);
    await services.deeds.view(actor, { act: 'show', count: items.length });
    return { items, next: deeds.length > limit ? String(shown.at(-1)?.sequence) : null };
  },
});
