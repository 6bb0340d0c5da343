import type { SettingChange } from '../facts.ts';
import type { Ast } from './ast.ts';
import type { Effects } from './effects.ts';
import type { Granted } from './granted.ts';
import type { FirstColumns } from './lineage/titles.ts';
import type { Names } from './names.ts';

/** What the analysis of one statement carries along. */
export interface Around {
  readonly names: Names;
  /** The role that is logged in; undefined when it is not known, or may be another one by now. */
  readonly login: string | undefined;
  readonly effects: Effects;
  readonly granted: Granted;
  /** Changes of settings found so far. */
  readonly settings: SettingChange[];
  /** Cursors at whose rows WHERE CURRENT OF stands, as far as they were found. */
  readonly cursors: Set<string>;
  /** Parses a view's definition; throws when it does not parse. */
  parse(sql: string): readonly Ast[];
  /** Says that the answer rests on the value of a literal, so that it holds for this text only. */
  dependsOnLiteral(): void;
  /** The ordinal of the literal token at a byte offset of the message; undefined inside a view. */
  literalAt(offset: number): number | undefined;
  readonly firstColumns: FirstColumns;
  /** OIDs of the views that are being followed. */
  readonly views: ReadonlySet<number>;
}

/** The text of a string constant, or undefined when the node is something else. Using it ties the answer to this text. */
export function constantText(around: Around, node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const constant = (node as Ast)['A_Const'] as Ast | undefined;
  if (constant === undefined) {
    const cast = (node as Ast)['TypeCast'] as Ast | undefined;
    return cast === undefined ? undefined : constantText(around, cast['arg']);
  }
  const value = constant['sval'] as Ast | undefined;
  if (value === undefined) return undefined;
  around.dependsOnLiteral();
  return typeof value['sval'] === 'string' ? value['sval'] : '';
}

/** Whether a node is a literal, a parameter, NULL, or a cast of one: nothing computed. */
export function isConstant(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  const ast = node as Ast;
  if ('A_Const' in ast || 'ParamRef' in ast) return true;
  return 'TypeCast' in ast && isConstant((ast['TypeCast'] as Ast)['arg']);
}
