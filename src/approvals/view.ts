import { detectorKinds } from '../masking/detectors.ts';
import type { ApprovalView } from './approvals.ts';
import type { RequestDetail } from './detail.ts';
import type { StoredRequest } from './ports.ts';
import type { GivenAnswer } from './requests.ts';
import type { Quorum } from './quorum.ts';
import { linkTo, ruleName } from './words.ts';

// As the recorded form writes them: what kind of literal or value was there, what a detector hit, a word of a text that did not parse.
const MARKER = new RegExp(`<(?:(?:literal|value):[a-z0-9_]+|${[...detectorKinds].join('|')}|word|unreadable)>`, 'g');

/** How many literals the recorded form does not show. */
export const hiddenIn = (text: string, parameters: readonly (string | null)[] = []): number =>
  [text, ...parameters].reduce((sum, part) => sum + (part?.match(MARKER)?.length ?? 0), 0);

/** The request as people see it. `detail` is undefined when its key was destroyed. */
export function viewOf(request: StoredRequest, detail: RequestDetail | undefined, answers: readonly GivenAnswer[], quorum: Quorum<GivenAnswer> | undefined, waiting: number, url: string | undefined): ApprovalView {
  const { id, state, askedAt, expiresAt, session, identity, connection, digest } = request;
  const link = linkTo(url, id);
  const requester = detail?.askers[0]?.requester;
  return {
    id,
    state,
    askedAt,
    expiresAt,
    session,
    identity,
    owner: detail?.owner ?? {},
    ...(requester === undefined ? {} : { requester }),
    connection,
    protocol: detail?.protocol ?? '',
    verb: detail?.verb ?? '',
    effects: detail?.effects ?? [],
    reason: detail?.reason ?? '',
    steps: (quorum?.steps ?? []).map(({ step, by }) => ({
      rule: ruleName(step.rule),
      file: step.rule.origin.file,
      line: step.rule.origin.line,
      groups: step.groups,
      count: step.count,
      approvedBy: by.map(({ person }) => person.name),
    })),
    text: detail?.text,
    ...(detail?.parameters === undefined ? {} : { parameters: detail.parameters }),
    hidden: detail === undefined ? 0 : hiddenIn(detail.text, detail.parameters),
    ...(detail?.data === undefined ? {} : { data: detail.data }),
    ...(detail?.notCovered === undefined ? {} : { notCovered: detail.notCovered }),
    inTransaction: detail?.inTransaction ?? false,
    ...(detail?.rows === undefined ? {} : { rows: detail.rows }),
    ...(detail?.maxRows === undefined ? {} : { maxRows: detail.maxRows }),
    ...(detail?.estimatedRows === undefined ? {} : { estimatedRows: detail.estimatedRows }),
    ...(detail?.liftsRowLimit === undefined ? {} : { liftsRowLimit: detail.liftsRowLimit }),
    waiting,
    answers: answers.map(({ person, provider, verdict, reason, at, channel }) => ({ by: person.name, issuer: person.issuer, subject: person.subject, provider, verdict, reason, at, channel })),
    digest,
    ...(link === undefined ? {} : { url: link }),
  };
}
