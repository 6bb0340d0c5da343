import type { Static } from 'typebox';
import type { EvidenceHealth } from './api/schema/overview.ts';
import type { GatewayParts } from './services.ts';

/** State of the evidence, for people. */
export const healthOf = ({ evidence, checkpoints, late, config }: Pick<GatewayParts, 'evidence' | 'checkpoints' | 'late' | 'config'>): Static<typeof EvidenceHealth> => {
  const status = checkpoints();
  const { unavailable, stats } = evidence;
  const witnessed = status?.witnessed.witnessed;
  return {
    available: unavailable === undefined,
    ...(unavailable === undefined ? {} : { reason: unavailable }),
    records: stats.next,
    signedSize: status?.signed?.size ?? 0,
    ...(status?.signed?.age === undefined ? {} : { signedAge: status.signed.age }),
    witnesses: config().evidence.witnesses.length,
    cosigning: status?.witnessed.witnesses.filter(({ state }) => state === 'cosigning').length ?? 0,
    ...(witnessed ? { witnessedSize: witnessed.size, witnessedAge: witnessed.age } : {}),
    late: [...late()],
    selfChecksFailed: stats.checksFailed,
  };
};
