import { ALL_ROLES, defineAction } from '../api/action.ts';
import { EvidenceView } from '../api/schema/evidence.ts';
import { healthOf } from '../evidence-health.ts';
import { holdsInForce } from '../holds.ts';

export const evidenceShow = defineAction({
  id: 'evidence.show',
  method: 'GET',
  path: '/evidence',
  says: 'State of the evidence: head, witnesses, anchors, disk, holds.',
  who: ALL_ROLES,
  response: EvidenceView,
  handle: async ({ services }) => {
    const { evidence, checkpoints, head } = services;
    const status = checkpoints();
    const signed = head();
    const { bytes, free, queued, unsynced } = evidence.stats;
    return {
      log: evidence.name,
      ...(status ? { key: status.key } : {}),
      health: healthOf(services),
      ...(signed ? { head: { size: signed.size, root: signed.root.toString('base64') } } : {}),
      witnesses: (status?.witnessed.witnesses ?? []).map(({ name, state, cosigned, detail, faults }) => ({
        name,
        state,
        ...(cosigned ? { size: cosigned.size } : {}),
        ...(detail === undefined ? {} : { fault: detail }),
        faults: Object.values(faults).reduce((sum, count) => sum + count, 0),
      })),
      anchors: (status?.anchors ?? []).map(({ name, type, late, kept, fault }) => ({ name, type, late, ...(kept ? { keptSize: kept.size, keptAge: kept.age } : {}), ...(fault === undefined ? {} : { fault }) })),
      disk: { bytes, ...(free === undefined ? {} : { free }), queued, unsynced },
      holds: await holdsInForce(services),
    };
  },
});
