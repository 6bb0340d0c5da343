import { ALL_ROLES, defineAction } from '../api/action.ts';
import { DEFAULT_LIMIT, numberIn } from '../api/cursor.ts';
import { type PolicyVersion, VersionPage, VersionQuery } from '../api/schema/policies.ts';
import type { Static } from 'typebox';

export const policiesVersions = defineAction({
  id: 'policies.versions',
  method: 'GET',
  path: '/policies/versions',
  says: 'Configurations that were put in force or refused, newest first, with what each changed.',
  who: ALL_ROLES,
  query: VersionQuery,
  response: VersionPage,
  handle: async ({ query: { cursor, limit = DEFAULT_LIMIT }, services }) => {
    const deeds = await services.reader.ask('deeds', ['config_change', 'instance'], numberIn(cursor), limit + 1);
    const shown = deeds.slice(0, limit);
    const items = shown.flatMap(({ sequence, at, record }): Static<typeof PolicyVersion>[] => {
      if (record.kind === 'instance') return record.event === 'start' ? [{ sequence, at, event: 'start' as const, config: record.config, changes: [] }] : [];
      if (record.kind !== 'config_change') return [];
      return [{ sequence, at, event: record.accepted ? ('change' as const) : ('refused' as const), config: record.config, policy: record.policy, changes: [...record.changes] }];
    });
    return { items, next: deeds.length > limit ? String(shown.at(-1)?.sequence) : null };
  },
});
