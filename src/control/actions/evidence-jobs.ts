import { defineAction, READERS } from '../api/action.ts';
import { JobList } from '../api/schema/evidence.ts';

export const evidenceJobs = defineAction({
  id: 'evidence.jobs',
  method: 'GET',
  path: '/evidence/jobs',
  says: 'Verifications and exports since the start of the gateway, newest first.',
  who: READERS,
  response: JobList,
  handle: ({ services }) => ({ items: [...services.jobs.list()] }),
});
