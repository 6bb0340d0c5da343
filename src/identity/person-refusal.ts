import type { Refusal } from '../model/decision.ts';
import { tokenRefusal, type TokenReason } from './reasons.ts';

/** Every way in which somebody is not accepted as a person: those of any token, and those of ID tokens. */
export type PersonReason = TokenReason | keyof typeof WORDING;

/** A person who was not accepted. The message is for whoever sent the token. */
export interface PersonRefusal extends Refusal {
  readonly reason: PersonReason;
  /** `control.login[].name`, once one matched. */
  readonly login?: string;
}

/** Said after the signature holds, so that it tells people what they could read in their own token. */
const WORDING = {
  login_ambiguous: 'not accepted: two logins of the configuration have this issuer and client',
  not_id_token: 'not accepted: this is not an ID token',
  party_wrong: 'not accepted: the ID token was made for another client',
  nonce_wrong: 'not accepted: the ID token does not belong to this login',
  not_interactive: 'not accepted: nothing in the token says that a person logged in (neither nonce nor auth_time)',
  machine: 'not accepted: the token stands for a program, and only people answer',
  groups_left_out: 'not accepted: the provider left groups or accounts out of the ID token because there are too many; have it send only the groups of this application',
  groups_malformed: 'not accepted: the groups in the ID token are not a list of names, or too many',
} as const;

const isOfPeople = (reason: PersonReason): reason is keyof typeof WORDING => Object.hasOwn(WORDING, reason);

export const personRefusal = (reason: PersonReason, login?: string): PersonRefusal => ({
  ...(isOfPeople(reason) ? { kind: 'refusal' as const, code: 'unauthenticated' as const, message: WORDING[reason] } : tokenRefusal(reason)),
  reason,
  ...(login === undefined ? {} : { login }),
});
