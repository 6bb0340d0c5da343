import type { Checking } from './checks.ts';
import { quoted } from './references.ts';
import { didYouMean } from './suggest.ts';

/** `okta` of `okta/dba`. Groups may have slashes of their own, names of logins have none. */
export const loginOf = (group: string): string => group.slice(0, Math.max(0, group.indexOf('/')));

/** Each group of the list is of a login that exists. */
export function checkPeopleGroups(groups: readonly string[] | undefined, { places, declared, problems }: Checking): void {
  groups?.forEach((group, index) => {
    const login = loginOf(group);
    if (!declared.logins.has(login)) problems.add(places.of(groups, index), `there is no login ${quoted(login)}`, loginHint(login, declared.logins));
  });
}

export const loginHint = (login: string, logins: ReadonlySet<string>): string | undefined => (logins.size === 0 ? 'add it to control.login, with which people sign in' : didYouMean(login, logins));
