import { WireError } from '../../wire/errors.ts';
import { FrameParser } from '../../wire/framing.ts';
import { Backend, Frontend } from './codes.ts';

export { Frame, Run } from '../../wire/framing.ts';

/** Type byte and Int32 length. */
export const HEADER = 5;
/** PostgreSQL's own bound on one message (`PQ_LARGE_MESSAGE_LIMIT`, MaxAllocSize - 1): what may pass as a stream. */
const STREAMED_LIMIT = 0x3fffffff;
/** PostgreSQL's bound on messages that carry little (`PQ_SMALL_MESSAGE_LIMIT`). */
const SMALL_LIMIT = 10_000;
/** libpq's bound on backend messages other than the long ones. */
const BACKEND_SMALL_LIMIT = 30_000;
/** The longest password that PostgreSQL accepts (`PG_MAX_AUTH_TOKEN_LENGTH`). */
export const PASSWORD_LIMIT = 65_535;

/**
 * Messages of protocol 3 after the startup phase: a type byte, then an Int32 length that counts itself and the body.
 * Declared lengths are judged as soon as five bytes are in, before anything is held.
 */
class PostgresFrames extends FrameParser {
  /** Largest declared length by type; -1 for a type that does not exist in this direction. */
  readonly #limits: Int32Array;
  readonly #direction: string;

  constructor(direction: string, limits: Int32Array) {
    super(HEADER);
    this.#limits = limits;
    this.#direction = direction;
  }

  protected override typeAt(bytes: Buffer, at: number): number {
    return bytes[at] as number;
  }

  protected override sizeAt(bytes: Buffer, at: number, streamed: boolean): number {
    const limit = this.#limits[bytes[at] as number] as number;
    if (limit < 0) throw new WireError('unknown_type', `unknown ${this.#direction} message type ${bytes[at]}`);
    const length = ((bytes[at + 1] as number) << 24) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    if (length < 4) throw new WireError('malformed', `length ${length} of ${this.#direction} message ${letter(bytes[at] as number)} is impossible`);
    if (length > (streamed ? STREAMED_LIMIT : limit)) {
      throw new WireError('too_large', `${this.#direction} message ${letter(bytes[at] as number)} of ${length} bytes is above the limit`, length);
    }
    return length + 1;
  }
}

const letter = (type: number): string => String.fromCharCode(type);

/** Tables that were made, by direction and largest message: every session of a gateway has the same two. */
const tables = new Map<string, Int32Array>();

const once = (direction: string, largest: number, make: () => Int32Array): Int32Array => {
  const name = `${direction} ${largest}`;
  let table = tables.get(name);
  if (table === undefined) tables.set(name, (table = make()));
  return table;
};

const limits = (types: Readonly<Record<string, number>>, small: number, large: number, largeTypes: readonly number[]): Int32Array => {
  const table = new Int32Array(256).fill(-1);
  for (const type of Object.values(types)) table[type] = small;
  for (const type of largeTypes) table[type] = large;
  return table;
};

/**
 * Messages from a client, after its startup message.
 * @param largest largest message that is held whole, in bytes of its declared length (`gateway.limits.message`)
 */
export const frontendFrames = (largest: number): FrameParser =>
  new PostgresFrames(
    'frontend',
    once('frontend', largest, () => {
      const table = limits(Frontend, Math.min(SMALL_LIMIT, largest), Math.min(largest, STREAMED_LIMIT), [Frontend.Query, Frontend.Parse, Frontend.Bind, Frontend.FunctionCall, Frontend.CopyData]);
      table[Frontend.Password] = PASSWORD_LIMIT + 5;
      return table;
    }),
  );

/**
 * Messages from a server.
 * @param largest largest message that is held whole, in bytes of its declared length
 */
export const backendFrames = (largest: number): FrameParser =>
  new PostgresFrames(
    'backend',
    once('backend', largest, () =>
      limits(Backend, Math.min(BACKEND_SMALL_LIMIT, largest), Math.min(largest, STREAMED_LIMIT), [
        Backend.RowDescription,
        Backend.DataRow,
        Backend.CopyData,
        Backend.FunctionCallResponse,
        Backend.ErrorResponse,
        Backend.NoticeResponse,
        Backend.NotificationResponse,
        Backend.ParameterDescription,
      ]),
    ),
  );
