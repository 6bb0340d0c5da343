import type { Checking } from './checks.ts';
import { forms } from './forms.ts';
import type { Problems, Spot } from './problems.ts';

/** What nobody can do anything with yet: refused at start, so that nobody relies on it. */
export function checkPlanned({ source, places, problems, allowPlanned }: Checking): void {
  if (source.control !== undefined) checkReferences(source.control, (key) => places.of(source.control ?? source, key), problems);
  if (allowPlanned) return;
  const refuse = (holder: object, key: string, what: string): void => problems.add(places.of(holder, key), `needs ${what}, which this version does not have yet`, 'remove it');
  const { control, approvals } = source;
  for (const key of ['login', 'roles'] as const) if (control?.[key] !== undefined && !isEmpty(control[key])) refuse(control, key, 'the control plane');
  if (control?.channels !== undefined && !isEmpty(control.channels)) refuse(control, 'channels', 'approvals');
  if (approvals !== undefined && !isEmpty(approvals)) problems.add(places.of(source, 'approvals'), 'needs approvals, which this version does not have yet', 'remove it');
  for (const policy of source.policies) {
    for (const rule of policy.rules ?? []) {
      if (rule.effect === 'require_approval') refuse(rule, 'effect', 'approvals');
      else if (rule.approval !== undefined) problems.add(places.of(rule, 'approval'), `says how to approve, and the effect is ${rule.effect}`, 'remove it, or write effect: require_approval');
      if (rule.match?.rows !== undefined) refuse(rule.match, 'rows', 'approvals');
    }
  }
}

const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const secretKeys = /^(password|secret|token|clientSecret|signingSecret|apiKey|privateKey)$/;
const reference = new RegExp(forms.secret.pattern);

/** Credentials of parts whose shape is not decided yet are references already. */
function checkReferences(part: object, spot: (key: string) => Spot, problems: Problems): void {
  const visit = (value: unknown, key: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      if (secretKeys.test(name) && typeof member === 'string' && !reference.test(member)) problems.add(spot(key), `${name}: ${forms.secret.refusal}`, forms.secret.hint);
      else visit(member, key);
    }
  };
  for (const [key, value] of Object.entries(part)) visit(value, key);
}
