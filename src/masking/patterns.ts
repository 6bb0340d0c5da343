/**
 * Column patterns as in `mask[].columns`: `column`, `table.column` or `schema.table.column`; `*` stands for any run of
 * characters within a part. A part without quotes matches whatever the case, so that "Password" made by a tool that
 * quotes everything is covered too; a part in double quotes matches exactly. A missing part matches anything.
 */
export interface ColumnPattern {
  readonly text: string;
  matches(schema: string, table: string, column: string): boolean;
}

type Part = (name: string) => boolean;

const any: Part = () => true;

/** Compiles a pattern. Throws when it has none or more than three parts or an unclosed quote. */
export function columnPattern(text: string): ColumnPattern {
  const parts = split(text).map(compile);
  if (parts.length === 0 || parts.length > 3) throw new Error(`a column pattern has one to three parts: ${text}`);
  const column = parts.at(-1)!;
  const table = parts.at(-2) ?? any;
  const schema = parts.at(-3) ?? any;
  return { text, matches: (inSchema, inTable, name) => column(name) && table(inTable) && schema(inSchema) };
}

interface Written {
  readonly text: string;
  readonly quoted: boolean;
}

function split(text: string): Written[] {
  const parts: Written[] = [];
  let at = 0;
  while (at <= text.length) {
    if (text[at] === '"') {
      let part = '';
      for (at++; ; at++) {
        if (at >= text.length) throw new Error(`a column pattern with an unclosed quote: ${text}`);
        if (text[at] !== '"') part += text[at];
        else if (text[at + 1] === '"') part += text[at++];
        else break;
      }
      at++;
      if (at < text.length && text[at] !== '.') throw new Error(`a column pattern with something behind a quote: ${text}`);
      parts.push({ text: part, quoted: true });
    } else {
      const dot = text.indexOf('.', at);
      const end = dot === -1 ? text.length : dot;
      if (end === at) throw new Error(`a column pattern with an empty part: ${text}`);
      parts.push({ text: text.slice(at, end), quoted: false });
      at = end;
    }
    at++;
  }
  return parts;
}

function compile(part: Written): Part {
  if (part.quoted) return (name) => name === part.text;
  const pattern = part.text.toLowerCase();
  if (pattern === '*') return any;
  if (!pattern.includes('*')) return (name) => name.toLowerCase() === pattern;
  const pieces = pattern.split('*');
  return (name) => glob(pieces, name.toLowerCase());
}

/** First piece at the start, last at the end, the others in order between: leftmost finds are enough. */
function glob(pieces: readonly string[], name: string): boolean {
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found === -1 || found + piece.length > name.length - last.length) return false;
    at = found + piece.length;
  }
  return true;
}
