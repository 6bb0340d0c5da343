/** Where something stands in a configuration file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong, for the person who wrote the file. Never holds a value that could be a credential. */
export interface Problem extends Place {
  /** The key that it is about, such as `connections[billing].target.port`. Empty for a whole file. */
  readonly path: string;
  readonly message: string;
  /** What to do or what was probably meant. */
  readonly suggestion?: string;
}

/** A place together with the key that stands there. */
export interface Spot {
  readonly place: Place;
  readonly path: string;
}

/** Problems beyond this many say nothing new; the rest is counted. */
const mostProblems = 200;

/** Gathers what is wrong, so that one run tells all of it. */
export class Problems {
  readonly #list: Problem[] = [];
  #more = 0;

  add(at: Spot, message: string, suggestion?: string): void {
    if (this.#list.length >= mostProblems) {
      this.#more += 1;
      return;
    }
    this.#list.push({ ...at.place, path: at.path, message, ...(suggestion === undefined ? {} : { suggestion }) });
  }

  get any(): boolean {
    return this.#list.length > 0;
  }

  /** In the order of the files: by file, line, column; the same thing said twice is said once. */
  list(): Problem[] {
    const seen = new Set<string>();
    const sorted = this.#list
      .toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column))
      .filter((problem) => {
        const key = formatProblem(problem);
        return seen.has(key) ? false : seen.add(key) !== undefined;
      });
    const last = sorted.at(-1);
    if (last !== undefined && this.#more > 0) {
      sorted.push({ file: last.file, line: last.line, column: last.column, path: '', message: `${this.#more} more problems are not shown` });
    }
    return sorted;
  }
}

/** `file:line:column: key: message (suggestion)`: the form that editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const key = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.suggestion === undefined ? '' : ` (${problem.suggestion})`;
  return withoutControls(`${problem.file}:${problem.line}:${problem.column}: ${key}${problem.message}${hint}`);
}

/** A line that a terminal shows as it is: control characters, which could move the cursor or colour it, become spaces. */
export const withoutControls = (line: string): string => line.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');

/** `file:line`, for a second place that a message names. */
export const at = (place: { readonly file: string; readonly line: number }): string => `${place.file}:${place.line}`;
