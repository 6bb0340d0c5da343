import { createHash } from 'node:crypto';
import { visible, visibleLine } from '../../model/visible.ts';
import type { ApprovalView } from '../approvals.ts';
import { dataOf, rowsOf } from '../words.ts';

/** What a channel says of a request: words of ours, and what came from elsewhere with everything unseen made visible. Nothing is markup. */
export interface About {
  readonly title: string;
  readonly facts: readonly Fact[];
  /** The recorded form, in several lines; only with `includeStatement`. */
  readonly statement?: string;
  readonly values?: readonly string[];
  /** Where people see all of it. */
  readonly url?: string;
}

export interface Fact {
  readonly name: string;
  readonly text: string;
}

/** Whether people may still answer it, or it may still run. */
export const isOpen = ({ state }: Pick<ApprovalView, 'state'>): boolean => state === 'pending' || state === 'approved';

const LONGEST_STATEMENT = 3_000;
const LONGEST_FACT = 400;
const LONGEST_VALUE = 200;
const MOST_VALUES = 10;
const MOST_EFFECTS = 10;
const MOST_STEPS = 5;
const MOST_ANSWERS = 10;
/** The end that people see moves when a client asks again; it is told again when it has moved by so much. */
const END_MOVED = 300_000;

/** Names what a message about the request would say, so that nothing is told twice. */
export const digestOfState = ({ state, answers, steps, expiresAt }: ApprovalView): string =>
  createHash('sha256')
    .update(JSON.stringify([state, answers.length, steps.map(({ approvedBy }) => approvedBy.length), isOpen({ state }) ? Math.floor(expiresAt / END_MOVED) : 0]))
    .digest('base64url')
    .slice(0, 16);

export const aboutOf = (view: ApprovalView, includeStatement: boolean): About => {
  const { id, connection, protocol, verb, owner, requester, inTransaction, hidden, notCovered, digest, expiresAt, text, parameters, url } = view;
  const facts: Fact[] = [];
  const add = (name: string, fact: string | undefined): void => {
    if (fact !== undefined && fact !== '') facts.push({ name, text: cut(visibleLine(fact.slice(0, LONGEST_FACT * 2)), LONGEST_FACT) });
  };
  add('Asked by', view.identity);
  add('Owner', [owner.group, owner.contact].filter((part) => part !== undefined).join(', '));
  add('Behind it', requester);
  add('Connection', `${connection}${protocol === '' ? '' : ` (${protocol})`}${inTransaction ? ', inside a transaction' : ''}`);
  add('Does', effectsOf(view));
  add('Rows', rowsOf(view));
  add('Why', view.reason);
  for (const { rule, groups, count, approvedBy } of view.steps.slice(0, MOST_STEPS)) add('Rule', `${rule}: ${approvedBy.length} of ${count} of ${groups.join(' or ')}`);
  if (view.steps.length > MOST_STEPS) add('Rule', `${view.steps.length - MOST_STEPS} rules more`);
  add('Data', dataOf(view, includeStatement));
  add('Not covered', notCovered);
  if (hidden > 0) add('Not shown', hidden === 1 ? 'one literal' : `${hidden} literals`);
  for (const { by, provider, verdict, reason, channel } of view.answers.slice(-MOST_ANSWERS)) add(VERDICTS[verdict], `${by} (${provider}) through ${channel}: ${reason}`);
  if (isOpen(view)) add(view.state === 'approved' ? 'Can be used until' : 'Expires', when(expiresAt));
  add('Request', `${id}, digest ${digest.slice(0, 16)}`);
  return {
    title: cut(visibleLine(`${TITLES[view.state]}: ${verb === '' ? 'command' : verb} on ${connection}`), 140),
    facts,
    ...(includeStatement ? { statement: text === undefined ? 'not readable any more: its key was destroyed' : cut(visible(text.slice(0, LONGEST_STATEMENT * 2)), LONGEST_STATEMENT, text.length) } : {}),
    ...(includeStatement && parameters !== undefined ? { values: valuesOf(parameters) } : {}),
    ...(url === undefined ? {} : { url }),
  };
};

const TITLES: Readonly<Record<ApprovalView['state'], string>> = {
  pending: 'Approval needed',
  approved: 'Approved, not run yet',
  denied: 'Denied',
  used: 'Approved and let through',
  expired: 'Expired',
  withdrawn: 'Cancelled by the client',
};
const VERDICTS = { approve: 'Approved by', deny: 'Denied by', force: 'FORCED by' } as const;

const effectsOf = ({ verb, effects }: ApprovalView): string => {
  const named = effects.slice(0, MOST_EFFECTS).map((effect) => [effect.verb, effect.object].filter((part) => part !== undefined).join(' '));
  if (effects.length > MOST_EFFECTS) named.push(`${effects.length - MOST_EFFECTS} more`);
  return named.length === 0 ? verb : named.join('; ');
};

const valuesOf = (parameters: readonly (string | null)[]): string[] => {
  const shown = parameters.slice(0, MOST_VALUES).map((value, index) => `$${index + 1} = ${value === null ? 'NULL' : cut(visibleLine(value.slice(0, LONGEST_VALUE * 2)), LONGEST_VALUE, value.length)}`);
  if (parameters.length > MOST_VALUES) shown.push(`${parameters.length - MOST_VALUES} values more`);
  return shown;
};

const when = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** Never half of a surrogate pair. `whole`: length of what it was made of. */
const cut = (text: string, most: number, whole = text.length): string => {
  if (text.length <= most && whole <= text.length) return text;
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)} ... (cut; ${whole} characters in all)`;
};
