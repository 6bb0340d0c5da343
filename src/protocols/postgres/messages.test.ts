import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WireError, type WireFault } from '../../wire/errors.ts';
import { Writer } from '../../wire/writer.ts';
import { Backend, Frontend } from './codes.ts';
import { decodeBackend, decodeFrontend } from './decode.ts';
import { toClient, toServer } from './encode.ts';
import { errorResponse, field, noticeResponse } from './errors.ts';
import { Frame, HEADER, backendFrames, frontendFrames } from './frames.ts';
import type { BackendMessage, FrontendMessage } from './messages.ts';

const goldens = JSON.parse(readFileSync(new URL('testdata/goldens.json', import.meta.url), 'utf8')) as Record<'backend' | 'frontend', { from: string; hex: string }[]>;

const frame = (bytes: Buffer): Frame => new Frame(bytes[0] as number, bytes, HEADER);
const raw = (type: number | string, body: Buffer | string | readonly number[]): Frame => {
  const bytes = Buffer.from(body as Buffer);
  const out = new Writer().uint8(typeof type === 'string' ? type.charCodeAt(0) : type);
  const length = out.reserve32();
  return frame(out.bytes(bytes).patchLength(length).finish());
};
const faulty = (fault: WireFault) => (error: unknown) => error instanceof WireError && error.fault === fault;

const encodeFrontend = (m: FrontendMessage): Buffer | undefined => {
  switch (m.kind) {
    case 'Query':
      return toServer.query(m.text);
    case 'Parse':
      return toServer.parse(m.statement, m.text, m.parameterTypes);
    case 'Bind':
      return toServer.bind(m.portal, m.statement, m.formats, m.values, m.resultFormats);
    case 'Describe':
      return toServer.describe(m.what, m.name);
    case 'Close':
      return toServer.close(m.what, m.name);
    case 'Execute':
      return toServer.execute(m.portal, m.maxRows);
    case 'CopyData':
      return toServer.copyData(m.data);
    case 'CopyFail':
      return toServer.copyFail(m.reason);
    case 'Sync':
      return toServer.sync;
    case 'Flush':
      return toServer.flush;
    case 'CopyDone':
      return toServer.copyDone;
    case 'Terminate':
      return toServer.terminate;
    default:
      return undefined;
  }
};
const encodeBackend = (m: BackendMessage): Buffer | undefined => {
  switch (m.kind) {
    case 'Authentication':
      return m.method === 'Ok' ? toClient.authenticationOk : m.method === 'CleartextPassword' ? toClient.authenticationCleartextPassword : undefined;
    case 'BackendKeyData':
      return toClient.backendKeyData(m.processId, m.key);
    case 'ParameterStatus':
      return toClient.parameterStatus(m.name, m.value);
    case 'ReadyForQuery':
      return toClient.readyForQuery(m.status);
    case 'RowDescription':
      return toClient.rowDescription(m.fields);
    case 'ParameterDescription':
      return toClient.parameterDescription(m.types);
    case 'DataRow':
      return toClient.dataRow(m.values);
    case 'CommandComplete':
      return toClient.commandComplete(m.tag);
    case 'ErrorResponse':
      return toClient.error(m.fields);
    case 'NoticeResponse':
      return toClient.notice(m.fields);
    case 'NotificationResponse':
      return toClient.notification(m.processId, m.channel, m.payload);
    case 'NegotiateProtocolVersion':
      return toClient.negotiateProtocolVersion(m.minor, m.options);
    case 'CopyData':
      return toClient.copyData(m.data);
    case 'ParseComplete':
      return toClient.parseComplete;
    case 'BindComplete':
      return toClient.bindComplete;
    case 'CloseComplete':
      return toClient.closeComplete;
    case 'EmptyQueryResponse':
      return toClient.emptyQueryResponse;
    case 'NoData':
      return toClient.noData;
    case 'PortalSuspended':
      return toClient.portalSuspended;
    case 'CopyDone':
      return toClient.copyDone;
    default:
      return undefined;
  }
};

describe('messages captured from real servers and clients', () => {
  test('are decoded, and encoded to the same bytes', () => {
    const encoded = new Set<string>();
    for (const { from, hex } of goldens.backend) {
      const bytes = Buffer.from(hex, 'hex');
      const message = decodeBackend(frame(bytes));
      const again = encodeBackend(message);
      if (again !== undefined) {
        assert.deepEqual(again, bytes, `${from}: ${message.kind}`);
        encoded.add(message.kind);
      }
    }
    for (const { from, hex } of goldens.frontend) {
      const bytes = Buffer.from(hex, 'hex');
      const message = decodeFrontend(frame(bytes));
      assert.deepEqual(encodeFrontend(message), bytes, `${from}: ${message.kind}`);
      encoded.add(message.kind);
    }
    assert.ok(encoded.size > 25, [...encoded].join(' '));
  });
  test('are every backend message that there is', () => {
    const seen = new Set(goldens.backend.map(({ hex }) => Number.parseInt(hex.slice(0, 2), 16)));
    assert.deepEqual(Object.entries(Backend).filter(([, code]) => !seen.has(code)).map(([name]) => name), []);
  });
  test('hold what they are known to hold', () => {
    const all = goldens.backend.map(({ from, hex }) => ({ from, message: decodeBackend(frame(Buffer.from(hex, 'hex'))) }));
    const find = <Kind extends BackendMessage['kind']>(kind: Kind, from: string) =>
      all.filter((golden) => golden.from.endsWith(`: ${from}`) && golden.message.kind === kind).map((golden) => golden.message as BackendMessage & { kind: Kind });
    const described = find('RowDescription', 'simple').find(({ fields }) => fields[2]?.name === 'data');
    assert.deepEqual(described?.fields.map(({ name, column, type, size, modifier, format }) => [name, column, type, size, modifier, format]), [['id', 1, 23, 4, -1, 0], ['name', 2, 25, -1, -1, 0], ['data', 3, 17, -1, -1, 0]]);
    assert.deepEqual(find('RowDescription', 'simple').find(({ fields }) => fields[0]?.name === 'ctid')?.fields.map(({ column, modifier }) => [column, modifier]), [[-1, -1], [0, -1], [0, 11], [0, 327686], [0, -1]]);
    assert.deepEqual(find('DataRow', 'simple')[0]?.values, [Buffer.from('1'), Buffer.from('é'), Buffer.from('\\x00ff')]);
    assert.deepEqual(find('DataRow', 'simple')[1]?.values, [Buffer.from('2'), null, null]);
    assert.deepEqual(find('ParameterDescription', 'extended')[0]?.types, [23, 25]);
    assert.deepEqual(find('ReadyForQuery', 'login')[0]?.status, 'I');
    assert.deepEqual(find('CommandComplete', 'copy in')[0]?.tag, 'COPY 1');
    assert.deepEqual(find('CopyOutResponse', 'copy out').map(({ format, columnFormats }) => [format, columnFormats.length]), [[0, 3], [1, 3], [0, 1]]);
    assert.deepEqual(find('FunctionCallResponse', 'function call')[0]?.value, Buffer.from([0, 0, 0, 5]));
    assert.deepEqual(find('NotificationResponse', 'notification')[1]?.payload, 'payload');
    const warning = find('NoticeResponse', 'notices')[0]?.fields ?? [];
    assert.deepEqual(['S', 'V', 'C', 'M', 'D', 'H', 's', 't', 'c', 'd', 'n'].map((code) => field(warning, code)), ['WARNING', 'WARNING', '01234', 'w', 'd', 'h', 's', 't', 'c', 'y', 'n']);
    assert.deepEqual(find('Authentication', 'login of scram')[0], { kind: 'Authentication', method: 'SASL', mechanisms: ['SCRAM-SHA-256'] });
    // 3.2 is news to 15, which sends what it speaks; 17 says the same and is not kept.
    const future = all.flatMap(({ from, message }) => (message.kind === 'NegotiateProtocolVersion' ? [[from.slice(0, 13), message.minor, message.options]] : []));
    assert.deepEqual(future, [['PostgreSQL 15', 0, []], ['PostgreSQL 15', 0, ['_pq_.golden']], ['PostgreSQL 18', 2, ['_pq_.golden']]]);
    const keys = all.flatMap(({ from, message }) => (from === 'PostgreSQL 18: login, 3.2' && message.kind === 'BackendKeyData' ? [message.key.length] : []));
    assert.deepEqual(keys, [32]);
  });
  test('every one of them is refused when it is cut or when something is left over', () => {
    // What these carry goes to the end of the message, whatever it is.
    const open = new Set(['CopyData', 'BackendKeyData', 'Password']);
    for (const [list, decode] of [[goldens.backend, decodeBackend], [goldens.frontend, decodeFrontend]] as const) {
      for (const { hex } of list) {
        const bytes = Buffer.from(hex, 'hex');
        const message = decode(frame(bytes));
        if (open.has(message.kind) || (message.kind === 'Authentication' && 'data' in message)) continue;
        for (let length = HEADER; length < bytes.length; length++) assert.throws(() => decode(frame(bytes.subarray(0, length))), WireError, `${message.kind} of ${length} bytes`);
        assert.throws(() => decode(frame(Buffer.concat([bytes, Buffer.from([0])]))), faulty('trailing'), message.kind);
      }
    }
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\0'));
const bytes = fc.uint8Array({ maxLength: 30 }).map((value) => Buffer.from(value));
const value = fc.option(bytes);
const format = fc.constantFrom(0 as const, 1 as const);
const oid = fc.integer({ min: 0, max: 4294967295 });
const int32 = fc.integer({ min: -2147483648, max: 2147483647 });
const int16 = fc.integer({ min: -32768, max: 32767 });
const what = fc.constantFrom('statement' as const, 'portal' as const);

const record = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> => fc.record(model, { noNullPrototype: true });
const frontendMessage: fc.Arbitrary<FrontendMessage> = fc.oneof(
  record({ kind: fc.constant('Query' as const), text }),
  record({ kind: fc.constant('Parse' as const), statement: text, text, parameterTypes: fc.array(oid, { maxLength: 5 }) }),
  fc.array(value, { maxLength: 6 }).chain((values) =>
    record({ kind: fc.constant('Bind' as const), portal: text, statement: text, values: fc.constant(values), formats: fc.oneof(fc.array(format, { maxLength: 1 }), fc.array(format, { minLength: values.length, maxLength: values.length })), resultFormats: fc.array(format, { maxLength: 4 }) }),
  ),
  record({ kind: fc.constantFrom('Describe' as const, 'Close' as const), what, name: text }),
  record({ kind: fc.constant('Execute' as const), portal: text, maxRows: fc.nat(2147483647) }),
  record({ kind: fc.constant('CopyData' as const), data: bytes }),
  record({ kind: fc.constant('CopyFail' as const), reason: text }),
  record({ kind: fc.constantFrom('Sync' as const, 'Flush' as const, 'CopyDone' as const, 'Terminate' as const) }),
);
const fields = fc.array(record({ code: fc.constantFrom('S', 'C', 'M', 'D', 'H'), value: text }), { maxLength: 5 });
const backendMessage: fc.Arbitrary<BackendMessage> = fc.oneof(
  record({ kind: fc.constant('DataRow' as const), values: fc.array(value, { maxLength: 8 }) }),
  record({ kind: fc.constant('RowDescription' as const), fields: fc.array(record({ name: text, table: oid, column: int16, type: oid, size: int16, modifier: int32, format }), { maxLength: 5 }) }),
  record({ kind: fc.constant('ParameterDescription' as const), types: fc.array(oid, { maxLength: 5 }) }),
  record({ kind: fc.constantFrom('ErrorResponse' as const, 'NoticeResponse' as const), fields }),
  record({ kind: fc.constant('NotificationResponse' as const), processId: int32, channel: text, payload: text }),
  record({ kind: fc.constant('ParameterStatus' as const), name: text, value: text }),
  record({ kind: fc.constant('BackendKeyData' as const), processId: int32, key: fc.uint8Array({ minLength: 4, maxLength: 256 }).map((key) => Buffer.from(key)) }),
  record({ kind: fc.constant('CommandComplete' as const), tag: text }),
  record({ kind: fc.constant('ReadyForQuery' as const), status: fc.constantFrom('I' as const, 'T' as const, 'E' as const) }),
  record({ kind: fc.constant('NegotiateProtocolVersion' as const), minor: fc.nat(65535), options: fc.array(text, { maxLength: 3 }) }),
);

describe('encoding and decoding', () => {
  test('frontend messages come back as they were', () => {
    fc.assert(fc.property(frontendMessage, (message) => assert.deepEqual(decodeFrontend(frame(encodeFrontend(message) ?? assert.fail())), message)), { numRuns: 2000 });
  });
  test('backend messages come back as they were', () => {
    fc.assert(fc.property(backendMessage, (message) => assert.deepEqual(decodeBackend(frame(encodeBackend(message) ?? assert.fail())), message)), { numRuns: 2000 });
  });
  test('a finished row body', () => {
    const row = toClient.dataRow([Buffer.from('a'), null]);
    assert.deepEqual(toClient.dataRowBody(row.subarray(HEADER)), row);
  });
  test('random bodies end in WireError only', () => {
    const damaged = fc.oneof(
      fc.tuple(fc.constantFrom(...Object.values(Frontend), ...Object.values(Backend), 0, 255), fc.uint8Array({ maxLength: 80 })).map(([type, body]) => raw(type, Buffer.from(body))),
      fc.tuple(fc.constantFrom(...goldens.backend, ...goldens.frontend), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 })).map(([{ hex }, changes]) => {
        const golden = Buffer.from(hex, 'hex');
        for (const [at, byte] of changes) if (at >= HEADER && at < golden.length) golden[at] = byte;
        return frame(golden);
      }),
    );
    fc.assert(
      fc.property(damaged, (hostile) => {
        for (const decode of [decodeFrontend, decodeBackend]) {
          try {
            decode(hostile);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
          }
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('what is not exactly right is refused', () => {
  for (const [name, bad, fault] of [
    ['Query without its end', raw('Q', 'SELECT 1'), 'truncated'],
    ['Query with something behind NUL', raw('Q', 'SELECT 1\0DROP TABLE t\0'), 'trailing'],
    ['Query that is not UTF-8', raw('Q', [0xff, 0]), 'encoding'],
    ['Query that is a UTF-8 surrogate', raw('Q', [0xed, 0xa0, 0x80, 0]), 'encoding'],
    ['Parse with more types than bytes', raw('P', [0, 0, 0xff, 0xff, 0, 0, 0, 1]), 'truncated'],
    ['Bind with more values than bytes', raw('B', [0, 0, 0, 0, 0xff, 0xff]), 'truncated'],
    ['Bind with a length of -2', raw('B', [0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0]), 'malformed'],
    ['Bind with a length beyond the message', raw('B', [0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0]), 'truncated'],
    ['Bind with format 2', raw('B', [0, 0, 0, 1, 0, 2, 0, 0, 0, 0]), 'malformed'],
    ['Bind with format -1', raw('B', [0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]), 'malformed'],
    ['Bind with two formats for one value', raw('B', [0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0]), 'malformed'],
    ['Execute with a negative count', raw('E', [0, 0xff, 0xff, 0xff, 0xff]), 'malformed'],
    ['Describe of something else', raw('D', 'X\0'), 'malformed'],
    ['Close of something else', raw('C', 'sname\0'), 'malformed'],
    ['Sync with a body', raw('S', [0]), 'trailing'],
    ['Terminate with a body', raw('X', [0]), 'trailing'],
    ['an unknown type', raw('z', ''), 'unknown_type'],
  ] as const) {
    test(name, () => assert.throws(() => decodeFrontend(bad), faulty(fault)));
  }
  for (const [name, bad, fault] of [
    ['DataRow with a length of -2', raw('D', [0, 1, 0xff, 0xff, 0xff, 0xfe]), 'malformed'],
    ['DataRow with more cells than bytes', raw('D', [0xff, 0xff]), 'truncated'],
    ['ReadyForQuery with another status', raw('Z', 'X'), 'malformed'],
    ['ErrorResponse without its end', raw('E', 'SERROR\0'), 'truncated'],
    ['ErrorResponse with something behind its end', raw('E', 'SERROR\0\0x'), 'trailing'],
    ['BackendKeyData with a short key', raw('K', [0, 0, 0, 1, 1, 2, 3]), 'malformed'],
    ['BackendKeyData with a long key', raw('K', Buffer.alloc(4 + 257)), 'malformed'],
    ['an unknown authentication', raw('R', [0, 0, 0, 99]), 'malformed'],
    ['MD5 without salt', raw('R', [0, 0, 0, 5, 1, 2, 3]), 'truncated'],
    ['NegotiateProtocolVersion with a negative count', raw('v', [0, 3, 0, 0, 0xff, 0xff, 0xff, 0xff]), 'malformed'],
    ['NegotiateProtocolVersion with a huge count', raw('v', [0, 3, 0, 0, 0x7f, 0xff, 0xff, 0xff]), 'malformed'],
    ['CopyOutResponse with format 2', raw('H', [2, 0, 0]), 'malformed'],
  ] as const) {
    test(name, () => assert.throws(() => decodeBackend(bad), faulty(fault)));
  }
  test('65,535 values are read', () => {
    const message = decodeFrontend(frame(toServer.bind('', '', [], new Array<null>(65_535).fill(null))));
    assert.ok(message.kind === 'Bind' && message.values.length === 65_535);
  });
  test('a report cannot be ended early by a NUL in a text', () => {
    const message = decodeBackend(frame(errorResponse({ severity: 'ERROR', sqlState: '42501', message: 'a\0Mb', detail: 'd\0', hint: '\0' })));
    assert.ok(message.kind === 'ErrorResponse');
    assert.deepEqual(message.fields.map(({ code }) => code).join(''), 'SVCMDH');
    assert.equal(field(message.fields, 'M'), 'a\ufffdMb');
    assert.equal(decodeBackend(frame(noticeResponse({ severity: 'NOTICE', sqlState: '42501', message: 'm' }))).kind, 'NoticeResponse');
  });
});

describe('lengths', () => {
  const head = (type: string, length: number): Buffer => {
    const out = Buffer.from([type.charCodeAt(0), 0, 0, 0, 0]);
    out.writeInt32BE(length, 1);
    return out;
  };
  const MIB = 1024 * 1024;
  for (const [direction, make, cases] of [
    ['frontend', frontendFrames, [
      ['Q', 16 * MIB, undefined], ['Q', 16 * MIB + 1, 'too_large'], ['Q', 3, 'malformed'], ['Q', 0, 'malformed'], ['Q', -1, 'malformed'], ['Q', -2147483648, 'malformed'], ['Q', 2147483647, 'too_large'], ['B', 16 * MIB, undefined],
      ['S', 4, undefined], ['S', 10_001, 'too_large'], ['X', 10_001, 'too_large'], ['E', 10_000, undefined], ['E', 10_001, 'too_large'], ['f', 10_001, 'too_large'], ['p', 65_540, undefined], ['p', 65_541, 'too_large'], ['z', 4, 'unknown_type'], ['Z', 5, 'unknown_type'], ['\0', 8, 'unknown_type'], ['F', 4, undefined],
    ]],
    ['backend', backendFrames, [
      ['D', 16 * MIB, undefined], ['D', 16 * MIB + 1, 'too_large'], ['D', 3, 'malformed'], ['D', -1, 'malformed'], ['Z', 5, undefined], ['Z', 30_001, 'too_large'], ['C', 30_001, 'too_large'], ['T', 1 * MIB, undefined], ['E', 1 * MIB, undefined], ['Q', 4, 'unknown_type'], ['z', 4, 'unknown_type'],
    ]],
  ] as const) {
    for (const [type, length, fault] of cases) {
      test(`${direction} ${JSON.stringify(type)} of ${length}: ${fault ?? 'goes on'}`, () => {
        const parser = make(16 * MIB);
        parser.push(head(type, length));
        if (fault === undefined) assert.doesNotThrow(() => parser.next());
        else assert.throws(() => parser.next(), faulty(fault));
      });
    }
  }
  test('what is streamed may be larger than what is held, up to the bound of PostgreSQL', () => {
    for (const [length, fault] of [[1_000_000_000, undefined], [0x3fffffff, undefined], [0x40000000, 'too_large']] as const) {
      const parser = backendFrames(16 * MIB);
      parser.stream(Backend.DataRow, true);
      parser.push(head('D', length));
      if (fault === undefined) assert.equal(parser.next()?.kind, 'run');
      else assert.throws(() => parser.next(), faulty(fault));
    }
  });
  test('every split of a real conversation gives the same messages', () => {
    const whole = Buffer.concat(goldens.backend.map(({ hex }) => Buffer.from(hex, 'hex')));
    const cutAt = (...places: number[]): string[] => {
      const parser = backendFrames(MIB);
      const seen: string[] = [];
      let from = 0;
      for (const to of [...places, whole.length]) {
        parser.push(whole.subarray(from, to));
        from = to;
        for (let event = parser.next(); event !== undefined; event = parser.next()) seen.push(event.bytes.toString('hex'));
      }
      return seen;
    };
    const expected = goldens.backend.map(({ hex }) => hex);
    for (let place = 0; place <= whole.length; place++) assert.deepEqual(cutAt(place), expected);
    assert.deepEqual(cutAt(...Array.from({ length: whole.length }, (_, place) => place)), expected, 'one byte at a time');
  });
});
