/** Longest pattern, in characters. Names of databases are far shorter; this bounds what a configuration can ask for. */
export const MAX_PATTERN = 512;

/**
 * Compiles a pattern in which `*` stands for any characters, also none, and everything else for itself. Anchored at both ends,
 * case-sensitive. Testing takes time linear in text plus pattern, whatever both contain: literal pieces are searched leftmost
 * first by Knuth-Morris-Pratt, and a leftmost match of an earlier piece never spoils a later one.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return (text) => text === first;
  const last = pieces[pieces.length - 1] ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '').map((piece) => ({ piece, failure: failureTable(piece) }));
  if (first === '' && last === '' && middle.length === 0) return () => true;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let from = first.length;
    for (const { piece, failure } of middle) {
      from = find(text, piece, failure, from, end);
      if (from < 0) return false;
    }
    return true;
  };
}

/** Whether one of several patterns matches. */
export function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const globs = patterns.map(compileGlob);
  return (text) => globs.some((matches) => matches(text));
}

/** For each position, the length of the longest proper prefix of the piece that ends there. */
function failureTable(piece: string): Uint16Array {
  const table = new Uint16Array(piece.length);
  let matched = 0;
  for (let i = 1; i < piece.length; i++) {
    while (matched > 0 && piece[i] !== piece[matched]) matched = table[matched - 1] ?? 0;
    if (piece[i] === piece[matched]) matched++;
    table[i] = matched;
  }
  return table;
}

/** Where the leftmost occurrence of the piece within [from, end) ends, or -1. */
function find(text: string, piece: string, failure: Uint16Array, from: number, end: number): number {
  let matched = 0;
  for (let i = from; i < end; i++) {
    while (matched > 0 && text[i] !== piece[matched]) matched = failure[matched - 1] ?? 0;
    if (text[i] === piece[matched]) matched++;
    if (matched === piece.length) return i + 1;
  }
  return -1;
}
