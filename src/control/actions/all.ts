import type { AnyAction } from '../api/action.ts';
import { meLogout } from './me-logout.ts';
import { meShow } from './me-show.ts';
import { meSignIn } from './me-sign-in.ts';
import { overviewShow } from './overview-show.ts';
import { sessionsAnswer } from './sessions-answer.ts';
import { sessionsList } from './sessions-list.ts';
import { sessionsReplay } from './sessions-replay.ts';
import { sessionsShow } from './sessions-show.ts';
import { sessionsTerminate } from './sessions-terminate.ts';
import { sessionsTimeline } from './sessions-timeline.ts';
import { commandsSearch } from './commands-search.ts';
import { approvalsAnswer } from './approvals-answer.ts';
import { approvalsList } from './approvals-list.ts';
import { approvalsShow } from './approvals-show.ts';
import { identitiesList } from './identities-list.ts';
import { identitiesRestore } from './identities-restore.ts';
import { identitiesRevoke } from './identities-revoke.ts';
import { identitiesShow } from './identities-show.ts';
import { connectionsList } from './connections-list.ts';
import { connectionsShow } from './connections-show.ts';
import { policiesExplain } from './policies-explain.ts';
import { policiesList } from './policies-list.ts';
import { policiesMatrix } from './policies-matrix.ts';
import { policiesVersions } from './policies-versions.ts';
import { evidenceExport } from './evidence-export.ts';
import { evidenceHold } from './evidence-hold.ts';
import { evidenceHolds } from './evidence-holds.ts';
import { evidenceJob } from './evidence-job.ts';
import { evidenceJobs } from './evidence-jobs.ts';
import { evidencePack } from './evidence-pack.ts';
import { evidencePurgePlan } from './evidence-purge-plan.ts';
import { evidenceRelease } from './evidence-release.ts';
import { evidenceShow } from './evidence-show.ts';
import { evidenceVerify } from './evidence-verify.ts';
import { activityList } from './activity-list.ts';
import { settingsShow } from './settings-show.ts';
import { peopleList } from './people-list.ts';
import { peopleSignOut } from './people-sign-out.ts';
import { tokensCreate } from './tokens-create.ts';
import { tokensList } from './tokens-list.ts';
import { tokensRevoke } from './tokens-revoke.ts';
import { eventsStream } from './events-stream.ts';
import { openapiShow } from './openapi-show.ts';

/** Everything that can be done through the API. */
export const ACTIONS: readonly AnyAction[] = [
  meLogout,
  meShow,
  meSignIn,
  overviewShow,
  sessionsAnswer,
  sessionsList,
  sessionsReplay,
  sessionsShow,
  sessionsTerminate,
  sessionsTimeline,
  commandsSearch,
  approvalsAnswer,
  approvalsList,
  approvalsShow,
  identitiesList,
  identitiesRestore,
  identitiesRevoke,
  identitiesShow,
  connectionsList,
  connectionsShow,
  policiesExplain,
  policiesList,
  policiesMatrix,
  policiesVersions,
  evidenceExport,
  evidenceHold,
  evidenceHolds,
  evidenceJob,
  evidenceJobs,
  evidencePack,
  evidencePurgePlan,
  evidenceRelease,
  evidenceShow,
  evidenceVerify,
  activityList,
  settingsShow,
  peopleList,
  peopleSignOut,
  tokensCreate,
  tokensList,
  tokensRevoke,
  eventsStream,
  openapiShow,
];
