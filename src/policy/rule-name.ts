import type { RuleRef } from '../model/decision.ts';

/** `policy/rule`, or `policy` for a class grant. */
export const ruleName = ({ policy, rule }: RuleRef): string => (rule === undefined ? policy : `${policy}/${rule}`);
