import { hash } from 'node:crypto';
import { fixed } from '../evidence/canonical.ts';
import type { Body, RecordedDecision, RecordedEffect, RecordedPrincipal } from '../evidence/log.ts';
import type { Command, Effect } from '../model/command.ts';
import type { Decision, Refusal, RuleRef } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';

/** Most effects that one leaf lists; the rest is in the sealed statement. A leaf must stay far below 64 KiB. */
const MOST_EFFECTS = 64;

const recordedEffect = (effect: Effect): RecordedEffect => {
  const { object } = effect;
  return {
    class: effect.class,
    verb: effect.verb,
    // A name the catalog does not know is the client's own text and stays out of the leaf.
    ...(object ? { object: object.known ? `${object.kind}:${object.schema === undefined ? '' : `${object.schema}.`}${object.name}` : object.kind } : {}),
    ...(effect.function !== undefined && object?.known ? { function: effect.function } : {}),
  };
};

const byEffects = new WeakMap<readonly Effect[], readonly RecordedEffect[]>();

/** Effects as a leaf may hold them. Cached: the same statement shape has the same effects array. */
export const recordedEffects = (effects: readonly Effect[]): readonly RecordedEffect[] => {
  let recorded = byEffects.get(effects);
  if (!recorded) {
    recorded = fixed(effects.slice(0, MOST_EFFECTS).map(recordedEffect));
    byEffects.set(effects, recorded);
  }
  return recorded;
};

export const ruleName = (rule: RuleRef): string => (rule.rule === undefined ? rule.policy : `${rule.policy}/${rule.rule}`);

const byDecision = new WeakMap<Decision, RecordedDecision>();

export const recordedDecision = (decision: Decision): RecordedDecision => {
  let recorded = byDecision.get(decision);
  if (!recorded) {
    recorded = fixed({ effect: decision.effect, policy: decision.policyVersion, rules: decision.rules.map(ruleName) });
    byDecision.set(decision, recorded);
  }
  return recorded;
};

export const recordedPrincipal = (principal: Principal): RecordedPrincipal => ({
  identity: principal.identity,
  provider: principal.provider,
  owner: principal.owner,
  groups: principal.groups,
  token: principal.tokenFingerprint,
  tokenExpiresAt: principal.tokenExpiresAt,
  ...(principal.certificate === undefined ? {} : { certificate: principal.certificate }),
});

/** Characters of one recorded value; a longer one keeps its beginning and a digest of the whole. */
const LONGEST_VALUE = 16_384;
const KEPT = 1024;

const kept = (values: readonly (string | null)[]): readonly (string | null)[] => (values.some((value) => value !== null && value.length > LONGEST_VALUE) ? values.map(shortened) : values);

const shortened = (value: string | null): string | null =>
  value === null || value.length <= LONGEST_VALUE ? value : `${value.slice(0, KEPT)} ... (${value.length} characters, sha256 ${hash('sha256', value)})`;

/** Why a command was refused, as its client was told: sealed, since it may say what somebody answered. */
export const reasonBody = ({ message }: Refusal, connection: string): Body => ({ part: 'reason', connection, bytes: Buffer.from(message, 'utf8') });

/** The sealed part of a command: its recorded form and its recorded values. */
export const commandBodies = (command: Command, connection: string): readonly Body[] => {
  const statement: Body = { part: 'statement', connection, bytes: command.recordedBytes ?? Buffer.from(command.recorded, 'utf8') };
  if (command.parameters === undefined || command.parameters.length === 0) return [statement];
  return [statement, { part: 'parameters', connection, bytes: Buffer.from(JSON.stringify(kept(command.parameters)), 'utf8') }];
};
