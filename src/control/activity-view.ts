import type { Activity } from './api/schema/activity.ts';
import type { Deed } from './reading/readings.ts';

interface Detail {
  readonly name?: unknown;
  readonly reason?: unknown;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** The sealed detail: who, and in which words. Of searches on the command line it is the filters themselves. */
const detailIn = (text: string | undefined): { readonly name?: string; readonly words?: string } => {
  if (text === undefined) return {};
  try {
    const found = JSON.parse(text) as Detail;
    const { name } = found;
    const isOurs = typeof name === 'string';
    const words = typeof found.reason === 'string' ? found.reason : worded(isOurs ? found.detail : (found as Readonly<Record<string, unknown>>));
    return { ...(isOurs ? { name } : {}), ...(words === '' ? {} : { words }) };
  } catch {
    return {};
  }
};

const worded = (detail: Readonly<Record<string, unknown>> | undefined): string =>
  Object.entries(detail ?? {})
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('; ');

/** A record that tells of people, for a list; undefined for one that tells of none. */
export const activityOf = ({ sequence, at, record, detail }: Deed): Activity | undefined => {
  const { name, words } = detailIn(detail);
  const base = { sequence, at, ...(words === undefined ? {} : { detail: words }) };
  switch (record.kind) {
    case 'access':
      return { ...base, kind: 'access', act: record.act, by: name ?? record.by, ...(record.channel === undefined ? {} : { channel: record.channel }), ...(record.recording === undefined ? {} : { target: record.recording }), count: record.count };
    case 'control': {
      const by = name ?? (record.token === undefined ? undefined : `token ${record.token}`);
      return {
        ...base,
        kind: 'control',
        act: record.event === 'action' ? (record.action ?? 'action') : record.event === 'refused' ? `refused: ${record.action ?? ''}` : record.event,
        ...(by === undefined ? {} : { by }),
        ...(record.channel === undefined ? {} : { channel: record.channel }),
        ...(record.provider === undefined ? {} : { provider: record.provider }),
        ...(record.target === undefined ? {} : { target: record.target }),
      };
    }
    case 'approval':
      return record.event === 'answered' ? { ...base, kind: 'approval', act: record.verdict, ...(name === undefined ? {} : { by: name }), provider: record.provider, channel: record.channel, target: record.request } : undefined;
    case 'hold':
      return { ...base, kind: 'hold', act: record.event, by: record.by, target: record.name, detail: record.reason };
    case 'purge':
      return { ...base, kind: 'purge', act: record.event, by: record.by, count: record.count };
    case 'revocation':
      return { ...base, kind: 'revocation', act: 'revoke', by: record.by, target: record.identity };
    default:
      return undefined;
  }
};
