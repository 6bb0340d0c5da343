/** What the gateway answers, as the generated client has it. */
export type {
  Activity, AnswerRequest, ApprovalDetail, ApprovalSummary, CommandHit, CommandOutcome, ConnectionView, EvidenceHealth, EvidenceView, Explained, ExplainRequest, ExportRequest, HoldRequest,
  HourOfCommands, IdentityDetail, IdentitySummary, Job, LiveEvent, Matrix, Me, NewToken, Overview, PolicyVersion, PolicyView, PurgePlan, RecordedText, ReplayFrame, SessionSummary, Settings,
  TimelineEntry, TokenRequest, TokenView,
} from '../../src/control/client.ts';
import type { ApprovalSummary, Me } from '../../src/control/client.ts';

export type ApprovalState = ApprovalSummary['state'];
export type Role = Me['roles'][number];
