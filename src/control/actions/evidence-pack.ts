import { createReadStream } from 'node:fs';
import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { JobId } from './evidence-job.ts';

export const evidencePack = defineAction({
  id: 'evidence.pack',
  method: 'GET',
  path: '/evidence/jobs/{id}/pack',
  says: 'The pack that an export made. That it is fetched is recorded before it is.',
  who: READERS,
  params: JobId,
  response: Type.String({ description: 'A zip file.' }),
  media: 'application/zip',
  handle: async ({ params, actor, services, raw }) => {
    const job = services.jobs.get(params.id);
    if (job?.kind !== 'export' || job.state !== 'done') throw notFound('such pack: it is made still, or it was kept for its hour');
    await services.deeds.change(actor, { action: 'evidence.pack', target: params.id });
    const name = `wicketgate-evidence-${job.startedAt.slice(0, 10)}-${job.id.slice(0, 6)}.zip`;
    raw.reply.header('content-disposition', `attachment; filename="${name}"`).header('content-length', String(job.bytes ?? 0)).type('application/zip');
    void raw.reply.send(createReadStream(services.jobs.packOf(params.id)));
    return '';
  },
});
