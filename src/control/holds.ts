import type { Static } from 'typebox';
import { Holds } from '../evidence/retention/holds.ts';
import type { HoldView } from './api/schema/evidence.ts';
import type { Services } from './services.ts';

/** Records of holds that are read: far more than anybody makes. */
const MOST_RECORDS = 10_000;

/** Legal holds in force, folded from their records. */
export const holdsInForce = async ({ reader }: Pick<Services, 'reader'>): Promise<Static<typeof HoldView>[]> => {
  const holds = new Holds();
  for (const { record, at } of (await reader.ask('deeds', ['hold'], undefined, MOST_RECORDS)).reverse()) holds.apply(record, at);
  return holds.list.map(({ connections, sessions, ...rest }) => ({ ...rest, ...(connections ? { connections: [...connections] } : {}), ...(sessions ? { sessions: [...sessions] } : {}) }));
};
