/*
 * Requests that say `admin` in ways that one reader understands and another does not: of a path, a parameter, a header field and a body.
 */

/** One request: its first line without the version, header fields, and a body. In Latin 1, byte by byte. */
export interface Decoding {
  readonly line: string;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

const PATHS = [
  '/admin', '/./admin', '/x/../admin', '//admin', '/%2e/admin', '/x/%2e%2e/admin', '/%2fadmin', '/x/..%2fadmin', '/x%2f..%2f../admin', '/\\admin', '/x/..\\admin', '/x/..%5cadmin', '/admin;x', '/x/..;/admin', '/;/admin',
  '/x;/../admin', '/%61dmin', '/%2561dmin', '/%u0061dmin', '/adm%00in', '/admin%00', '/admin%20', '/admin%09', '/admin/', '/admin.', '/%c0%ae/admin', '/x/%c0%ae%c0%ae/admin', '/%EF%BC%A1dmin', '/admin%3f', '/admin%23', '/x/.%0d./admin',
  '/x/.%2e/admin', '/x/%2e./admin', '/%252e%252e/admin', 'http://localhost/admin', 'http://localhost//admin', '//localhost/admin', '/x/..%c2%a0/admin', '/admin%2f', '/admin%2fx', '/%ef%bb%bfadmin', '/%5c/admin', '/admin%ff', '/%e0%80%afadmin',
  '/admi%6e', '/ADMIN', '/x%0a/admin', '/admin%0a', '/admin%e2%80%a8', '/admin%c2%a0', '/admin%e3%80%80', '/admin%85', '/admin?', '/admin/.', '/admin/..%2fadmin', '/admin/x/..',
];
const QUERIES = [
  'role=admin', 'role=x&role=admin', 'role=admin&role=x', '%72ole=admin', 'role=%61dmin', 'rol%65[]=admin', 'role%5B%5D=admin', 'role[0]=admin', '+role=admin', 'role=+admin', 'role=admin+', 'role+=admin', 'role%00=admin', 'role=admin%00', 'ROLE=admin',
  'a=1;role=admin', '?role=admin', '&role=admin', 'role==admin', 'ro%6ce=admin', 'role=admin%20', 'role=%0aadmin', 'role=admin%0a', 'role=%EF%BB%BFadmin', 'role=%2561dmin', 'role=admin;', 'role=x%3B&role=admin', '&&&role=admin&', 'role%20=admin',
  '%20role=admin', 'role=%20admin', 'role=x,admin', 'role.=admin', 'role[=admin', 'role&role=admin',
];
const FIELDS = ['X-Role: admin', 'X-Role:  admin\t', 'X-Role: x, admin', 'X-Role: admin, x', 'X-Role: admin\xa0', 'X-Role: \xa0admin', 'X-Role: admin\x85', 'X_Role: admin', 'x-ROLE: admin', 'X-Role : admin', 'X-Role: x\r\nX-Role: admin', 'X-Role:\r\n admin', 'X-Role: x\r\nX_Role: admin'];
const TEXTS = [
  '{"role":"admin"}', '{"role":"x","role":"admin"}', '{"role":"admin","role":"x"}', '{"r\\u006fle":"admin"}', '{"role":"\\u0061dmin"}', '{"Role":"admin"}', '[{"role":"admin"}]', '{"role":"admin",}', '{"role":"admin"} x', '/**/{"role":"admin"}',
  '{"a":NaN,"role":"admin"}', '{"a":1e9999,"role":"admin"}', "{'role':\"admin\"}", '{role:"admin"}', '\u00ef\u00bb\u00bf{"role":"admin"}', ' \n{"role":"admin"}', '\x0c{"role":"admin"}', '{"role":" admin"}', '{"\\ud800":1,"role":"admin"}',
  '{"__proto__":{"role":"admin"}}', `{"a":${'['.repeat(90)}${']'.repeat(90)},"role":"admin"}`, '{"role" :"admin"}', '{"a":"\t","role":"admin"}', '{"a":123456789012345678901234567890,"role":"admin"}',
];
const TYPES = [
  'application/json; charset=utf-8; charset=utf-7', 'text/plain', 'application/vnd.api+json', 'APPLICATION/JSON', 'application/json ; x', 'application/json,text/plain', 'text/plain;application/json', '', 'application/json;', 'application/jsonx',
  'multipart/form-data; boundary=x', 'application/grpc', 'application/grpc+json', 'application/octet-stream', 'application/json; charset="utf-8\\"', 'application/x-www-form-urlencoded',
];
const wide = (text: string): Buffer => Buffer.from(text, 'utf16le');
const BYTES: readonly (readonly [Buffer, string])[] = [
  [wide('\ufeff{"role":"admin"}'), 'application/json'],
  [wide('{"role":"admin"}'), 'application/json'],
  [wide('{"role":"admin"}').swap16(), 'application/json'],
  [wide('{"role":"admin"}'), 'application/json; charset=utf-16'],
  [Buffer.from([...'{"role":"admin"}'].flatMap((one) => [one.charCodeAt(0), 0, 0, 0])), 'application/json'],
  [Buffer.from('role=admin'), 'application/x-www-form-urlencoded'],
  [Buffer.from('role=admin'), 'application/json'],
  [Buffer.from('a=1&role=admin'), 'application/x-www-form-urlencoded; charset=utf-16'],
];

const NONE = Buffer.alloc(0);
const sent = (body: Buffer, type: string): Decoding => ({ line: 'POST /x', fields: [`Content-Type: ${type}`], body });

export const DECODINGS: readonly Decoding[] = [
  ...PATHS.map((path) => ({ line: `GET ${path}`, fields: [], body: NONE })),
  ...QUERIES.map((query) => ({ line: `GET /x?${query}`, fields: [], body: NONE })),
  ...FIELDS.map((field) => ({ line: 'GET /x', fields: [field], body: NONE })),
  ...TEXTS.map((text) => sent(Buffer.from(text, 'latin1'), 'application/json')),
  ...TYPES.map((type) => sent(Buffer.from('{"role":"admin"}'), type)),
  ...BYTES.map(([body, type]) => sent(body, type)),
  { line: 'GET /x', fields: ['Content-Type: application/json'], body: Buffer.from('{"role":"admin"}') },
  { line: 'POST /x', fields: ['Content-Type: application/json', 'Content-Encoding: identity'], body: Buffer.from('{"role":"admin"}') },
];
