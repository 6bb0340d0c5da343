import type { RuleRef } from '../model/decision.ts';
import { refusal } from '../model/decision.ts';
import type { Refusal } from '../model/decision.ts';
import type { ApprovalView } from './approvals.ts';

/** Rule as people name it. */
export const ruleName = ({ policy, rule }: RuleRef): string => (rule === undefined ? policy : `${policy}/${rule}`);

/** Where people see a request. It carries an id and no right. */
export const linkTo = (url: string | undefined, request: string): string | undefined => (url === undefined ? undefined : `${url.replace(/\/+$/, '')}/approvals/${request}`);

const where = (url: string | undefined, request: string): string => linkTo(url, request) ?? `wicketgate approvals show ${request}`;

/** For the client while it is held. */
export const heldNotice = (request: string, url: string | undefined, until: number): string =>
  `waiting for approval of request ${request} until ${new Date(until).toISOString()}: ${where(url, request)}`;

/** For the client: it is not held (any longer), and runs when it is tried again after its approval. */
export const notHeld = (request: string, url: string | undefined, why: string): Refusal =>
  refusal('approval_required', `${why} (request ${request})`, { approval: request, hint: `Run it again once the request is approved: ${where(url, request)}` });

/** For the client: people have said no. */
export const deniedBy = (request: string, reason: string | undefined): Refusal =>
  refusal('denied', `an approver denied this command${reason === undefined ? '' : `: ${reason}`} (request ${request})`, { approval: request });

/** For people: the rows of a command, and how far an approval goes. Undefined where rows are not what it is about. */
export function rowsOf({ rows, maxRows, estimatedRows, liftsRowLimit, data }: Pick<ApprovalView, 'rows' | 'maxRows' | 'estimatedRows' | 'liftsRowLimit' | 'data'>): string | undefined {
  const estimate = estimateWords(estimatedRows);
  if (liftsRowLimit !== undefined) return `no row limit: ${data?.rows === undefined ? 'could not be counted; ' : ''}rowsPerCommand of ${liftsRowLimit} does not hold for it${estimate === undefined ? '' : `; ${estimate}`}`;
  if (rows === undefined && maxRows === undefined && estimate === undefined) return undefined;
  return [rows === undefined ? 'not counted' : `${rows} by a count`, estimate, maxRows === undefined ? undefined : `an approval covers up to ${maxRows}`].filter((part) => part !== undefined).join('; ');
}

/** The target's estimate is of whole tables: it says how much is at stake, not how many rows the command picks. */
const estimateWords = (rows: number | null | undefined): string | undefined =>
  rows === undefined ? undefined : rows === null ? 'how many the changed tables hold is not known: never analyzed' : `the changed tables hold about ${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}, as the target estimates`;

/** For people: data that is approved with its command. The digest of the data itself is for those who may see the statement: little data could be guessed from it. */
export function dataOf({ data }: Pick<ApprovalView, 'data'>, withDigest: boolean): string | undefined {
  if (data === undefined) return undefined;
  const rows = data.rows === undefined ? '' : `${data.rows} ${data.rows === 1 ? 'row' : 'rows'}, `;
  return `${rows}${data.bytes} bytes, covered by the digest${withDigest ? `; SHA-256 ${data.sha256}` : ''}`;
}
