/**
 * Reading libpg-query's tree: plain JSON in which a node is an object with one key, its kind, and fields whose value is
 * the default (0, false, empty) are absent.
 */
export type Ast = { readonly [field: string]: unknown };

const none: readonly Ast[] = [];

/** The kind of a wrapped node and its fields; `''` for anything else. */
export function open(node: unknown): readonly [kind: string, fields: Ast] {
  if (typeof node === 'object' && node !== null && !Array.isArray(node)) {
    const [kind] = Object.keys(node);
    if (kind !== undefined) return [kind, (node as Ast)[kind] as Ast];
  }
  return ['', {}];
}

/** The fields of an embedded (not wrapped) node. */
export function embedded(node: Ast, field: string): Ast | undefined {
  const value = node[field];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Ast) : undefined;
}

/** The nodes of a list field. */
export function list(node: Ast, field: string): readonly Ast[] {
  const value = node[field];
  if (Array.isArray(value)) return value as readonly Ast[];
  const [kind, fields] = open(value);
  return kind === 'List' ? list(fields, 'items') : none;
}

/** A text field, or undefined. */
export function text(node: Ast, field: string): string | undefined {
  const value = node[field];
  return typeof value === 'string' ? value : undefined;
}

/** The strings of a list of String nodes: a qualified name, a list of columns. */
export function strings(nodes: readonly Ast[]): readonly string[] {
  const found: string[] = [];
  for (const node of nodes) {
    const [kind, fields] = open(node);
    if (kind === 'String') found.push(text(fields, 'sval') ?? '');
    else if (kind === 'List') found.push(...strings(list(fields, 'items')));
  }
  return found;
}

/** A possibly qualified name: schema (the last but one part) and name. A database in front is left out. */
export function qualified(nodes: readonly Ast[]): { readonly schema?: string; readonly name: string } {
  const parts = strings(nodes);
  const name = parts.at(-1) ?? '';
  const schema = parts.at(-2);
  return schema === undefined ? { name } : { schema, name };
}
