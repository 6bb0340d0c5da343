import { Lexer, Token } from '../lexer.ts';

/** One token of a text. */
export interface TextToken {
  readonly kind: number;
  /** Byte offsets. */
  readonly start: number;
  readonly end: number;
  /** Open brackets around it. */
  readonly depth: number;
  /** Of a word: in lower case; of punctuation: itself; else empty. */
  readonly word: string;
}

/** The tokens of a text that has a shape. Their order and number are the same in every text of the shape. */
export function tokensOf(text: Uint8Array): readonly TextToken[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const lexer = new Lexer(bytes);
  const tokens: TextToken[] = [];
  let depth = 0;
  for (let kind = lexer.next(); kind !== Token.end && kind !== Token.error; kind = lexer.next()) {
    const { start, end } = lexer;
    const word = kind === Token.word || kind === Token.operator || kind === Token.parameter ? bytes.toString('latin1', start, end).toLowerCase() : '';
    if (word === ')' || word === ']') depth--;
    tokens.push({ kind, start, end, depth, word });
    if (word === '(' || word === '[') depth++;
  }
  return tokens;
}

/**
 * The first token of a statement's own level that is this reserved word, from `from` up to but without `to`; -1 when there is none.
 * Behind a dot it would be a column of that name, and behind DISTINCT part of an operator; the words of CASE ... END are its own.
 */
export function findWord(tokens: readonly TextToken[], word: string, from: number, to = tokens.length): number {
  if (from < 0) return -1;
  let cases = 0;
  for (let at = from; at < to; at++) {
    const token = tokens[at]!;
    const before = tokens[at - 1]?.word;
    if (token.depth !== 0 || token.kind !== Token.word || before === '.' || before === 'distinct') continue;
    if (token.word === 'case') cases++;
    else if (token.word === 'end') cases--;
    else if (cases === 0 && token.word === word) return at;
  }
  return -1;
}

/** The numbers of the parameters in a range of tokens, both ends included. */
export function parametersIn(tokens: readonly TextToken[], first: number, last: number): readonly number[] {
  return tokens.slice(first, last + 1).flatMap(({ kind, word }) => (kind === Token.parameter ? [Number(word.slice(1))] : []));
}
