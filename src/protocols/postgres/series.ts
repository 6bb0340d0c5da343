import type { Passage } from '../../pipeline/gate.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Wait } from './admission.ts';
import type { Answer } from './answer.ts';

export const SERIES_CHANGED_OBJECTS = 'objects were made or changed in this series: send Sync first';

/** What only defines objects may follow other definitions in one series; what reads or writes rests on a catalog that cannot be read in between. */
export const onlyDefines = ({ statements }: Understood): boolean => statements.every(({ facts }) => facts.effects.every(({ class: granted }) => granted === 'schema' || granted === 'session'));

const NOTHING: readonly (() => Wait)[] = [];

/** One series of the extended protocol: everything up to a Sync. PostgreSQL runs it as one implicit transaction outside a block. */
export class Series {
  /** A message of it was handed to the target. */
  forwarded = false;
  /** Something of it can run, or has: Bind or Execute. */
  ran = false;
  /** Runs in a block or savepoint of the gateway's own: nothing else may run before Sync. */
  guarded: Answer | undefined;
  /** Texts of which people may have to be asked, or rows be counted, first, in order: they are sent with what runs them, so that nothing at the target waits with them. */
  deferred: readonly (() => Wait)[] = NOTHING;
  /** Something in it was refused: the rest up to Sync is dropped, as PostgreSQL does after an error. */
  discarding = false;
  /** It did more than read: its Sync can commit. */
  wrote = false;
  /** It holds transaction control: whether its Sync stands in a block is not known when it is sent. */
  control = false;
  /** The youngest admitted command: when its intent is durable, all before it are. */
  last: Passage | undefined;
  /** An answer that may have to be withheld: nothing more is sent until it has ended. */
  barrier: Answer | undefined;
  /** search_path or role changes in it: what follows cannot be understood before it has been read back. */
  changesNames = false;
  /** Names of statements or cursors are defined or dropped by SQL in it: what they stand for is known again when that has been answered. */
  definesNames = false;
  /** Objects are made, changed or dropped in it: the catalog cannot be read again before its end. */
  changesObjects = false;
}
