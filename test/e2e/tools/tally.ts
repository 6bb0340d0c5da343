import { join } from 'node:path';
import type { Gateway } from '../../kit/gateway.ts';
import { readEvidence } from '../recorded-evidence.ts';

/** One refused statement, for people. */
export interface RefusedStatement {
  readonly identity: string;
  readonly code: string;
  /** Class, verb and object of what it would have done. */
  readonly effects: string;
  readonly statement: string;
}

/** What became of the commands of some sessions, by the gateway's own records. */
export interface Tally {
  readonly identity: string;
  readonly all: number;
  readonly refused: readonly RefusedStatement[];
}

/** Counts what tools sent, by identity. Call it after `terminate`: only then is everything in the log. */
export const tallies = async (gateway: Gateway): Promise<readonly Tally[]> => {
  const { leaves, commands, sessions } = await readEvidence(gateway.dataDir, join(gateway.folder, 'keys'));
  const found = new Map<string, { all: number; refused: RefusedStatement[] }>();
  const texts = new Map(commands.map(({ session, command, statement }) => [`${session} ${command}`, statement ?? '']));
  for (const { record } of leaves) {
    if ((record.kind !== 'intent' && record.kind !== 'refusal') || record.session === undefined) continue;
    const identity = sessions.get(record.session)?.open.principal.identity ?? '';
    let tally = found.get(identity);
    if (!tally) found.set(identity, (tally = { all: 0, refused: [] }));
    tally.all += 1;
    if (record.kind === 'refusal') {
      const effects = (record.effects ?? []).map(({ class: granted, verb, object, function: called }) => `${granted} ${verb} ${called ?? object ?? ''}`.trim()).join(', ');
      tally.refused.push({ identity, code: record.code, effects, statement: texts.get(`${record.session} ${record.command}`) ?? '' });
    }
  }
  return [...found].map(([identity, tally]) => ({ identity, ...tally }));
};
