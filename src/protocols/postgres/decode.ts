import { WireError } from '../../wire/errors.ts';
import { Reader } from '../../wire/reader.ts';
import type { Frame } from '../../wire/framing.ts';
import { Backend, Frontend } from './codes.ts';
import type { Authentication, BackendMessage, Bind, CopyResponse, ErrorField, FieldDescription, Format, FrontendMessage, TransactionStatus } from './messages.ts';

/**
 * Decodes one message from a client. Strict: whatever PostgreSQL would refuse, and anything left over, throws WireError;
 * so what is judged here and what the target reads are the same.
 */
export const decodeFrontend = (frame: Frame): FrontendMessage => {
  const reader = readerOf(frame);
  const message = frontend(frame.type, reader);
  reader.end();
  return message;
};

/** Decodes one message from a server, as strictly. */
export const decodeBackend = (frame: Frame): BackendMessage => {
  const reader = readerOf(frame);
  const message = backend(frame.type, reader);
  reader.end();
  return message;
};

/** The tag of a CommandComplete. */
export const tagOf = (frame: Frame): string => {
  const reader = readerOf(frame);
  const tag = reader.name();
  reader.end();
  return tag;
};

/** The status in a ReadyForQuery. */
export const statusOf = (frame: Frame): TransactionStatus => {
  const reader = readerOf(frame);
  const found = status(reader.uint8());
  reader.end();
  return found;
};

const readerOf = ({ memory, from, header, size }: Frame): Reader => new Reader(memory, from + header, from + size);

const frontend = (type: number, reader: Reader): FrontendMessage => {
  switch (type) {
    case Frontend.Query:
      return { kind: 'Query', text: reader.cstring() };
    case Frontend.Parse:
      return { kind: 'Parse', statement: reader.name(), text: reader.cstring(), parameterTypes: oids(reader) };
    case Frontend.Bind:
      return bind(reader);
    case Frontend.Describe:
      return { kind: 'Describe', what: what(reader), name: reader.name() };
    case Frontend.Close:
      return { kind: 'Close', what: what(reader), name: reader.name() };
    case Frontend.Execute: {
      const portal = reader.name();
      const maxRows = reader.int32();
      if (maxRows < 0) throw new WireError('malformed', 'negative row count in Execute');
      return { kind: 'Execute', portal, maxRows };
    }
    case Frontend.Sync:
      return { kind: 'Sync' };
    case Frontend.Flush:
      return { kind: 'Flush' };
    case Frontend.Terminate:
      return { kind: 'Terminate' };
    case Frontend.CopyData:
      return { kind: 'CopyData', data: reader.rest() };
    case Frontend.CopyDone:
      return { kind: 'CopyDone' };
    case Frontend.CopyFail:
      return { kind: 'CopyFail', reason: reader.cstring() };
    case Frontend.Password:
      return { kind: 'Password', data: reader.rest() };
    case Frontend.FunctionCall: {
      const oid = reader.uint32();
      reader.rest();
      return { kind: 'FunctionCall', function: oid };
    }
    default:
      throw new WireError('unknown_type', `unknown frontend message type ${type}`);
  }
};

const bind = (reader: Reader): Bind => {
  const portal = reader.name();
  const statement = reader.name();
  const given = formats(reader);
  const values = cells(reader);
  if (given.length > 1 && given.length !== values.length) throw new WireError('malformed', 'number of formats and of values differ');
  return { kind: 'Bind', portal, statement, formats: given, values, resultFormats: formats(reader) };
};

const what = (reader: Reader): 'statement' | 'portal' => {
  switch (reader.uint8()) {
    case 0x53:
      return 'statement';
    case 0x50:
      return 'portal';
    default:
      throw new WireError('malformed', 'neither a statement nor a portal is named');
  }
};

/** A count that could not fit into what is left is refused before anything is allocated for it. */
const count = (reader: Reader, least: number): number => {
  const value = reader.uint16();
  if (value * least > reader.remaining) throw new WireError('truncated', 'message holds fewer items than it declares');
  return value;
};

const oids = (reader: Reader): number[] => {
  const list = new Array<number>(count(reader, 4));
  for (let i = 0; i < list.length; i++) list[i] = reader.uint32();
  return list;
};

const format = (code: number): Format => {
  if (code !== 0 && code !== 1) throw new WireError('malformed', 'unknown format code');
  return code;
};

const formats = (reader: Reader): Format[] => {
  const list = new Array<Format>(count(reader, 2));
  for (let i = 0; i < list.length; i++) list[i] = format(reader.uint16());
  return list;
};

const cell = (reader: Reader): Buffer | null => {
  const length = reader.int32();
  if (length === -1) return null;
  return reader.bytes(length);
};

const cells = (reader: Reader): (Buffer | null)[] => {
  const list = new Array<Buffer | null>(count(reader, 4));
  for (let i = 0; i < list.length; i++) list[i] = cell(reader);
  return list;
};

const backend = (type: number, reader: Reader): BackendMessage => {
  switch (type) {
    case Backend.DataRow:
      return { kind: 'DataRow', values: cells(reader) };
    case Backend.ReadyForQuery:
      return { kind: 'ReadyForQuery', status: status(reader.uint8()) };
    case Backend.CommandComplete:
      return { kind: 'CommandComplete', tag: reader.name() };
    case Backend.ParseComplete:
      return { kind: 'ParseComplete' };
    case Backend.BindComplete:
      return { kind: 'BindComplete' };
    case Backend.CloseComplete:
      return { kind: 'CloseComplete' };
    case Backend.NoData:
      return { kind: 'NoData' };
    case Backend.EmptyQueryResponse:
      return { kind: 'EmptyQueryResponse' };
    case Backend.PortalSuspended:
      return { kind: 'PortalSuspended' };
    case Backend.RowDescription:
      return { kind: 'RowDescription', fields: fieldDescriptions(reader) };
    case Backend.ParameterDescription:
      return { kind: 'ParameterDescription', types: oids(reader) };
    case Backend.ErrorResponse:
      return { kind: 'ErrorResponse', fields: errorFields(reader) };
    case Backend.NoticeResponse:
      return { kind: 'NoticeResponse', fields: errorFields(reader) };
    case Backend.NotificationResponse:
      return { kind: 'NotificationResponse', processId: reader.int32(), channel: reader.cstring(), payload: reader.cstring() };
    case Backend.ParameterStatus:
      return { kind: 'ParameterStatus', name: reader.cstring(), value: reader.cstring() };
    case Backend.CopyInResponse:
      return copyResponse('CopyInResponse', reader);
    case Backend.CopyOutResponse:
      return copyResponse('CopyOutResponse', reader);
    case Backend.CopyBothResponse:
      return copyResponse('CopyBothResponse', reader);
    case Backend.CopyData:
      return { kind: 'CopyData', data: reader.rest() };
    case Backend.CopyDone:
      return { kind: 'CopyDone' };
    case Backend.Authentication:
      return authentication(reader);
    case Backend.BackendKeyData: {
      const processId = reader.int32();
      const key = reader.rest();
      if (key.length < 4 || key.length > 256) throw new WireError('malformed', 'cancel key of impossible length');
      return { kind: 'BackendKeyData', processId, key };
    }
    case Backend.NegotiateProtocolVersion:
      return negotiate(reader);
    case Backend.FunctionCallResponse:
      return { kind: 'FunctionCallResponse', value: cell(reader) };
    default:
      throw new WireError('unknown_type', `unknown backend message type ${type}`);
  }
};

const status = (code: number): TransactionStatus => {
  switch (code) {
    case 0x49:
      return 'I';
    case 0x54:
      return 'T';
    case 0x45:
      return 'E';
    default:
      throw new WireError('malformed', 'unknown transaction status');
  }
};

const fieldDescriptions = (reader: Reader): FieldDescription[] => {
  const list = new Array<FieldDescription>(count(reader, 19));
  for (let i = 0; i < list.length; i++) {
    list[i] = { name: reader.cstring(), table: reader.uint32(), column: reader.int16(), type: reader.uint32(), size: reader.int16(), modifier: reader.int32(), format: format(reader.uint16()) };
  }
  return list;
};

/** Field letter and text, repeated, closed by a zero byte. */
const errorFields = (reader: Reader): ErrorField[] => {
  const fields: ErrorField[] = [];
  for (;;) {
    const letter = reader.uint8();
    if (letter === 0) return fields;
    fields.push({ code: String.fromCharCode(letter), value: reader.cstring() });
  }
};

const copyResponse = (kind: CopyResponse['kind'], reader: Reader): CopyResponse => ({ kind, format: format(reader.uint8()), columnFormats: formats(reader) });

const authentication = (reader: Reader): Authentication => {
  const kind = 'Authentication';
  const method = reader.int32();
  switch (method) {
    case 0:
      return { kind, method: 'Ok' };
    case 2:
      return { kind, method: 'KerberosV5' };
    case 3:
      return { kind, method: 'CleartextPassword' };
    case 5:
      return { kind, method: 'MD5Password', salt: reader.bytes(4) };
    case 7:
      return { kind, method: 'GSS' };
    case 8:
      return { kind, method: 'GSSContinue', data: reader.rest() };
    case 9:
      return { kind, method: 'SSPI' };
    case 10:
      return { kind, method: 'SASL', mechanisms: mechanisms(reader) };
    case 11:
      return { kind, method: 'SASLContinue', data: reader.rest() };
    case 12:
      return { kind, method: 'SASLFinal', data: reader.rest() };
    default:
      throw new WireError('malformed', `unknown authentication method ${method}`);
  }
};

const mechanisms = (reader: Reader): string[] => {
  const names: string[] = [];
  for (let name = reader.cstring(); name !== ''; name = reader.cstring()) names.push(name);
  return names;
};

const negotiate = (reader: Reader): BackendMessage => {
  // The manual says minor version; every server sends the whole version number.
  const minor = reader.int32() & 0xffff;
  const options = new Array<string>(optionCount(reader));
  for (let i = 0; i < options.length; i++) options[i] = reader.cstring();
  return { kind: 'NegotiateProtocolVersion', minor, options };
};

const optionCount = (reader: Reader): number => {
  const value = reader.int32();
  if (value < 0 || value > reader.remaining) throw new WireError('malformed', 'impossible number of options');
  return value;
};
