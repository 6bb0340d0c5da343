import { hasSqlDetails, loadModule, parseSync } from 'libpg-query';
import type { RawStatement } from './analyse.ts';
import type { Ast } from './ast.ts';

/** The parser left its module in an unknown state: whoever runs it must be replaced. */
export class ParserBroken extends Error {
  override readonly name = 'ParserBroken';
}

/** Makes the parser ready. Once for each thread. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/**
 * PostgreSQL's own grammar (libpg-query) over a text that is valid UTF-8 without NUL and within the caps. Undefined when it
 * does not parse. Throws `ParserBroken` when the parser failed in any other way than by saying so.
 */
export function parseText(text: string): readonly RawStatement[] | undefined {
  if (text.trim() === '') return [];
  try {
    return (parseSync(text) as { stmts?: readonly RawStatement[] }).stmts ?? [];
  } catch (error) {
    if (hasSqlDetails(error)) return undefined;
    throw new ParserBroken('the parser failed', { cause: error });
  }
}

/** The statements of a definition that the server printed. Throws when it does not parse. */
export function parseDefinition(sql: string): readonly Ast[] {
  const statements = parseText(sql);
  if (statements === undefined || statements.length === 0) throw new Error('does not parse');
  return statements.map(({ stmt }) => stmt ?? {});
}
