import type { MaskConfig } from '../config/resolved.ts';
import type { Understood } from '../sql/understand.ts';
import type { Catalog } from '../sql/catalog.ts';
import type { BodyMasks } from './bodies/masks.ts';
import type { HashKey } from './hash-key.ts';
import type { Protection } from './protection.ts';

/**
 * The masks that apply to one session, compiled once. Pure: no I/O, no clock.
 */
export interface MaskSet {
  /** True when nothing is masked: the fast path. */
  readonly empty: boolean;
  /** Some mask names columns. */
  readonly columns: boolean;
  /** Some column is masked in strict mode: errors and notices lose their texts, DDL is judged. */
  readonly strict: boolean;
  /** Names of the masks, for records. */
  readonly names: readonly string[];
  /** The detectors that run over text-like cells, errors, notices and notifications. */
  readonly detect: readonly DetectorMask[];
  /** What is masked in bodies of HTTP messages: fields and detectors. */
  readonly bodies: BodyMasks;
  /**
   * Judges one understood message: refused, or the plan for each statement's answer. What it writes to protected columns is
   * the write-back guard's (`writeback.ts`). Cached by the identity of `understood`'s facts and catalog.
   */
  judge(understood: Understood, catalog: Catalog): MaskJudgement;
  /** The protected columns of a catalog. What was protected under an earlier one stays so, by OID and number. */
  protection(catalog: Catalog): Protection;
}

export type MaskJudgement =
  | { readonly kind: 'refused'; readonly reason: string; readonly mask: string }
  | { readonly kind: 'plan'; readonly statements: readonly AnswerPlan[] };

/** How the answer of one statement is masked. */
export interface AnswerPlan {
  /** Nothing to do: frames pass as they are. Only so for statements without rows; of others `RowMasker.pass` says it, once the description is known. */
  readonly pass: boolean;
  /** One for each output column, when they are known from the text. */
  readonly columns: readonly (ColumnMask | undefined)[];
  /** Detectors for text-like cells that no column mask covers. */
  readonly detect: readonly DetectorMask[];
  /** `columns` covers every result column: a description with another number of them is withheld. False: their number is not known from the text. */
  readonly complete: boolean;
  /** For EXECUTE and FETCH: the answer is masked by `inner` of the plan of the statement that made this name; without one it is withheld. */
  readonly from?: { readonly kind: 'prepare' | 'declare'; readonly name: string };
  /** For PREPARE and DECLARE: how the answers of the statement inside are masked. */
  readonly inner?: AnswerPlan;
  /** What protects a column by the identity that RowDescription carries: a second look beside the lineage. */
  protects(relation: number, column: number): ColumnMask | undefined;
  /** Whether the catalog that the plan was made under has the column. A result column that it does not have means that the catalog has moved on. */
  knows(relation: number, column: number): boolean;
}

export interface ColumnMask {
  /** Name of the mask, for records. */
  readonly name: string;
  readonly transform: MaskConfig['transform'];
  /** The output is made from the column by total functions: only a constant may stand for it. */
  readonly constant?: true;
  /** For `hash`. */
  readonly key: HashKey;
}

export interface DetectorMask {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly transform: MaskConfig['transform'];
  /** For `hash`. */
  readonly key: HashKey;
}
