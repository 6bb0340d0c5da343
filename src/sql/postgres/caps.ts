import { Lexer, Token } from './lexer.ts';

/**
 * Caps on what may reach the parser. Its grammar recurses for nested brackets and builds deep trees for chains of
 * operators; a tree deeper than its stack poisons the module it runs in.
 */
const CAPS = {
  /** Open brackets at one place. */
  nesting: 500,
  /** Operators, casts, set operations and joins that could hang on one another: a quarter of what the parser's stack holds. */
  chain: 2000,
} as const;

/** Words that make a tree one deeper without a bracket. */
const DEEPENS = new Set(['not', 'is', 'isnull', 'notnull', 'collate', 'at', 'like', 'ilike', 'similar', 'between', 'in']);
/** Reserved words after which a chain begins again: lists of these are flat in the tree, or `STRUCTURAL` counts them. */
const FLATTENS = new Set(['and', 'or', 'when', 'then', 'else', 'where', 'from', 'on', 'having']);
/** Hang on one another across a whole statement. */
const STRUCTURAL = new Set(['join', 'union', 'intersect', 'except', 'case']);

/**
 * Whether the parser can read a text without coming near the end of its stack: an upper estimate of the depth of the tree,
 * made from tokens. The text must have a shape.
 */
export function withinCaps(text: Uint8Array): boolean {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const lexer = new Lexer(bytes);
  // For each open bracket: the depth of what stands before it, and the deepest of the list it stands in.
  const before: number[] = [];
  const deepest: number[] = [];
  let depth = 0;
  let most = 0;
  let structure = 0;
  let dotted = false;
  for (let kind = lexer.next(); kind !== Token.end && kind !== Token.error; kind = lexer.next()) {
    const wasDotted = dotted;
    dotted = false;
    if (kind === Token.semicolon) {
      depth = most = structure = 0;
    } else if (kind === Token.operator) {
      const c = bytes[lexer.start];
      if (c === 0x2c) {
        most = Math.max(most, depth);
        depth = 0;
      } else if (c === 0x28 || c === 0x5b) {
        if (before.push(depth) > CAPS.nesting) return false;
        deepest.push(most);
        depth = most = 0;
      } else if (c === 0x29 || c === 0x5d) {
        depth = (before.pop() ?? 0) + Math.max(most, depth) + 1;
        most = deepest.pop() ?? 0;
      } else if (c === 0x2e && lexer.end - lexer.start === 1) dotted = true;
      else depth++;
    } else if (kind === Token.word && !wasDotted && lexer.end - lexer.start < 10) {
      // Behind a dot it would be a column of that name.
      const word = bytes.toString('latin1', lexer.start, lexer.end).toLowerCase();
      if (FLATTENS.has(word)) {
        most = Math.max(most, depth);
        depth = 0;
      } else if (DEEPENS.has(word)) depth++;
      else if (STRUCTURAL.has(word)) structure++;
    }
    if (depth > CAPS.chain || structure > CAPS.chain) return false;
  }
  return true;
}
