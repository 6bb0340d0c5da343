import { embedded, text } from '../ast.ts';
import type { Ast } from '../ast.ts';

/** A name as SQL takes it literally, whatever is in it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A relation as it stands in FROM, written anew from its tree: names only, all of them quoted. */
export function relationText(range: Ast): string {
  const alias = embedded(range, 'alias');
  const names = ['catalogname', 'schemaname', 'relname'].flatMap((field) => {
    const name = text(range, field);
    return name === undefined ? [] : [quoted(name)];
  });
  return `${range['inh'] === true ? '' : 'ONLY '}${names.join('.')}${alias ? ` AS ${quoted(text(alias, 'aliasname') ?? '')}` : ''}`;
}
