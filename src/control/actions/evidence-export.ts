import { allLogFolders } from '../../evidence/folders.ts';
import { periodsOf } from '../../evidence/pack/export.ts';
import { defineAction, READERS } from '../api/action.ts';
import { Refused } from '../api/refused.ts';
import { ExportRequest, Job } from '../api/schema/evidence.ts';
import { instant } from '../reading/filters.ts';
import { actorName, actorWords } from '../sign-in/actor.ts';

const DEFAULT_SAMPLE = 25;

export const evidenceExport = defineAction({
  id: 'evidence.export',
  method: 'POST',
  path: '/evidence/exports',
  says: 'Makes a pack for an auditor, beside everything else. That it is made is recorded before it is. A pack is kept for an hour.',
  cost: 50,
  who: READERS,
  body: ExportRequest,
  response: Job,
  status: 202,
  handle: async ({ body, actor, services }) => {
    const [from, to] = [instant(body.from), instant(body.to)];
    if (to <= from) throw new Refused(400, 'invalid', 'it ends before it begins');
    if (to > services.now()) throw new Refused(400, 'invalid', 'it ends in the future, which no record is from');
    services.jobs.free();
    const period = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
    const folders = allLogFolders(services.folders.data);
    const wish = { folders, ...period, seed: body.seed, sample: body.sample ?? DEFAULT_SAMPLE, texts: body.texts ?? true };
    const count = (await periodsOf(folders, period.from, period.to)).reduce((sum, { first, end }) => sum + end - first, 0);
    const id = services.jobs.newId();
    await services.deeds.change(actor, { action: 'evidence.export', target: id, detail: { reason: body.reason } });
    await services.deeds.view(actor, { act: 'export', filters: { ...period, sample: String(wish.sample), texts: String(wish.texts), ...(body.seed === undefined ? {} : { seed: body.seed }) }, count });
    return services.jobs.export(id, actorName(actor), `${actorWords(actor)} in the control plane`, wish);
  },
});
