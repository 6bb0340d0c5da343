import { Writer } from '../../wire/writer.ts';
import { Backend, Frontend, StartupCode } from './codes.ts';
import type { ErrorField, FieldDescription, Format, TransactionStatus } from './messages.ts';

/** Writes one message: type byte, length, then what `body` writes. */
const message = (type: number, body: (out: Writer) => void, size = 64): Buffer => {
  const out = new Writer(size).uint8(type);
  const length = out.reserve32();
  body(out);
  return out.patchLength(length).finish();
};

/** A message without a body, made once. */
const bare = (type: number): Buffer => message(type, () => {}, 5);

const formats = (out: Writer, list: readonly Format[]): void => {
  out.int16(list.length);
  for (const format of list) out.int16(format);
};

const cells = (out: Writer, values: readonly (Uint8Array | null)[]): void => {
  out.int16(values.length);
  for (const value of values) {
    if (value === null) out.int32(-1);
    else out.int32(value.length).bytes(value);
  }
};

const whatByte = { statement: 0x53, portal: 0x50 } as const;

/** Messages to a server. Those without a body are shared constants: never write into them. */
export const toServer = {
  sslRequest: new Writer(8).int32(8).int32(StartupCode.sslRequest).finish(),
  sync: bare(Frontend.Sync),
  flush: bare(Frontend.Flush),
  terminate: bare(Frontend.Terminate),
  copyDone: bare(Frontend.CopyDone),

  /** StartupMessage of protocol 3.0. */
  startup(parameters: Iterable<readonly [string, string]>): Buffer {
    const out = new Writer();
    const length = out.reserve32();
    out.int16(3).int16(0);
    for (const [name, value] of parameters) out.cstring(name).cstring(value);
    return out.uint8(0).patchLength(length).finish();
  },
  cancelRequest(processId: number, key: Uint8Array): Buffer {
    const out = new Writer(64);
    const length = out.reserve32();
    return out.int32(StartupCode.cancelRequest).int32(processId).bytes(key).patchLength(length).finish();
  },
  /** PasswordMessage; `password` must not hold NUL and gets its terminator here. */
  password(password: Uint8Array): Buffer {
    return message(Frontend.Password, (out) => out.bytes(password).uint8(0), password.length + 6);
  },
  saslInitialResponse(mechanism: string, data: Uint8Array): Buffer {
    return message(Frontend.Password, (out) => out.cstring(mechanism).int32(data.length).bytes(data));
  },
  saslResponse(data: Uint8Array): Buffer {
    return message(Frontend.Password, (out) => out.bytes(data));
  },
  query(text: string): Buffer {
    return message(Frontend.Query, (out) => out.cstring(text), text.length + 16);
  },
  parse(statement: string, text: string, parameterTypes: readonly number[] = []): Buffer {
    return message(Frontend.Parse, (out) => {
      out.cstring(statement).cstring(text).int16(parameterTypes.length);
      for (const type of parameterTypes) out.int32(type);
    });
  },
  bind(portal: string, statement: string, parameterFormats: readonly Format[], values: readonly (Uint8Array | null)[], resultFormats: readonly Format[] = []): Buffer {
    return message(Frontend.Bind, (out) => {
      out.cstring(portal).cstring(statement);
      formats(out, parameterFormats);
      cells(out, values);
      formats(out, resultFormats);
    });
  },
  describe(what: 'statement' | 'portal', name: string): Buffer {
    return message(Frontend.Describe, (out) => out.uint8(whatByte[what]).cstring(name));
  },
  close(what: 'statement' | 'portal', name: string): Buffer {
    return message(Frontend.Close, (out) => out.uint8(whatByte[what]).cstring(name));
  },
  execute(portal: string, maxRows = 0): Buffer {
    return message(Frontend.Execute, (out) => out.cstring(portal).int32(maxRows));
  },
  copyData(data: Uint8Array): Buffer {
    return message(Frontend.CopyData, (out) => out.bytes(data), data.length + 5);
  },
  copyFail(reason: string): Buffer {
    return message(Frontend.CopyFail, (out) => out.cstring(reason));
  },
} as const;

/** Messages to a client. Those without a body are shared constants: never write into them. */
export const toClient = {
  authenticationOk: message(Backend.Authentication, (out) => out.int32(0)),
  authenticationCleartextPassword: message(Backend.Authentication, (out) => out.int32(3)),
  parseComplete: bare(Backend.ParseComplete),
  bindComplete: bare(Backend.BindComplete),
  closeComplete: bare(Backend.CloseComplete),
  noData: bare(Backend.NoData),
  emptyQueryResponse: bare(Backend.EmptyQueryResponse),
  portalSuspended: bare(Backend.PortalSuspended),
  copyDone: bare(Backend.CopyDone),

  /** `minor`: newest minor version of protocol 3 that we speak; `options`: protocol options that we do not know. */
  negotiateProtocolVersion(minor: number, options: readonly string[]): Buffer {
    return message(Backend.NegotiateProtocolVersion, (out) => {
      // The whole version number, as servers send it and libpq reads it.
      out.int16(3).int16(minor).int32(options.length);
      for (const option of options) out.cstring(option);
    });
  },
  parameterStatus(name: string, value: string): Buffer {
    return message(Backend.ParameterStatus, (out) => out.cstring(name).cstring(value));
  },
  backendKeyData(processId: number, key: Uint8Array): Buffer {
    return message(Backend.BackendKeyData, (out) => out.int32(processId).bytes(key));
  },
  readyForQuery(status: TransactionStatus): Buffer {
    return message(Backend.ReadyForQuery, (out) => out.uint8(status.charCodeAt(0)), 6);
  },
  error(fields: readonly ErrorField[]): Buffer {
    return report(Backend.ErrorResponse, fields);
  },
  notice(fields: readonly ErrorField[]): Buffer {
    return report(Backend.NoticeResponse, fields);
  },
  notification(processId: number, channel: string, payload: string): Buffer {
    return message(Backend.NotificationResponse, (out) => out.int32(processId).cstring(channel).cstring(payload));
  },
  rowDescription(fields: readonly FieldDescription[]): Buffer {
    return message(Backend.RowDescription, (out) => {
      out.int16(fields.length);
      for (const f of fields) out.cstring(f.name).int32(f.table).int16(f.column).int32(f.type).int16(f.size).int32(f.modifier).int16(f.format);
    });
  },
  parameterDescription(types: readonly number[]): Buffer {
    return message(Backend.ParameterDescription, (out) => {
      out.int16(types.length);
      for (const type of types) out.int32(type);
    });
  },
  dataRow(values: readonly (Uint8Array | null)[]): Buffer {
    return message(Backend.DataRow, (out) => cells(out, values), 256);
  },
  /** A DataRow from its finished body: count and cells. */
  dataRowBody(body: Uint8Array): Buffer {
    return message(Backend.DataRow, (out) => out.bytes(body), body.length + 5);
  },
  /** All columns in one format, as COPY has them. */
  copyInResponse(format: Format, columns: number): Buffer {
    return message(Backend.CopyInResponse, (out) => {
      out.uint8(format).int16(columns);
      for (let column = 0; column < columns; column += 1) out.int16(format);
    });
  },
  copyData(data: Uint8Array): Buffer {
    return message(Backend.CopyData, (out) => out.bytes(data), data.length + 5);
  },
  commandComplete(tag: string): Buffer {
    return message(Backend.CommandComplete, (out) => out.cstring(tag));
  },
} as const;

const report = (type: number, fields: readonly ErrorField[]): Buffer =>
  message(type, (out) => {
    for (const { code, value } of fields) out.uint8(code.charCodeAt(0)).cstring(value);
    out.uint8(0);
  });
