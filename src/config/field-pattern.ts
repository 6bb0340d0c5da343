/**
 * Field patterns as in `mask[].fields`:
 * - a name, `password` or `*_token`: members of that name anywhere;
 * - a path, `$.customer.ssn`, `$.items[*].card`, `$["odd.name"]`, `$..ssn`: from the top. `.*` and `[*]` stand for any member and any
 *   element, `..` for any depth.
 * `*` in a name stands for any run of characters; in quotes it is itself. Case counts.
 */
export interface FieldStep {
  /** Anything may stand between. */
  readonly deep: boolean;
  /** Which members. Undefined: any member and any element. */
  readonly name: ((name: string) => boolean) | undefined;
}

/** Longest pattern, in characters. */
const longest = 512;

/** What is wrong with a pattern, in words that follow it; undefined when it is right. */
export function fieldProblem(text: string): string | undefined {
  const read = readField(text);
  return typeof read === 'string' ? read : undefined;
}

/** Reads a pattern. Throws when it is malformed. */
export function fieldPattern(text: string): readonly FieldStep[] {
  const read = readField(text);
  if (typeof read === 'string') throw new Error(`the field pattern ${text} ${read}`);
  return read;
}

function readField(text: string): readonly FieldStep[] | string {
  if (text === '') return 'is empty';
  if (text.length > longest) return `is longer than ${longest} characters`;
  if (text.startsWith('$')) return readPath(text);
  for (const character of text) if ('.[]"\'$'.includes(character)) return `has ${character} in a name; a path starts with $., and $..["${text.replaceAll('"', '')}"] names a member with odd characters`;
  return [{ deep: true, name: named(text) }];
}

function readPath(text: string): readonly FieldStep[] | string {
  const steps: FieldStep[] = [];
  let at = 1;
  while (at < text.length) {
    const deep = text.startsWith('..', at);
    if (deep) at += 2;
    if (text[at] === '[') {
      const read = readBrackets(text, at);
      if (typeof read === 'string') return read;
      steps.push({ deep, name: read.name });
      at = read.end;
      continue;
    }
    if (!deep) {
      if (text[at] !== '.') return 'has something else than . or [ behind a step';
      at++;
    }
    let end = at;
    while (end < text.length && text[end] !== '.' && text[end] !== '[') end++;
    const name = text.slice(at, end);
    if (name === '') return 'has an empty step';
    if (/[\]"'$]/.test(name)) return `has a quote, $ or ] in a step; write ["${name.replaceAll('"', '')}"]`;
    steps.push({ deep, name: name === '*' ? undefined : named(name) });
    at = end;
  }
  return steps.length === 0 ? 'names no member' : steps;
}

function readBrackets(text: string, open: number): { readonly end: number; readonly name: ((name: string) => boolean) | undefined } | string {
  if (text.startsWith('[*]', open)) return { end: open + 3, name: undefined };
  const quote = text[open + 1];
  if (quote !== '"' && quote !== "'") return 'has brackets with neither * nor a quoted name; elements have no numbers here';
  const close = text.indexOf(`${quote}]`, open + 2);
  if (close === -1) return 'has brackets that are not closed';
  const name = text.slice(open + 2, close);
  return { end: close + 2, name: (given) => given === name };
}

function named(pattern: string): (name: string) => boolean {
  if (!pattern.includes('*')) return (name) => name === pattern;
  const pieces = pattern.split('*');
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  const between = pieces.slice(1, -1);
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    // Leftmost finds are enough.
    let at = first.length;
    for (const piece of between) {
      const found = name.indexOf(piece, at);
      if (found === -1 || found + piece.length > name.length - last.length) return false;
      at = found + piece.length;
    }
    return true;
  };
}
