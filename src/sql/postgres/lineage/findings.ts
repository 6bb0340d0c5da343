import type { ColumnRef, ColumnUse, Operand, UseRole } from '../../facts.ts';

/** Nothing may be concluded about the statement. The message is for people and holds no client text. */
export class NotUnderstood extends Error {}

/** A literal or a parameter that a value is made from. */
export interface Atom {
  readonly kind: Operand['kind'];
  readonly index: number;
}

/** What is known of the value of an expression. */
export interface Value {
  readonly sources: readonly ColumnRef[];
  readonly direct: boolean;
  readonly total: boolean;
  readonly atoms: readonly Atom[];
  /** It is a whole row: the functions on the list of total ones are not total on it. */
  readonly row?: true;
  /** It is the word NULL, or FALSE. */
  readonly word?: 'null' | 'false';
  /**
   * It is one of several columns, or a total function has put several together: one of them, which the client may have written, can be so large that the function fails where
   * another holds a certain character, or is of a certain length. `sized`: its size tells of what is in a column, be it by that or by a function of one column alone.
   */
  readonly several?: 'choice' | 'sized';
  /** How many total functions stand one inside the other. */
  readonly depth?: number;
}

/** More operands than this and the statement is not understood: bounds the work that one text can cause. */
const maximumOperands = 400_000;

/** Queries evaluated for one statement; recursive ones inside one another multiply. */
const maximumQueries = 20_000;

const empty: readonly never[] = [];

/** A value that comes from no column. */
export const clean: Value = { sources: empty, direct: false, total: true, atoms: empty };

/** The uses and operands of one statement, each once. */
export class Findings {
  readonly #uses = new Map<ColumnRef, Set<UseRole>>();
  readonly #operands = new Map<string, Operand>();
  doubted: string | undefined;
  readonly #computed = new Set<ColumnRef>();
  /** What the statement's values take is told. */
  measured = false;
  readonly #words = { null: new Set<ColumnRef>(), false: new Set<ColumnRef>() };
  #queries = 0;

  /** Nothing may be concluded, but the rest is looked at all the same: it may hold secrets. */
  doubt(why: string): void {
    this.doubted ??= why;
  }

  /** Counts a query against the work that one statement may cause. */
  query(): void {
    if (++this.#queries > maximumQueries) throw new NotUnderstood('too many queries inside one another');
  }

  use(sources: readonly ColumnRef[], role: UseRole): void {
    for (const column of sources) {
      const roles = this.#uses.get(column);
      if (roles === undefined) this.#uses.set(column, new Set([role]));
      else roles.add(role);
    }
  }

  /** The atoms meet, or are written to, each of the columns. */
  meet(atoms: readonly Atom[], columns: readonly ColumnRef[], role: 'written' | 'compared'): void {
    for (const atom of atoms) {
      for (const column of columns) {
        this.#add(`${atom.kind} ${atom.index} ${role} ${column.relation} ${column.number} ${column.schema} ${column.table} ${column.column}`, { ...atom, role, column });
      }
    }
  }

  /** A function makes something of the columns whose size tells of their values. */
  compute(sources: readonly ColumnRef[]): void {
    for (const column of sources) this.#computed.add(column);
  }

  computed(): ColumnRef[] {
    return [...this.#computed];
  }

  /** In values made from the columns each occurrence of a literal becomes another. */
  replace(each: Atom, by: Atom, columns: readonly ColumnRef[]): void {
    for (const column of columns) {
      this.#add(`${by.index} for ${each.index} ${column.relation} ${column.number} ${column.schema} ${column.table} ${column.column}`, { ...by, role: 'compared', column, insteadOf: each.index });
    }
  }

  /** The word NULL, or FALSE, is assigned to a column. */
  assign(word: 'null' | 'false', column: ColumnRef): void {
    this.#words[word].add(column);
  }

  /** Columns to which the word is assigned. */
  assigned(word: 'null' | 'false'): ColumnRef[] {
    return [...this.#words[word]];
  }

  secret(atoms: readonly Atom[]): void {
    for (const atom of atoms) this.#add(`${atom.kind} ${atom.index}`, { ...atom, role: 'secret' });
  }

  /** The atoms are the body of a function. */
  code(atoms: readonly Atom[]): void {
    for (const atom of atoms) this.#add(`${atom.kind} ${atom.index} code`, { ...atom, role: 'code' });
  }

  #add(key: string, operand: Operand): void {
    if (this.#operands.size >= maximumOperands) throw new NotUnderstood('too many literals meet columns');
    this.#operands.set(key, operand);
  }

  uses(): ColumnUse[] {
    const result: ColumnUse[] = [];
    for (const [column, roles] of this.#uses) for (const role of roles) result.push({ column, role });
    return result;
  }

  operands(): Operand[] {
    return [...this.#operands.values()];
  }
}

/** What `several` is of values that are put side by side. */
export function severalOf(values: readonly Value[]): Value['several'] {
  return values.some((value) => value.several === 'sized') ? 'sized' : values.find((value) => value.several !== undefined)?.several;
}

/** Several values put together, without a judgement of what puts them together. */
export function together(values: readonly Value[]): { readonly sources: readonly ColumnRef[]; readonly atoms: readonly Atom[] } {
  const withSources = values.filter((value) => value.sources.length > 0);
  const withAtoms = values.filter((value) => value.atoms.length > 0);
  return {
    sources: withSources.length === 1 ? withSources[0]!.sources : withSources.length === 0 ? empty : [...new Set(withSources.flatMap((value) => value.sources))],
    atoms: withAtoms.length === 1 ? withAtoms[0]!.atoms : withAtoms.length === 0 ? empty : withAtoms.flatMap((value) => value.atoms),
  };
}
