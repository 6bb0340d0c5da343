import { assumedPrincipal } from '../../policy/assumed.ts';
import { ALL_ROLES, defineAction } from '../api/action.ts';
import { notFound } from '../api/refused.ts';
import { Explained, ExplainRequest } from '../api/schema/policies.ts';
import type { RuleRef } from '../../model/decision.ts';
import type { ObjectRef } from '../../model/command.ts';
import { instant } from '../reading/filters.ts';

const ruleOf = ({ policy, rule, origin }: RuleRef): { policy: string; rule?: string; origin: { file: string; line: number } } => ({ policy, ...(rule === undefined ? {} : { rule }), origin: { ...origin } });
const objectOf = ({ kind, schema, name }: ObjectRef): string => `${kind}:${schema === undefined ? '' : `${schema}.`}${name}`;

export const policiesExplain = defineAction({
  id: 'policies.explain',
  method: 'POST',
  path: '/policies/explain',
  says: 'What the policies in force say to a command, and why. Nothing is run, nothing changes.',
  cost: 10,
  who: ALL_ROLES,
  body: ExplainRequest,
  response: Explained,
  handle: async ({ body, services }) => {
    const config = services.config();
    const identity = config.identities.find(({ name }) => name === body.identity);
    const connection = config.connections.find(({ name }) => name === body.connection);
    if (!identity) throw notFound('such identity');
    if (!connection) throw notFound('such connection');
    const policies = services.policies();
    const policy = policies.forSession(assumedPrincipal(identity, body.claims ?? {}), connection.name);
    if (!policy) return { granted: false, verdict: 'deny' as const, reason: `no policy lets ${identity.name} reach ${connection.name}`, policyVersion: policies.version, catalog: 'none' as const, searchPath: [], searchPathFrom: 'default' as const, rules: [], effects: [] };
    const explained = await services.explain(body.command, connection, body.searchPath);
    const { command, catalog, searchPath, searchPathFrom } = explained;
    const now = body.at === undefined ? services.now() : instant(body.at);
    const context = { now: new Date(now), sessionAgeMs: 0, ...(body.rows === undefined ? {} : { rows: body.rows }) };
    const { decision, effects } = policy.explain(command, context);
    const refused = decision.effect === 'deny' ? undefined : explained.objection({ masks: policy.masks, decide: (one) => policy.decide(one, context) });
    return {
      granted: true,
      verdict: decision.effect,
      reason: decision.reason,
      policyVersion: decision.policyVersion,
      catalog,
      searchPath: [...searchPath],
      searchPathFrom,
      rules: decision.rules.map(ruleOf),
      ...(refused === undefined ? {} : { refused }),
      effects: effects.map(({ effect, verdict, by, rules }) => ({
        class: effect.class,
        verb: effect.verb,
        ...(effect.object ? { object: objectOf(effect.object) } : effect.function === undefined ? {} : { object: `function:${effect.function}` }),
        verdict,
        by: by.map(ruleOf),
        rules: rules.map((one) => ({ rule: ruleOf(one.rule), effect: one.effect, match: one.match, counts: one.counts, why: [...one.why] })),
      })),
    };
  },
});
