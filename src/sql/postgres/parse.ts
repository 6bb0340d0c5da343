import { hasSqlDetails, loadModule, parseSync } from 'libpg-query';
import type { InvalidText } from '../understand.ts';
import type { RawStatement } from './analyse.ts';
import type { Ast } from './ast.ts';

/** The parser left its module in an unknown state: whoever runs it must be replaced. */
export class ParserBroken extends Error {
  override readonly name = 'ParserBroken';
}

/** Characters of the grammar's own message that are passed on: it repeats the word that it does not expect. */
const LONGEST_MESSAGE = 300;

/** Makes the parser ready. Once for each thread. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/**
 * PostgreSQL's own grammar (libpg-query) over a text that is valid UTF-8 without NUL and within the caps. Undefined when it
 * does not parse, for the reason that is given to `why`. Throws `ParserBroken` when the parser failed in any other way than by saying so.
 */
export function parseText(text: string, why?: (invalid: InvalidText) => void): readonly RawStatement[] | undefined {
  if (text.trim() === '') return [];
  try {
    return (parseSync(text) as { stmts?: readonly RawStatement[] }).stmts ?? [];
  } catch (error) {
    if (hasSqlDetails(error)) {
      why?.({ kind: 'syntax', message: error.message.slice(0, LONGEST_MESSAGE), ...(error.sqlDetails ? { position: error.sqlDetails.cursorPosition + 1 } : {}) });
      return undefined;
    }
    throw new ParserBroken('the parser failed', { cause: error });
  }
}

/** The statements of a definition that the server printed. Throws when it does not parse. */
export function parseDefinition(sql: string): readonly Ast[] {
  const statements = parseText(sql);
  if (statements === undefined || statements.length === 0) throw new Error('does not parse');
  return statements.map(({ stmt }) => stmt ?? {});
}
