import type { MaskConfig } from '../config/resolved.ts';
import type { Understood } from '../sql/understand.ts';
import type { Catalog } from '../sql/catalog.ts';

/**
 * The masks that apply to one session, compiled once. Pure: no I/O, no clock.
 */
export interface MaskSet {
  /** True when nothing is masked: the fast path. */
  readonly empty: boolean;
  /** Any mask in strict mode: errors and notices lose their texts, DDL is judged. */
  readonly strict: boolean;
  /** Judges one understood message: refused, or the plan for each statement's answer. Cached by the identity of `understood`'s facts and catalog. */
  judge(understood: Understood, catalog: Catalog): MaskJudgement;
}

export type MaskJudgement =
  | { readonly kind: 'refused'; readonly reason: string; readonly mask: string }
  | { readonly kind: 'plan'; readonly statements: readonly AnswerPlan[] };

/** How the answer of one statement is masked. */
export interface AnswerPlan {
  /** Nothing to do: frames pass as they are. */
  readonly pass: boolean;
  /** One for each output column, when they are known from the text. */
  readonly columns: readonly (ColumnMask | undefined)[];
  /** Detectors for text-like cells that no column mask covers. */
  readonly detect: readonly DetectorMask[];
}
export interface ColumnMask { readonly name: string; readonly transform: MaskConfig['transform'] }
export interface DetectorMask { readonly name: string; readonly kinds: readonly string[]; readonly transform: MaskConfig['transform'] }
