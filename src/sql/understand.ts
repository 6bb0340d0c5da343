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
  /** For a text that no server would take: what it would say of it. Nothing of it is sent to one. */
  readonly invalid?: InvalidText;
}

/** A server's own error about a text, before it looks at anything else. */
export interface InvalidText {
  /** `encoding`: bytes that are not UTF-8. `syntax`: the grammar does not have it. `cancelled`: its client has cancelled it before it was understood. */
  readonly kind: 'encoding' | 'syntax' | 'cancelled';
  /** May hold a word of the text: for the client only, never for a record. */
  readonly message: string;
  /** Where, in characters from 1, when it is known. */
  readonly position?: number;
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
   * worker has parsed it. Never rejects: what fails is `unparsed`. Those who ask take turns at the worker.
   */
  understand(text: Uint8Array, catalog: Catalog, names: NameContext, granted: GrantedFunctions, asker?: Asker): Understood | Promise<Understood>;
  close(): Promise<void>;
}

/** Who asks, so that the work is shared out fairly: a session, and whose it is. */
export interface Asker {
  readonly id: string;
  readonly principal: { readonly identity: string };
}

/** Functions that the connection's configuration vouches for (`connections[].functions`), as written: `billing.close_month(int)`. */
export interface GrantedFunctions {
  /** Stable for equal lists: part of the cache key. */
  readonly id: string;
  readonly signatures: readonly string[];
}
