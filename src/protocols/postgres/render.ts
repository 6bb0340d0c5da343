import { WireError } from '../../wire/errors.ts';
import { decodeBackend } from './decode.ts';
import { field } from './errors.ts';
import { backendFrames, Frame } from './frames.ts';
import type { BackendMessage, FieldDescription } from './messages.ts';

/** Widest column of a printed table, in characters; longer values are cut with an ellipsis. */
const WIDEST = 60;
/** Most rows that are lined up as one table; what follows is printed as a further one. */
const MOST_ROWS = 1000;
const MESSAGE_LIMIT = 64 * 1024 * 1024;

/** Words a recorded answer, backend messages as the client got them, the way psql would show it. Pure; never throws. */
export const renderAnswer = (bytes: Buffer): string => {
  const lines: string[] = [];
  const table = new Table();
  const flush = (): void => void lines.push(...table.take());
  const frames = backendFrames(MESSAGE_LIMIT);
  let read = 0;
  try {
    frames.push(bytes);
    for (let event = frames.next(); event; event = frames.next()) {
      read += event.bytes.length;
      if (!(event instanceof Frame)) continue;
      const message = decodeBackend(event);
      if (message.kind === 'RowDescription') {
        flush();
        table.describe(message.fields);
      } else if (message.kind === 'DataRow') {
        table.add(message.values);
        if (table.rows >= MOST_ROWS) flush();
      } else {
        const line = words(message);
        if (line === undefined) continue;
        flush();
        lines.push(line);
      }
    }
  } catch (error) {
    flush();
    lines.push(`(the rest cannot be read: ${error instanceof WireError ? error.message : 'malformed'})`);
    read = bytes.length;
  }
  flush();
  if (read < bytes.length) lines.push('(the recording ends in the middle of a message)');
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
};

const words = (message: BackendMessage): string | undefined => {
  switch (message.kind) {
    case 'CommandComplete':
      return message.tag;
    case 'CopyData':
      return message.data.toString('utf8').replace(/\n$/, '');
    case 'ErrorResponse':
    case 'NoticeResponse': {
      const { fields } = message;
      const detail = field(fields, 'D');
      return `${field(fields, 'S') ?? message.kind}: ${field(fields, 'C') ?? ''} ${field(fields, 'M') ?? ''}${detail === undefined ? '' : `\nDETAIL: ${detail}`}`;
    }
    case 'EmptyQueryResponse':
      return '(empty query)';
    case 'PortalSuspended':
      return '(more rows are there)';
    default:
      return undefined;
  }
};

const cell = (value: Buffer | null, binary: boolean): string => {
  if (value === null) return '';
  const text = binary ? `\\x${value.subarray(0, WIDEST).toString('hex')}` : value.subarray(0, WIDEST * 4).toString('utf8');
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text;
};

/** Rows that belong together, lined up. */
class Table {
  #fields: readonly FieldDescription[] = [];
  #rows: string[][] = [];

  get rows(): number {
    return this.#rows.length;
  }

  describe(fields: readonly FieldDescription[]): void {
    this.#fields = fields;
  }

  add(values: readonly (Buffer | null)[]): void {
    this.#rows.push(values.map((value, index) => cell(value, this.#fields[index]?.format === 1)));
  }

  take(): string[] {
    if (this.#rows.length === 0) return [];
    const rows = this.#fields.length > 0 ? [this.#fields.map(({ name }) => name), ...this.#rows] : this.#rows;
    const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
    const lines = rows.map((row) => ` ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')}`.trimEnd());
    if (this.#fields.length > 0) lines.splice(1, 0, `-${widths.map((width) => '-'.repeat(width)).join('-+-')}-`);
    this.#rows = [];
    return lines;
  }
}
