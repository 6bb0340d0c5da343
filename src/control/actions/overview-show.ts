import Type from 'typebox';
import { ALL_ROLES, defineAction } from '../api/action.ts';
import { Overview } from '../api/schema/overview.ts';
import { healthOf } from '../evidence-health.ts';

export const overviewShow = defineAction({
  id: 'overview.show',
  method: 'GET',
  path: '/overview',
  says: 'Whether all is well, what goes on now, what waits for people, and what happened in the last hours.',
  who: ALL_ROLES,
  query: Type.Object({ hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 168, description: 'How many hours back. Default 24.' })) }, { additionalProperties: false, description: 'How far back.' }),
  response: Overview,
  handle: async ({ query, services }) => {
    const now = services.now();
    const { hours, denied, newIdentities, size } = await services.reader.ask('overview', now, query.hours ?? 24);
    const { ready, details } = services.readiness();
    const byConnection = new Map<string, number>();
    for (const { session } of services.gate.live.values()) byConnection.set(session.connection, (byConnection.get(session.connection) ?? 0) + 1);
    const pending = services.approvals?.list({ state: 'pending', limit: 200 }) ?? [];
    const oldest = pending.reduce<number | undefined>((least, { askedAt }) => (least === undefined || askedAt < least ? askedAt : least), undefined);
    const time = (at: number): string => new Date(at).toISOString();
    return {
      at: time(now),
      ready,
      problems: Object.entries(details).map(([what, why]) => `${what}: ${why}`),
      evidence: healthOf(services),
      live: { sessions: services.gate.live.size, byConnection: [...byConnection].map(([connection, sessions]) => ({ connection, sessions })).sort((a, b) => b.sessions - a.sessions) },
      approvals: { pending: pending.length, waiting: pending.reduce((sum, { waiting }) => sum + waiting, 0), ...(oldest === undefined ? {} : { oldest: time(oldest) }) },
      hours: hours.map(({ hour, allowed, refused }) => ({ hour: time(hour), allowed, refused })),
      denied: denied.map(({ last, ...rest }) => ({ ...rest, last: time(last) })),
      newIdentities: newIdentities.map(({ identity, session, opened }) => ({ identity, session, firstSeen: time(opened) })),
      indexed: { size, of: services.evidence.stats.next },
    };
  },
});
