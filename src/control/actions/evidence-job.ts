import Type from 'typebox';
import { defineAction, READERS } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { Job } from '../api/schema/evidence.ts';

export const JobId = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{16}$', description: 'Id of the job.' }) }, { description: 'Which job.' });

export const evidenceJob = defineAction({
  id: 'evidence.job',
  method: 'GET',
  path: '/evidence/jobs/{id}',
  says: 'How far a verification or an export is.',
  who: READERS,
  params: JobId,
  response: Job,
  handle: ({ params, services }) => {
    const job = services.jobs.get(params.id);
    if (!job) throw notFound('such job since the start of the gateway');
    return job;
  },
});
