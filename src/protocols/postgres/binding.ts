import type { Command } from '../../model/command.ts';
import type { RowCount } from '../../pipeline/gate.ts';
import type { HeldCommand } from '../../pipeline/held.ts';
import type { Understood } from '../../sql/understand.ts';
import { WireError } from '../../wire/errors.ts';
import { Frontend } from './codes.ts';
import type { Covered } from './covered-copy.ts';
import { decodeFrontend } from './decode.ts';
import type { Examined } from './examine.ts';
import type { Frame } from './frames.ts';
import type { Bind, FrontendMessage } from './messages.ts';
import type { Prepared } from './namespace.ts';

/** A guarded statement that was run, and undone: it is bound and executed once more when policy lets it through as it is. */
export interface Undone {
  readonly bind: Frame;
  readonly message: Bind;
  readonly execute: Frame;
  readonly rows: RowCount;
}

/** A Bind on its way. */
export interface Binding {
  readonly frame: Frame;
  readonly message: Bind;
  /** It was held, and may be tried again. */
  readonly again: HeldCommand | undefined;
  /** The client has had the answer to it: it was executed, and undone. */
  readonly undone: Undone | undefined;
  /** The client has had the answer to it, and has sent the rows for which its Execute asked: people approve them with it. */
  readonly covered: { readonly rows: Covered; readonly execute: Frame } | undefined;
}

/** A Bind that was understood, and found to do nothing that no policy could let it do. */
export interface Judged {
  readonly binding: Binding;
  readonly prepared: Prepared;
  readonly command: Command;
  /** With what EXECUTE and FETCH stand for in their place. */
  readonly understood: Understood;
  readonly examined: Examined;
}

/** What the client has bound and the target has not: people approve it with the rows for which its Execute asks. */
export interface Promised {
  readonly binding: Binding;
  readonly command: Command;
  readonly understood: Understood;
  /** Most bytes of rows. */
  readonly most: number;
}

/** What a guarded answer would be run again with. */
export interface Guarded {
  readonly bind: Frame;
  readonly message: Bind;
  execute: Frame | undefined;
}

/** Messages of which the server reads a text before it answers. */
const WITH_TEXT: ReadonlySet<number> = new Set([Frontend.Parse, Frontend.Bind, Frontend.Describe, Frontend.Execute, Frontend.Close]);

/** Undefined for a text in bytes that are not UTF-8: the server tells the client so, and goes on behind the next Sync. */
export const decodedText = (event: Frame): FrontendMessage | undefined => {
  try {
    return decodeFrontend(event);
  } catch (error) {
    if (error instanceof WireError && error.fault === 'encoding' && WITH_TEXT.has(event.type)) return undefined;
    throw error;
  }
};
