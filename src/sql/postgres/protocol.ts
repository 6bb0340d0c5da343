import type { Catalog, NameContext } from '../catalog.ts';
import type { StatementFacts } from '../facts.ts';
import type { GrantedFunctions, InvalidText } from '../understand.ts';
import type { Used } from './time-limit.ts';

/** What the main thread tells the parser's thread. */
export type ToWorker =
  | { readonly kind: 'catalog'; readonly catalog: Catalog }
  | { readonly kind: 'forget'; readonly id: string }
  | { readonly kind: 'analyse'; readonly text: Uint8Array; readonly catalog: string; readonly names: NameContext; readonly granted: GrantedFunctions };

/** Statements of one text: their facts, and the byte offset where each begins for the parser. */
export interface Answer {
  readonly facts: readonly StatementFacts[];
  readonly starts: readonly number[];
  /** Holds for this very text only. */
  readonly exact: boolean;
}

/** What it says: one for each `analyse`; `ready` once at the start. */
export type Said =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The text does not parse; when the grammar says why, that. */
  | { readonly kind: 'unparsed'; readonly invalid?: InvalidText }
  /** The parser's module is not to be trusted any more. */
  | { readonly kind: 'broken' };

/** With what the thread has used of a processor until then. */
export type FromWorker = Said & { readonly used: Used };
