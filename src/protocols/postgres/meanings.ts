import type { AnswerPlan, ColumnMask, MaskSet } from '../../masking/plan.ts';
import { guardLiterals, guardParameters, type BoundValues } from '../../masking/writeback.ts';
import type { Command, ObjectRef } from '../../model/command.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { Understood } from '../../sql/understand.ts';
import { commandOf, otherMeanings } from './commands.ts';

/** How policy falls on a command: words that are equal fall alike. */
export interface PolicyWord {
  readonly word: 'allow' | 'deny' | 'ask' | 'count';
  /** Why it is not allowed. */
  readonly why?: string;
}

/** What a message is held against. */
export interface Standards {
  readonly policy: (command: Command) => PolicyWord;
  readonly masks: MaskSet;
  readonly catalog: Catalog;
  readonly bound?: BoundValues | undefined;
}

/**
 * Why a message may not run although what its names mean now may be touched. The target looks names without a schema up when it comes to the statement: another session, of
 * the same identity too, can have dropped, renamed or moved by then what stood in front on the search path, and the next relation of the name is taken. So the message has
 * to pass as each of the statements that it can come to be. Undefined when it does, and for the many in which no name has a second meaning.
 */
export const riskyMeaning = (understood: Understood, command: Command, { policy, masks, catalog, bound }: Standards): string | undefined => {
  const own = policy(command);
  // It is refused as it is, or people are asked: then its relations are locked and looked at once more before it runs.
  if (own.word === 'deny') return undefined;
  const plans = masks.empty ? undefined : masks.judge(understood, catalog);
  for (const other of otherMeanings(understood)) {
    const risk = (why: string): string => `a name without a schema can come to mean ${nameOf(other, understood)} before this runs, and then ${why}: write the schema`;
    const { recorded, bytes, parameters } = command;
    const { word, why } = policy(commandOf({ understood: other, catalog, recorded, bytes, ...(parameters ? { parameters } : {}) }));
    if (word !== own.word) return risk(why ?? 'it would be decided in another way');
    if (plans === undefined) continue;
    const judged = masks.judge(other, catalog);
    if (judged.kind === 'refused') return risk(`${judged.reason} (mask ${judged.mask})`);
    if (plans.kind === 'plan' && !judged.statements.every((plan, at) => masksAlike(plan, plans.statements[at]))) return risk('its answer would be masked in another way');
    const guarded = guardLiterals(other, masks, catalog) ?? (bound && guardParameters(other, masks, catalog, bound));
    if (guarded) return risk(guarded.reason);
    if (copiesInto(other, masks, catalog) && !copiesInto(understood, masks, catalog)) return risk('values would go to a masked column unseen');
  }
  return undefined;
};

const key = ({ schema, name }: ObjectRef): string => (schema === undefined ? name : `${schema}.${name}`);

/** The first relation that only the other meaning touches. */
const nameOf = (other: Understood, understood: Understood): string => {
  const objects = ({ statements }: Understood): readonly string[] => statements.flatMap(({ facts }) => facts.effects.flatMap(({ object }) => (object ? [key(object)] : [])));
  const touched = new Set(objects(understood));
  return objects(other).find((each) => !touched.has(each)) ?? 'something else';
};

const isMasked = ({ columns, inner }: AnswerPlan): boolean => columns.some((column) => column !== undefined) || (inner !== undefined && isMasked(inner));

const sameMask = (a: ColumnMask | undefined, b: ColumnMask | undefined): boolean => a?.name === b?.name && a?.constant === b?.constant;

/** Where neither masks a column they are alike, whatever the columns are. */
const masksAlike = (a: AnswerPlan, b: AnswerPlan | undefined): boolean => {
  if (!isMasked(a) && (b === undefined || !isMasked(b))) return true;
  if (b?.columns.length !== a.columns.length || (a.inner === undefined) !== (b.inner === undefined)) return false;
  return a.columns.every((column, at) => sameMask(column, b.columns[at])) && (a.inner === undefined || masksAlike(a.inner, b.inner));
};

/** COPY FROM brings values to a masked column: the write-back guard looks at those of the columns that it was planned for. */
const copiesInto = ({ statements }: Understood, masks: MaskSet, catalog: Catalog): boolean =>
  masks.columns && statements.some(({ facts: { copy } }) => copy?.direction === 'in' && copy.columns.some((column) => masks.protection(catalog).of(column) !== undefined));
