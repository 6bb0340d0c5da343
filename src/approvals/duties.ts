import type { ApprovalDemand } from '../model/approval.ts';
import type { Person } from '../model/person.ts';
import type { Principal } from '../model/principal.ts';
import type { AnswerRefusedCode, Verdict } from './approvals.ts';
import type { ApprovalSettings } from './ports.ts';

/** On whose behalf a command was sent: what people are compared with. */
export interface Asker {
  /** The identity provider that vouched for the machine, in whose words `requester` and `author` are. */
  readonly provider: string;
  readonly requester?: string;
  readonly author?: string;
  readonly ownerGroup?: string;
  /** Whom the machine's identity names by a claim that its token did not have. */
  readonly unnamed?: Principal['unnamed'];
}

export const askerOf = ({ provider, requester, author, unnamed, owner }: Pick<Principal, 'provider' | 'requester' | 'author' | 'unnamed' | 'owner'>): Asker => ({
  provider,
  ...(requester === undefined ? {} : { requester }),
  ...(author === undefined ? {} : { author }),
  ...(unnamed === undefined ? {} : { unnamed }),
  ...(owner.group === undefined ? {} : { ownerGroup: owner.group }),
});

/** Why a person may not give this answer; in words for that person. */
export interface NotEntitled {
  readonly code: AnswerRefusedCode & ('not_approver' | 'forbidden');
  readonly message: string;
}

type Duties = Pick<ApprovalSettings, 'forbid' | 'breakGlass' | 'approvers'>;
type Somebody = Pick<Person, 'groups' | 'accounts'>;

const some = (person: Somebody, groups: readonly string[]): boolean => groups.some((group) => person.groups.includes(group));

/** Whether the person is one whose approval a step counts, as far as groups go. */
export const inStep = (person: Somebody, groups: readonly string[], { approvers }: Duties): boolean =>
  some(person, groups) && (approvers === undefined || some(person, approvers));

/**
 * Who may give which answer. Rank gives nothing: only groups that a step (or the break-glass list) names. To approve, nobody of
 * `approvals.forbid` with any of the commands that wait. To force, the same, and never the requester. To deny, anybody who may approve,
 * and the requester: it takes nothing but the own command's chance.
 */
export function entitled(person: Somebody, verdict: Verdict, demand: ApprovalDemand, askers: readonly Asker[], duties: Duties): NotEntitled | undefined {
  const approver = demand.steps.some(({ groups }) => inStep(person, groups, duties));
  const glass = some(person, duties.breakGlass);
  if (verdict === 'deny') {
    return approver || glass || askers.some((asker) => is(person, asker, asker.requester) === 'same') ? undefined : outside(demand);
  }
  if (verdict === 'approve') return approver ? barred(person, askers, duties.forbid) : outside(demand);
  if (!glass) return { code: 'not_approver', message: duties.breakGlass.length === 0 ? 'nobody can force a request: approvals.breakGlass names no groups' : 'only groups of approvals.breakGlass can force a request, and you are in none of them' };
  return barred(person, askers, ['requester', ...duties.forbid]);
}

const outside = (demand: ApprovalDemand): NotEntitled => ({
  code: 'not_approver',
  message: `you are not an approver of this request; it asks for ${[...new Set(demand.steps.flatMap(({ groups }) => groups))].join(', ') || 'nobody'}`,
});

/** Why the person has no say about what these askers sent. What cannot be told counts against the person. */
function barred(person: Somebody, askers: readonly Asker[], forbid: Duties['forbid']): NotEntitled | undefined {
  for (const asker of askers) {
    for (const who of ['requester', 'author'] as const) {
      if (!forbid.includes(who)) continue;
      if (asker.unnamed?.includes(who) === true) return { code: 'forbidden', message: `it cannot be told that you are not the ${who} of this command: the token of the job does not say who that is (identities[].${who})` };
      const same = is(person, asker, asker[who]);
      if (same === 'same') return { code: 'forbidden', message: `you are the ${who} of this command, and approvals.forbid rules that out` };
      if (same === 'untold') {
        return { code: 'forbidden', message: `it cannot be told that you are not the ${who} of this command: your login gives no account at ${asker.provider} (control.login[].accounts)` };
      }
    }
    if (forbid.includes('owner') && owns(person, asker)) return { code: 'forbidden', message: 'you are in the group that owns this identity, and approvals.forbid rules that out' };
  }
  return undefined;
}

function is(person: Somebody, { provider }: Asker, account: string | undefined): 'same' | 'other' | 'untold' {
  if (account === undefined) return 'other';
  const own = Object.hasOwn(person.accounts, provider) ? person.accounts[provider] : undefined;
  if (own === undefined || own === '') return 'untold';
  return folded(own) === folded(account) ? 'same' : 'other';
}

// Providers differ in whether Ada and ada are one account. Taking them for one can only rule somebody out.
const folded = (account: string): string => account.normalize('NFKC').toLowerCase();

/** A group that is named without its provider is taken to be of any. */
const owns = ({ groups }: Somebody, { ownerGroup }: Asker): boolean =>
  ownerGroup !== undefined && groups.some((group) => group === ownerGroup || (!ownerGroup.includes('/') && group.endsWith(`/${ownerGroup}`)));
