import type { Catalog, NameContext } from './catalog.ts';
import type { StatementFacts } from './facts.ts';

/** One statement of a message with where it stands. */
export interface UnderstoodStatement {
  readonly facts: StatementFacts;
  /** Byte offsets in the message text. */
  readonly start: number;
  readonly end: number;
}

/** A whole message text, understood. */
export interface Understood {
  /** Empty for an empty query. */
  readonly statements: readonly UnderstoodStatement[];
  /** Literals and quoted constants of the text in order: byte offsets of the token, and its value as the server would read it. */
  readonly literals: readonly Literal[];
  /** The text did not parse: `statements` holds one, of class unknown. */
  readonly unparsed: boolean;
}

export interface Literal {
  readonly start: number;
  readonly end: number;
  readonly kind: 'string' | 'number' | 'bit';
  /** The value after unescaping. For numbers the text as written. */
  readonly value: string;
}

/** Turns text into facts. One per dialect. */
export interface Understander {
  /**
   * Answers at once when the shape of the text was seen before under the same catalog and name context, else after the
   * worker has parsed it. Never rejects: what fails is `unparsed`.
   */
  understand(text: Uint8Array, catalog: Catalog, names: NameContext, granted: GrantedFunctions): Understood | Promise<Understood>;
  close(): Promise<void>;
}

/** Functions that the connection's configuration vouches for (`connections[].functions`), as written: `billing.close_month(int)`. */
export interface GrantedFunctions {
  /** Stable for equal lists: part of the cache key. */
  readonly id: string;
  readonly signatures: readonly string[];
}
