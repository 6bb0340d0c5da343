import { caseless } from './alike.ts';

/**
 * Path templates: `/v1/users/{id}`, `/files/*` (one segment), `/files/**` (the rest). In the rule sets that ship also `{name+}`, one segment
 * that may hold encoded slashes, `{name**}`, the rest as one name, and text around a parameter: `{topic}:publish`.
 */
export interface Template {
  /** How far the template describes a path: 2 exactly, 1 only up to what servers may or may not tell apart, 0 not. */
  level(segments: readonly string[]): 0 | 1 | 2;
  /** What the parameters stand for in a path that the template describes exactly, with slashes in names only where it lets them; undefined for any other. */
  parameters(segments: readonly string[]): Readonly<Record<string, string>> | undefined;
}

export interface TemplateOptions {
  /** The API does not tell upper from lower case in what is not a parameter. */
  readonly anyCase?: boolean;
  /** `name:verb` at the end of a path calls an operation of its own: a parameter alone does not take it. */
  readonly customVerbs?: boolean;
}

interface Segment {
  readonly before: string;
  /** Undefined: literal text, in `before`. Empty: a parameter without a name. */
  readonly parameter: string | undefined;
  readonly after: string;
  readonly slashes: boolean;
  /** What servers may take for the literal text. */
  readonly loosely: string;
}

interface Parsed {
  readonly segments: readonly Segment[];
  /** Name of what takes the rest; empty: no name. */
  readonly rest: string | undefined;
}

const LONGEST = 1024;

/** Compiles a template. Answers what is wrong in words when it cannot be read. */
export const compileTemplate = (written: string, options: TemplateOptions = {}): Template | string => {
  const parsed = parse(written);
  if (typeof parsed === 'string') return parsed;
  return {
    level: (segments) => (matchExactly(parsed, segments, options) !== undefined ? 2 : matchLoosely(parsed, segments) ? 1 : 0),
    parameters: (segments) => {
      const parameters = matchExactly(parsed, segments, options);
      return segments.every((segment, index) => !segment.includes('/') || parsed.segments[index]?.slashes === true) ? parameters : undefined;
    },
  };
};

/** What is wrong with a template, in words. */
export const templateProblem = (written: string): string | undefined => {
  const parsed = parse(written);
  return typeof parsed === 'string' ? parsed : undefined;
};

/** Whether everything that `narrow` describes is surely described by `wide` too. Says no when in doubt. */
export const templateCovers = (wide: string, narrow: string): boolean => {
  if (wide === narrow) return true;
  const [a, b] = [parse(wide), parse(narrow)];
  if (typeof a === 'string' || typeof b === 'string') return false;
  if (a.rest === undefined && (b.rest !== undefined || a.segments.length !== b.segments.length)) return false;
  // What is left for the rest of the wide one must be at least one segment.
  if (a.rest !== undefined && b.segments.length + (b.rest === undefined ? 0 : 1) <= a.segments.length) return false;
  return a.segments.every((segment, index) => {
    const other = b.segments[index];
    if (other === undefined) return false;
    if (segment.parameter === undefined) return other.parameter === undefined && segment.before === other.before;
    return segment.before === '' && segment.after === '' && (other.parameter !== undefined || other.before !== '');
  });
};

function parse(written: string): Parsed | string {
  if (written.length > LONGEST) return `is longer than ${LONGEST} characters`;
  if (!written.startsWith('/')) return 'does not begin with a slash';
  if (/[?#]/.test(written)) return 'has a query or a fragment, which is matched by query';
  if (/[\s\\;]/.test(written)) return 'has a space, a backslash or a semicolon';
  const parts = written.slice(1).split('/');
  const segments: Segment[] = [];
  const names = new Set<string>();
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (part === '' && !last) return 'has an empty segment, which no path has';
    if (part === '.' || part === '..') return 'has a dot segment, which no path has';
    const rest = part === '**' ? '' : /^\{([A-Za-z_][A-Za-z0-9_]*)\*\*\}$/.exec(part)?.[1];
    if (rest !== undefined) return last ? { segments, rest } : 'has ** before the end';
    const segment = parseSegment(part);
    if (typeof segment === 'string') return segment;
    if (segment.parameter !== undefined && segment.parameter !== '') {
      if (names.has(segment.parameter)) return `names {${segment.parameter}} twice`;
      names.add(segment.parameter);
    }
    segments.push(segment);
  }
  return { segments, rest: undefined };
}

function parseSegment(part: string): Segment | string {
  if (part === '*') return { before: '', parameter: '', after: '', slashes: false, loosely: '' };
  const found = /^([^{}*]*)\{([A-Za-z_][A-Za-z0-9_]*)(\+?)\}([^{}*]*)$/.exec(part);
  if (found !== null) return { before: found[1] ?? '', parameter: found[2] ?? '', after: found[4] ?? '', slashes: found[3] === '+', loosely: '' };
  if (/[{}]/.test(part)) return `has braces in ${JSON.stringify(part)} that are no parameter such as {id}`;
  if (part.includes('*')) return `has a * in ${JSON.stringify(part)}: it stands for a whole segment`;
  // Rules are compared with what a path says, not with how it is written.
  const decoded = decodeLiteral(part);
  return decoded === undefined ? `has an encoding in ${JSON.stringify(part)} that says nothing` : { before: decoded, parameter: undefined, after: '', slashes: false, loosely: fold(decoded) };
}

function decodeLiteral(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function matchExactly({ segments, rest }: Parsed, path: readonly string[], { anyCase = false, customVerbs = false }: TemplateOptions): Record<string, string> | undefined {
  if (rest === undefined ? path.length !== segments.length : path.length <= segments.length) return undefined;
  const same = (a: string, b: string): boolean => a === b || (anyCase && a.toLowerCase() === b.toLowerCase());
  const parameters: Record<string, string> = {};
  for (const [index, { before, parameter, after }] of segments.entries()) {
    const text = path[index] ?? '';
    if (parameter === undefined) {
      if (!same(text, before)) return undefined;
      continue;
    }
    // An empty name is no name.
    if (text.length <= before.length + after.length || !same(text.slice(0, before.length), before) || !same(text.slice(text.length - after.length), after)) return undefined;
    const value = text.slice(before.length, text.length - after.length);
    if (customVerbs && after === '' && value.includes(':')) return undefined;
    if (parameter !== '') parameters[parameter] = value;
  }
  if (rest !== undefined && rest !== '') {
    const name = path.slice(segments.length).join('/');
    if (name === '') return undefined;
    parameters[rest] = name;
  }
  return parameters;
}

/**
 * What servers may take for the same path: another case, a slash at the end, dots, spaces or an encoded semicolon at the end of a name, and for `/a/**` the folder
 * itself. Enough to refuse, never to grant.
 */
function matchLoosely({ segments, rest }: Parsed, path: readonly string[]): boolean {
  const folded = loosely(path);
  const wanted = segments.at(-1)?.parameter === undefined && segments.at(-1)?.before === '' ? segments.slice(0, -1) : segments;
  if (rest === undefined ? folded.length !== wanted.length : folded.length < wanted.length) return false;
  return wanted.every(({ before, parameter, after, loosely }, index) => {
    const text = folded[index] ?? '';
    if (parameter === undefined) return text === loosely;
    return text.length >= before.length + after.length && text.startsWith(caseless(before)) && text.endsWith(caseless(after));
  });
}

/** A path as the most forgiving servers read it: what two of them have in common, one of them may take for the same. */
export const loosely = (path: readonly string[]): readonly string[] => withoutEnd(path).flatMap((segment) => segment.split('/')).map(fold);

const withoutEnd = (path: readonly string[]): readonly string[] => (path.at(-1) === '' ? path.slice(0, -1) : path);

const fold = (segment: string): string => (caseless(segment.normalize('NFKC')).split(';', 1)[0] ?? '').replace(/[. ]{1,64}$/, '');
