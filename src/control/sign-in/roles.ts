import type { Config } from '../../config/resolved.ts';
import type { Administrators } from '../../identity/signed-in.ts';
import { samePerson, type Person } from '../../model/person.ts';
import { ROLES, type Role } from '../api/schema/me.ts';

/** Groups that give a role in the configuration in force. */
export const groupsOfRole = (config: Config, role: Role): readonly string[] => {
  const { roles } = config.control;
  if (role !== 'approver' || roles.approver.length > 0) return role === 'approver' ? [...roles.approver, ...config.approvals.breakGlass] : roles[role];
  // Where the role is given to nobody in particular, who may answer some rule may come to the inbox. Each answer is judged by its own rule.
  const named = config.policies.flatMap(({ rules }) => rules.flatMap(({ approval }) => approval?.groups ?? []));
  return [...new Set([...named, ...config.approvals.breakGlass])];
};

/**
 * What a person may do now: by the groups that they had when they signed in and the configuration in force, asked at each request. Whoever
 * the bootstrap link made an administrator is one.
 */
export const rolesOf = (person: Person, config: Config, administrators: Pick<Administrators, 'bootstrapped'>): Role[] =>
  ROLES.filter((role) => groupsOfRole(config, role).some((group) => person.groups.includes(group)) || (role === 'admin' && administrators.bootstrapped().some((one) => samePerson(one, person))));
