import { isRefusal, type Refusal } from '../../model/decision.ts';
import { isNeedsApproval, isNeedsCount, type Passage, type RowCount } from '../../pipeline/gate.ts';
import type { Permit } from '../../pipeline/permits.ts';
import type { Answer } from './answer.ts';
import { Backend } from './codes.ts';
import type { Decided } from './counting.ts';
import { Frame } from './frames.ts';
import { Guard, savepointName } from './guard.ts';
import type { Link } from './link.ts';
import { lookups, sendOwn } from './lookup.ts';

/** Whether what was let through has to be run so that it can be undone. */
export const needsGuard = (passage: Passage, { sure }: Pick<Decided, 'sure'>): boolean => passage.mostRows !== undefined && !sure;

/** Opens what an admitted command is run in. Undefined when the target would not: nothing may run then. */
export const openGuard = async (link: Link, passage: Passage, once: boolean): Promise<Guard | undefined> => {
  // No savepoint can be set there.
  if (link.inImplicitBlock) return undefined;
  const guard = new Guard(passage.mostRows ?? 0, link.status === 'T' ? savepointName() : undefined, once);
  try {
    await lookups(link, 'guard', [{ sql: guard.begin }]);
  } catch {
    return undefined;
  }
  // Whatever the target said: without a block nothing could be undone.
  if (link.status !== 'T') return undefined;
  if (guard.savepoint === undefined) link.ownBlock = true;
  return guard;
};

/** Why nothing else may come in the series of a guarded command. */
export const AFTER_GUARDED = 'more than one statement before Sync, and the rows of one are limited: send Sync behind it';

/** Why an admitted command did not run. */
export const NOT_OPENED = 'the target would not run it so that it can be undone';

/** So often undoing is tried: a cancel, or a limit on time that the client has set, can hit the first try. */
export const UNDO_TRIES = 3;

/** Takes back what a guarded command did, in a series of the gateway's own. Rejects when the target is in no state to. */
export const undo = async (link: Link, guard: Guard, tries = UNDO_TRIES): Promise<void> => {
  try {
    await link.whileOpen(lookups(link, 'guard', guard.undo.map((sql) => ({ sql }))));
  } catch (error) {
    if (tries === 1 || link.over) throw error;
    await undo(link, guard, tries - 1);
  }
};

/** What the target made of a guard's last statements. */
export interface Closed {
  /** Its error, and the ReadyForQuery that is the client's to see. */
  readonly error: Frame | undefined;
  readonly ready: Frame | undefined;
}

/** Sends the end of a guard behind a simple Query, at once, so that nothing of the client's comes in between. */
export const close = (link: Link, statements: readonly string[], permit: Permit, closed: (end: Closed) => void): void => {
  let error: Frame | undefined;
  let ready: Frame | undefined;
  const capture = (event: { readonly bytes: Buffer }): void => {
    if (!(event instanceof Frame)) return;
    if (event.type === Backend.ErrorResponse) error ??= event;
    else if (event.type === Backend.ReadyForQuery) ready = event;
  };
  sendOwn(link, permit, statements.map((sql) => ({ sql })), { capture, sync: { capture, done: () => closed({ error, ready }) } });
};

/** What the client is told of a command that changed too many rows and cannot be run again: policy's word on so many. */
export const tooMany = (link: Link, { passage }: Answer, rows: RowCount): Refusal => {
  const { gated } = link;
  const { command } = passage;
  const admitted = gated.admit(command, { rows });
  if (isRefusal(admitted)) return admitted;
  // Policy lets it through meanwhile, or would ask people; either way it has to be sent again.
  if (!isNeedsApproval(admitted) && !isNeedsCount(admitted)) admitted.end({ status: 'unused' }, (failure) => failure && link.end(failure));
  return gated.refuse('limit', `it changed more than ${passage.mostRows} rows, and was undone: send it again`, command);
};

/** A block that the gateway opened ends with the client's message that failed in it. */
export const endOwnBlock = (link: Link): void => {
  const statements = [{ sql: 'ROLLBACK' }];
  sendOwn(link, link.gated.housekeeping('guard'), statements, { sync: { showsReady: true } });
};
