import type { EvidenceRecord } from '../evidence/log.ts';
import type { TimelineEntry } from '../evidence/sessions.ts';

type Approval = Extract<EvidenceRecord, { kind: 'approval' }>;
type Answered = Extract<Approval, { event: 'answered' }>;

/** Who answered and why, as the sealed body says. */
interface Detail {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly reason: string;
}

/** A record about a request for approval, in one line. */
export const approvalSentence = (record: Approval): string => {
  const request = `request ${record.request}`;
  switch (record.event) {
    case 'requested':
      return `approval asked for${record.again === true ? ' again' : ''}: ${request}, ${record.steps.map(({ rule, groups, count }) => `${count} of ${groups.join(', ')} for ${rule}`).join('; ')}, until ${record.expires}`;
    case 'answered':
      return `${request}: ${record.verdict === 'force' ? 'FORCED (break-glass)' : record.verdict} by a person of ${record.provider}${record.groups.length === 0 ? '' : ` in ${record.groups.join(', ')}`}, through ${record.channel}`;
    case 'expired':
      return `${request}: expired ${record.state === 'approved' ? 'unused' : 'unanswered'}`;
    default:
      return `${request}: ${record.event}`;
  }
};

/** The sealed body of an answer, for people; as it stands when it has another form. */
export const answerText = (bytes: Buffer): string => {
  const detail = detailIn(bytes);
  return detail === undefined ? `detail: ${bytes.toString('utf8')}` : `${detail.name} (${detail.subject} of ${detail.issuer}): ${detail.reason}`;
};

/** Who let each request through: by name where the body could be opened, else by what the record says. */
export const approversIn = (entries: readonly TimelineEntry[]): ReadonlyMap<string, string> => {
  const found = new Map<string, string[]>();
  for (const { leaf, bodies } of entries) {
    const { record } = leaf;
    if (record.kind !== 'approval' || record.event !== 'answered' || record.verdict === 'deny') continue;
    const body = bodies.find(({ part }) => part === 'detail');
    const name = body !== undefined && 'bytes' in body ? detailIn(body.bytes)?.name : undefined;
    found.set(record.request, [...(found.get(record.request) ?? []), wordsFor(record, name)]);
  }
  return new Map([...found].map(([request, words]) => [request, words.join(', ')]));
};

const wordsFor = ({ provider, verdict }: Answered, name: string | undefined): string => `${name ?? 'somebody'} of ${provider}${verdict === 'force' ? ' (forced)' : ''}`;

const detailIn = (bytes: Buffer): Detail | undefined => {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as Partial<Detail> | null;
    return typeof value?.name === 'string' && typeof value.issuer === 'string' && typeof value.subject === 'string' && typeof value.reason === 'string' ? (value as Detail) : undefined;
  } catch {
    return undefined;
  }
};
