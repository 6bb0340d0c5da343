import { ALL_ROLES, defineAction } from '../api/action.ts';
import { PolicyList } from '../api/schema/policies.ts';
import { formatTransform } from '../../config/print.ts';

export const policiesList = defineAction({
  id: 'policies.list',
  method: 'GET',
  path: '/policies',
  says: 'What is in force, each thing with the file and line that it stands at.',
  who: ALL_ROLES,
  response: PolicyList,
  handle: ({ services }) => {
    const config = services.config();
    return {
      version: services.policies().version,
      config: config.digest,
      files: [...config.files],
      items: [...config.policies]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, identities, groups, connections, allow, rules, mask, limits, origin }) => ({
          name,
          identities: [...identities],
          groups: [...groups],
          connections: [...connections],
          allow: [...allow],
          rules: rules.map((rule) => ({
            name: rule.name,
            effect: rule.effect,
            match: { ...rule.match },
            ...(rule.when === undefined ? {} : { when: rule.when }),
            ...(rule.reason === undefined ? {} : { reason: rule.reason }),
            ...(rule.approval ? { approval: { groups: [...rule.approval.groups], count: rule.approval.count, hold: rule.approval.hold, expires: rule.approval.expires, holdInTransaction: rule.approval.holdInTransaction, ...(rule.approval.coverData === undefined ? {} : { coverData: rule.approval.coverData }) } } : {}),
            origin: { ...rule.origin },
          })),
          masks: mask.map((one) => ({ name: one.name, columns: [...one.columns], detect: [...one.detect], mode: one.mode, transform: formatTransform(one.transform), origin: { ...one.origin } })),
          limits: Object.fromEntries(Object.entries(limits).filter((entry): entry is [string, number] => typeof entry[1] === 'number')),
          origin: { ...origin },
        })),
    };
  },
});
