import type { AnswerPlan, MaskSet } from '../../masking/plan.ts';
import { guardLiterals, guardParameters, type BoundValues } from '../../masking/writeback.ts';
import type { Command } from '../../model/command.ts';
import { isRefusal, type Refusal } from '../../model/decision.ts';
import type { GatedSession } from '../../pipeline/gate.ts';
import type { Understood } from '../../sql/understand.ts';
import { hasOtherMeanings } from './commands.ts';
import { riskyMeaning, type PolicyWord } from './meanings.ts';
import { refusedSetting, reliesOnChangedNames } from './settings.ts';
import type { Tracking } from './tracking.ts';

/** What an understood message may do beside what policy says of it: settings, masks, masked values coming back. */
export interface Examined {
  /** How each statement's answer is masked; undefined when no mask applies to the session. */
  readonly plans: readonly AnswerPlan[] | undefined;
  /** Under which it was examined. */
  readonly masks: MaskSet;
}

const wordOf = (judged: ReturnType<GatedSession['judge']>): PolicyWord => {
  if (judged === undefined) return { word: 'allow' };
  if (isRefusal(judged)) return { word: 'deny', why: judged.message };
  return { word: judged.kind === 'needs_count' ? 'count' : 'ask' };
};

/** Judges a message before it is admitted. Policy's own refusal goes first, so that a person is told the rule. */
export const examine = (gated: GatedSession, tracking: Tracking, understood: Understood, command: Command, bound?: BoundValues): Examined | Refusal => {
  const first = (code: Refusal['code'], message: string): Refusal => {
    const judged = gated.judge(command);
    return isRefusal(judged) ? judged : gated.refuse(code, message, command);
  };
  const setting = refusedSetting(understood);
  if (setting !== undefined) return first('denied', setting);
  if (reliesOnChangedNames(understood, tracking.changed)) {
    return first('not_understood', 'what names mean changes within the message, by search_path, role or the end of a transaction: send what follows by itself');
  }
  const { masks } = gated;
  const risk = hasOtherMeanings(understood) ? riskyMeaning(understood, command, { policy: (one) => wordOf(gated.judge(one)), masks, catalog: tracking.catalog, bound }) : undefined;
  if (masks.empty) return risk === undefined ? { plans: undefined, masks } : gated.refuse('not_understood', risk, command);
  const judgement = masks.judge(understood, tracking.catalog);
  if (judgement.kind === 'refused') return first('masking', `${judgement.reason} (mask ${judgement.mask})`);
  const guarded = guardLiterals(understood, masks, tracking.catalog) ?? (bound && guardParameters(understood, masks, tracking.catalog, bound));
  if (guarded) return first('write_back', guarded.reason);
  if (risk !== undefined) return gated.refuse('not_understood', risk, command);
  return { plans: judgement.statements, masks };
};
