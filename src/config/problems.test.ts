import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadSources } from './load.ts';
import { formatProblem } from './problems.ts';
import { sound } from './testdata/sound.ts';

/** The sound configuration with one text replaced by another. */
function S(text: string, by: string): string {
  assert(sound.includes(text), `the sound configuration has no ${text}`);
  return sound.replace(text, by);
}
/** With another rule, provider, or connection. */
const R = (rule: string): string => S('{ name: no-drop, match: { verbs: [drop] }, effect: deny }', rule);
const P = (provider: string): string => S('{ name: ci, issuer: https://ci.example, audience: wicketgate }', provider);
const C = (name: string, listen = '127.0.0.1:6432'): string => `  - { name: ${name}, protocol: postgres, listen: "${listen}", target: { host: db.internal, port: 5432, database: app }, credential: { username: app } }`;
const two = (connection: string): string => S('policies:\n', `${connection}\npolicies:\n`).replace('connections: [db]', 'connections: ["*"]');

/** What is wrong, the text, and everything that is said about it. */
const bad: readonly (readonly [string, string, readonly string[]])[] = [
  ['unknown key', S('    protocol: postgres', '    protocol: postgres\n    plantext: true'), [
    'w.yaml:9:5: connections[db].plantext: unknown key (did you mean plaintext?)',
  ]],
  ['unknown key at the top', `${sound}polices: []\n`, [
    'w.yaml:22:1: polices: unknown key (did you mean policies, which is given already?)',
  ]],
  ['merge key', S('    protocol: postgres', '    protocol: postgres\n    <<: { plaintext: true }'), [
    'w.yaml:9:5: connections[db].<<: unknown key (merge keys are not part of YAML 1.2)',
  ]],
  ['a protocol that is planned', S('protocol: postgres', 'protocol: mysql'), [
    'w.yaml:8:5: connections[db].protocol: mysql is planned, and this version does not have it yet (postgres and http are there)',
  ]],
  ['a protocol that nobody plans', S('protocol: postgres', 'protocol: gopher'), [
    'w.yaml:8:5: connections[db].protocol: expected one of postgres, http; found text',
  ]],
  ['wrong type', S('port: 5432', 'port: "5432"'), [
    'w.yaml:10:34: connections[db].target.port: expected a whole number, 1 to 65535; found text (write it without quotes and units)',
  ]],
  ['out of range', S('port: 5432', 'port: 70000'), [
    'w.yaml:10:34: connections[db].target.port: is out of range: 1 to 65535',
  ]],
  ['list expected', S('groups: [jobs]\n    conn', 'groups: jobs\n    conn'), [
    'w.yaml:14:5: policies[jobs].groups: expected a list; found text (begin each item with "- ")',
  ]],
  ['yes is text in YAML 1.2', S('    protocol: postgres', '    protocol: postgres\n    plaintext: yes'), [
    'w.yaml:9:5: connections[db].plaintext: expected true or false; found text (write true)',
  ]],
  ['no value', S('    connections: [db]', '    connections:'), [
    'w.yaml:15:5: policies[jobs].connections: has no value (write [] for an empty list)',
  ]],
  ['missing key', S(', audience: wicketgate', ''), [
    'w.yaml:3:5: identityProviders[ci]: audience is missing, which a provider of tokens needs (or write certificates: { ca: ... } for one that vouches by client certificates)',
  ]],
  ['missing list', sound.slice(0, sound.indexOf('policies:')), [
    'w.yaml:1:1: policies is missing (Who may do what. Without one, nobody may do anything.)',
  ]],
  ['wrong version', S('version: 1', 'version: 2'), [
    'w.yaml:1:1: version: expected 1; found a number',
  ]],
  ['enum', S('database: app', 'database: app, tls: verify_full'), [
    'w.yaml:10:61: connections[db].target.tls: expected one of disable, require, verify-full; found text (did you mean verify-full?)',
  ]],
  ['transform', S('- columns: ["*.password"]', '- { columns: ["*.password"], transform: { partal: 4 } }'), [
    'w.yaml:20:36: policies[jobs].mask[0].transform: partial is missing (Characters kept at the end.)',
    'w.yaml:20:49: policies[jobs].mask[0].transform.partal: unknown key (did you mean partial?)',
  ]],
  ['transform word', S('- columns: ["*.password"]', '- { columns: ["*.password"], transform: redcat }'), [
    'w.yaml:20:36: policies[jobs].mask[0].transform: expected one of redact, null, hash, a section with partial, a section with fixed; found text (did you mean redact?)',
  ]],
  ['duration', S('12h', '12 hours'), [
    'w.yaml:21:15: policies[jobs].limits.sessionAge: expected a duration such as 30s, 10m, 12h, 400d',
  ]],
  ['duration too large', S('12h', '99999999999999y'), [
    'w.yaml:21:15: policies[jobs].limits.sessionAge: is too large',
  ]],
  ['name', S('name: db', 'name: "my db"'), [
    'w.yaml:7:5: connections[my db].name: expected a name (letters, digits, dot, underscore and dash, beginning with a letter or digit, at most 63)',
    'w.yaml:15:19: policies[jobs].connections[0]: there is no connection "db" (known: my db)',
  ]],
  ['claim of a wrong type', S('project: 7', 'project: [7]'), [
    'w.yaml:5:75: identities[job].claims.project: expected one of text, a number, true or false; found a list',
  ]],
  ['no claims', S('{ project: 7 }', '{}'), [
    'w.yaml:5:65: identities[job].claims: is empty (give at least one)',
  ]],
  ['no owner', S('owner: { contact: a@b.example }', 'owner: {}'), [
    'w.yaml:5:18: identities[job].owner: is empty (give one of group, contact)',
  ]],
  ['literal credential', S('env:DB', 'hunter2'), [
    'w.yaml:11:34: connections[db].credential.password: a literal credential is not accepted (write env:NAME or file:PATH and keep the value there)',
  ]],
  ['variable not set', S('env:DB', 'env:NOT_SET'), [
    'w.yaml:11:34: connections[db].credential.password: the variable NOT_SET is not set (set it where the gateway is started)',
  ]],
  ['variable that is no name', S('env:DB', 'env:hunter-2!'), [
    'w.yaml:11:34: connections[db].credential.password: what follows env: is not the name of a variable',
  ]],
  ['credential file', S('env:DB', 'file:./nowhere'), [
    'w.yaml:11:34: connections[db].credential.password: the credential file nowhere cannot be read: it does not exist',
  ]],
  ['ca file', S('database: app', 'database: app, ca: ./nowhere.pem'), [
    'w.yaml:10:61: connections[db].target.ca: the certificate file nowhere.pem cannot be read: it does not exist',
  ]],
  ['tls files', S('version: 1', 'version: 1\ngateway: { tls: { cert: ./no.pem, key: ./no.key } }'), [
    'w.yaml:2:19: gateway.tls.cert: the certificate file no.pem cannot be read: it does not exist',
    'w.yaml:2:35: gateway.tls.key: the key file no.key cannot be read: it does not exist',
  ]],
  ['jwks file', P('{ name: ci, issuer: https://ci.example, audience: wicketgate, jwksFile: ./no.json }'), [
    'w.yaml:3:67: identityProviders[ci].jwksFile: the key set no.json cannot be read: it does not exist',
  ]],
  ['duplicate key', S('    protocol: postgres', '    protocol: postgres\n    protocol: postgres'), [
    'w.yaml:9:5: the key "protocol" was already given on line 8 (keep one of them)',
  ]],
  ['duplicate name', S('connections:\n', `connections:\n${C('db')}\n`), [
    'w.yaml:8:5: connections[db].name: the name is already taken at w.yaml:7 (names are unique)',
  ]],
  ['duplicate rule', R('{ name: a, match: { verbs: [drop] }, effect: deny }\n      - { name: a, match: { verbs: [alter] }, effect: deny }'), [
    'w.yaml:19:11: policies[jobs].rules[a].name: the name is already taken at w.yaml:18 (names are unique)',
  ]],
  ['no such provider', S('provider: ci', 'provider: cii'), [
    'w.yaml:5:51: identities[job].provider: there is no identity provider "cii" (did you mean ci?)',
  ]],
  ['no such connection', S('connections: [db]', 'connections: [bd]'), [
    'w.yaml:15:19: policies[jobs].connections[0]: there is no connection "bd" (did you mean db?)',
  ]],
  ['no such group', S('groups: [jobs]\n    conn', 'groups: [job]\n    conn'), [
    'w.yaml:14:14: policies[jobs].groups[0]: no identity has the group "job" (did you mean jobs?)',
  ]],
  ['no such identity', S('groups: [jobs]\n    conn', 'identities: [jop]\n    conn'), [
    'w.yaml:14:18: policies[jobs].identities[0]: there is no identity "jop" (did you mean job?)',
  ]],
  ['policy for nobody', S('    groups: [jobs]\n', ''), [
    'w.yaml:13:5: policies[jobs]: names no identities and no groups, so it applies to nobody (add identities: [...] or groups: [...])',
  ]],
  ['keys inside data', S('version: 1', 'version: 1\ngateway: { data: /srv/wg, keys: /srv/wg/keys }'), [
    'w.yaml:2:27: gateway.keys: keys lies inside data (keep the keys apart: who copies data must not get them)',
  ]],
  ['keys are data', S('version: 1', 'version: 1\ngateway: { data: /srv/wg, keys: /srv/x/../wg }'), [
    'w.yaml:2:27: gateway.keys: data and keys are the same folder (keep the keys apart: who copies data must not get them)',
  ]],
  ['plaintext', S('listen: 127.0.0.1:6432', 'listen: 0.0.0.0:6432\n    plaintext: true'), [
    'w.yaml:10:5: connections[db].plaintext: is accepted on loopback only, and this connection listens on 0.0.0.0:6432 (remove it, or listen on 127.0.0.1)',
  ]],
  ['listen without host', S('listen: 127.0.0.1:6432', 'listen: ":6432"'), [
    'w.yaml:9:5: connections[db].listen: expected host:port (write 127.0.0.1:6432, or 0.0.0.0:6432 for every address)',
  ]],
  ['port too large', S('listen: 127.0.0.1:6432', 'listen: "127.0.0.1:65536"'), [
    'w.yaml:9:5: connections[db].listen: a port is at most 65535',
  ]],
  ['listen is a number', S('listen: 127.0.0.1:6432', 'listen: 6432'), [
    'w.yaml:9:5: connections[db].listen: expected text; found a number (write it in quotes)',
  ]],
  ['port of control', S('listen: 127.0.0.1:6432', 'listen: 127.0.0.1:7080'), [
    'w.yaml:9:5: connections[db].listen: 127.0.0.1:7080 is taken by control.listen (give one of them another port)',
  ]],
  ['two spellings of one port', two(C('other', '0.0.0.0:6432')), [
    'w.yaml:12:40: connections[other].listen: 0.0.0.0:6432 overlaps 127.0.0.1:6432 at w.yaml:9 (write the same address in both to share it, or use another port)',
  ]],
  ['names that SNI cannot tell apart', two(C('DB')), [
    'w.yaml:12:7: connections[DB].name: shares 127.0.0.1:6432 with "db", which differs only in case (rename one, or give it a port of its own)',
  ]],
  ['names of which one begins with the other', two(C('db.eu')), [
    'w.yaml:12:7: connections[db.eu].name: shares 127.0.0.1:6432 with "db", and a server name that begins with one also begins with the other (rename one, or give it a port of its own)',
  ]],
  ['no database', S(', database: app', ''), [
    'w.yaml:10:5: connections[db].target: database is missing (the database of the target)',
  ]],
  ['address with a user', S('host: db.internal', 'host: "postgres://app:hunter2@db.internal"'), [
    'w.yaml:10:15: connections[db].target.host: is not a host name or an address (only the host, without scheme, user, port or path)',
  ]],
  ['ca that is not looked at', S('database: app', 'database: app, tls: require, ca: ./x.pem').replace('./x.pem', '/dev/null'), [
    'w.yaml:10:75: connections[db].target.ca: is not looked at when tls is require (write tls: verify-full, or remove ca)',
    'w.yaml:10:75: connections[db].target.ca: the certificate file /dev/null is not a file',
  ]],
  ['http issuer', P('{ name: ci, issuer: http://ci.example, audience: wicketgate }'), [
    'w.yaml:3:17: identityProviders[ci].issuer: http is accepted for loopback addresses only (write https://)',
  ]],
  ['loopback issuer without leave', P('{ name: ci, issuer: "http://127.0.0.1:9000", audience: wicketgate }'), [
    'w.yaml:3:17: identityProviders[ci].issuer: is a private or loopback address, from which no keys are fetched (write allowPrivate: true if the issuer is really there)',
  ]],
  ['metadata address', P('{ name: ci, issuer: https://ci.example, jwks: "https://169.254.169.254/keys", audience: wicketgate, allowPrivate: true }'), [
    'w.yaml:3:45: identityProviders[ci].jwks: is a link-local or metadata address, or one of nobody, from which nothing is fetched',
  ]],
  ['symmetric', P('{ name: ci, issuer: https://ci.example, audience: wicketgate, algorithms: [HS256, none, RS265] }'), [
    'w.yaml:3:80: identityProviders[ci].algorithms[0]: "HS256" is symmetric: who can check such a token can make one (known: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519)',
    'w.yaml:3:87: identityProviders[ci].algorithms[1]: a token without a signature proves nothing (known: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519)',
    'w.yaml:3:93: identityProviders[ci].algorithms[2]: there is no algorithm "RS265" (did you mean RS256?)',
  ]],
  ['skew', P('{ name: ci, issuer: https://ci.example, audience: wicketgate, clockSkew: 2m }'), [
    'w.yaml:3:67: identityProviders[ci].clockSkew: is longer than 60s (set the clocks right)',
  ]],
  ['cloud audience', P('{ name: ci, issuer: https://ci.example, audience: "https://management.azure.com/" }'), [
    'w.yaml:3:45: identityProviders[ci].audience: "https://management.azure.com/" is the audience of another service: whoever gets such a token there could use it here (let the job ask for an audience that only this gateway has, such as wicketgate)',
  ]],
  ['two key sources', P('{ name: ci, issuer: https://ci.example, audience: wicketgate, jwks: https://ci.example/k, jwksFile: /dev/null }'), [
    'w.yaml:3:95: identityProviders[ci].jwksFile: jwks and jwksFile are both given (keep one of them)',
    'w.yaml:3:95: identityProviders[ci].jwksFile: the key set /dev/null is not a file',
  ]],
  ['same issuer and audience', P('{ name: ci, issuer: https://ci.example, audience: wicketgate }\n  - { name: ci2, issuer: https://ci.example, audience: wicketgate }'), [
    'w.yaml:4:18: identityProviders[ci2].issuer: has the same issuer and audience as "ci" at w.yaml:3, so a token could belong to either (use one provider, or an audience of its own)',
  ]],
  ['all tenants', P('{ name: ci, issuer: "https://login.microsoftonline.com/common/v2.0", audience: wicketgate }'), [
    'w.yaml:3:17: identityProviders[ci].issuer: is the address of all tenants, which no token has as its issuer (write the id of your tenant in its place)',
  ]],
  ['shared issuer', P('{ name: ci, issuer: https://token.actions.githubusercontent.com, audience: wicketgate }').replace('project: 7', 'environment: production'), [
    'w.yaml:5:65: identities[job].claims: no claim says whose token it is, and anybody can get a token from https://token.actions.githubusercontent.com (add one of repository_id, repository_owner_id, enterprise_id)',
  ]],
  ['two identities for one token', S('connections:\n  - name', '  - { name: job2, owner: { contact: c }, provider: ci, claims: { project: 7, ref: main }, groups: [jobs] }\nconnections:\n  - name'), [
    'w.yaml:6:56: identities[job2].claims: every token of this identity also matches "job" at w.yaml:5, and two matches are a refusal (add a claim to the other one that these tokens do not have)',
  ]],
  ['requester', S('claims: { project: 7 }', 'claims: { project: 7 }, requester: actor'), [
    'w.yaml:5:89: identities[job].requester: expected claims.NAME (such as claims.actor)',
  ]],
  ['address of the control plane', S('version: 1', 'version: 1\ncontrol: { url: "https://admin:hunter2@x.example" }'), [
    'w.yaml:2:12: control.url: is not a web address (such as https://wicketgate.acme.example, without a user, a query or a fragment)',
  ]],
  ['word that is no verb', R('{ name: no-drop, match: { verbs: [RENAME, merge, DROP] }, effect: deny }'), [
    'w.yaml:18:43: policies[jobs].rules[no-drop].match.verbs[0]: there is no verb "RENAME", so this never matches (write alter)',
    'w.yaml:18:51: policies[jobs].rules[no-drop].match.verbs[1]: there is no verb "merge", so this never matches (write insert, update, delete: MERGE is judged by what it does)',
    'w.yaml:18:58: policies[jobs].rules[no-drop].match.verbs[2]: there is no verb "DROP", so this never matches (did you mean drop?)',
  ]],
  ['when with a result without bound', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "cel.bind(x, 1, x == 1)" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: bind() is not available: its result could grow without bound',
  ]],
  ['verb', R('{ name: no-drop, match: { verbs: [drpo] }, effect: deny }'), [
    'w.yaml:18:43: policies[jobs].rules[no-drop].match.verbs[0]: there is no verb "drpo", so this never matches (did you mean drop?)',
  ]],
  ['class', R('{ name: no-drop, match: { classes: [ddl] }, effect: deny }'), [
    'w.yaml:18:45: policies[jobs].rules[no-drop].match.classes[0]: there is no class "ddl", so this never matches (known: read, write, schema, session, unknown, admin)',
  ]],
  ['kind', R('{ name: no-drop, match: { objects: ["tabel:x"] }, effect: deny }'), [
    'w.yaml:18:45: policies[jobs].rules[no-drop].match.objects[0]: there is no kind "tabel", so this never matches (did you mean table?)',
  ]],
  ['class that the verb never has', R('{ name: r, match: { verbs: [select], classes: [schema] }, effect: deny }'), [
    'w.yaml:18:46: policies[jobs].rules[r].match.classes: can never match: select is never of class schema (it can be read, write, unknown, admin)',
  ]],
  ['rows of what has none', R('{ name: r, match: { verbs: [truncate], objects: [database] }, effect: deny }'), [
    'w.yaml:18:48: policies[jobs].rules[r].match.objects: can never match: truncate is about rows, and database has none (name tables or views)',
  ]],
  ['bare column', R('{ name: r, match: { columns: [ssn] }, effect: deny }'), [
    'w.yaml:18:39: policies[jobs].rules[r].match.columns[0]: "ssn" names no table (write *.ssn for this column of any table)',
  ]],
  ['empty match', R('{ name: r, match: {}, effect: deny }'), [
    'w.yaml:18:20: policies[jobs].rules[r].match: is empty (give one of verbs, objects, columns, functions, classes, rows, request)',
  ]],
  ['grant under a deny', R('{ name: no-drop, match: { verbs: [drop, alter] }, effect: deny }\n      - { name: drop-tmp, match: { verbs: [drop], objects: ["table:tmp_*"] }, effect: allow }'), [
    'w.yaml:19:9: policies[jobs].rules[drop-tmp]: can never take effect: the deny "no-drop" at w.yaml:18 matches everything that it matches, and deny always wins (narrow the deny, or remove this rule)',
  ]],
  ['require_approval without anybody', R('{ name: r, match: { verbs: [delete], rows: "> 1000" }, effect: require_approval }'), [
    'w.yaml:18:64: policies[jobs].rules[r].effect: nothing says who approves (add approval: { groups: [LOGIN/GROUP] })',
    'w.yaml:18:64: policies[jobs].rules[r].effect: nobody could approve: there is no control.login, with which people sign in (add one)',
  ]],
  ['approval of a deny', R('{ name: r, match: { verbs: [delete] }, effect: deny, approval: { groups: [okta/x] } }'), [
    'w.yaml:18:62: policies[jobs].rules[r].approval: says how to approve, and the effect is deny (remove it, or write effect: require_approval)',
  ]],
  ['detector', S('- columns: ["*.password"]', '- { detect: [ssn_us] }'), [
    'w.yaml:20:20: policies[jobs].mask[0].detect[0]: there is no detector "ssn_us" (known: us_ssn, credit_card, email, phone, iban, ip, jwt, cloud_key, private_key)',
  ]],
  ['mask of nothing', S('- columns: ["*.password"]', '- { mode: strict }'), [
    'w.yaml:20:9: policies[jobs].mask[0]: masks nothing (add columns: [...], fields: [...] or detect: [...])',
  ]],
  ['mask name twice', S('- columns: ["*.password"]', '- { name: "2", columns: ["*.password"] }\n      - { columns: ["*.api_key"] }'), [
    'w.yaml:21:9: policies[jobs].mask[1]: the name jobs/2 is already taken at w.yaml:20 (give each mask a name of its own)',
  ]],
  ['when does not parse', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "now.getHours( < 6" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: is not a CEL condition: Unexpected token: LT',
  ]],
  ['when names nothing', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "statment.rows > 1" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: there is no variable statment (did you mean statement?)',
  ]],
  ['when asks for what a variable does not have', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "identity.nme == claims.sub" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: identity has no nme (did you mean name?)',
  ]],
  ['when asks for what an owner does not have', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "has(identity.owner.team)" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: identity.owner has no team (known: group, contact)',
  ]],
  ['a duration without a unit', P('{ name: ci, issuer: https://ci.example, audience: wicketgate, maxTokenAge: 30 }'), [
    'w.yaml:3:67: identityProviders[ci].maxTokenAge: expected a duration such as 30s, 10m, 12h, 400d; found a number (write it with its unit)',
  ]],
  ['an answer that no recording keeps', S('    protocol: postgres', '    protocol: postgres\n    evidence: { recordAnswers: 513MiB }'), [
    'w.yaml:9:17: connections[db].evidence.recordAnswers: is larger than 512MiB, which is all that is ever kept of one answer',
  ]],
  ['a class that only a rule grants', S('allow: [read]', 'allow: [read, admin]'), [
    'w.yaml:16:19: policies[jobs].allow[1]: expected one of read, write, schema, session, unknown; found text (admin is granted only by a rule, with effect: allow and classes: [admin])',
  ]],
  ['when is not a condition', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "1 + 1" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: must be true or false, but is int (compare it with ==)',
  ]],
  ['when is never true', R('{ name: r, match: { verbs: [drop] }, effect: deny, when: "1 > 2" }'), [
    'w.yaml:18:60: policies[jobs].rules[r].when: is never true (remove it together with what it stands in)',
  ]],
  ['when with matches', S('claims: { project: 7 }', 'claims: { project: 7 }, when: claims.ref.matches("(a+)+$")'), [
    'w.yaml:5:89: identities[job].when: matches() is not available: a pattern could take unbounded time (use ==, in, startsWith, endsWith or contains)',
  ]],
  ['identity when sees claims only', S('claims: { project: 7 }', 'claims: { project: 7 }, when: now > now'), [
    'w.yaml:5:89: identities[job].when: there is no variable now (known: claims)',
  ]],
  ['function without effect', R('{ name: r, match: { functions: [md5, "pg_catalog.upper(text)", app.md5, "pg_catalog.*", pg_sleep] }, effect: deny }'), [
    'w.yaml:18:41: policies[jobs].rules[r].match.functions[0]: "md5" can never match: md5 of pg_catalog only computes, which is no effect of a statement (for a function of your own write schema.md5)',
    'w.yaml:18:46: policies[jobs].rules[r].match.functions[1]: "pg_catalog.upper(text)" can never match: upper of pg_catalog only computes, which is no effect of a statement (remove it: protect what it is given by columns, objects or masks)',
  ]],
  ['function without types', S('    credential:', '    functions: [billing.close_month]\n    credential:'), [
    'w.yaml:11:17: connections[db].functions[0]: "billing.close_month" has no argument types (write schema.name(argument types), such as billing.close_month(integer))',
  ]],
  ['statement larger than message', S('version: 1', 'version: 1\ngateway: { limits: { message: 512KiB } }'), [
    'w.yaml:2:22: gateway.limits.message: a statement may be larger than the message that carries it (message must be at least statement)',
  ]],
  ['yaml', 'version: 1\n  a: [\n', [
    'w.yaml:1:10: not valid YAML: Nested mappings are not allowed in compact mappings',
    'w.yaml:1:10: not valid YAML: Implicit keys need to be on a single line',
    'w.yaml:3:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ]],
  ['tab', 'version: 1\ngateway:\n\tdata: x\n', [
    'w.yaml:3:1: a tab is used to indent (use spaces)',
  ]],
  ['two documents', `${sound}---\nversion: 1\n`, [
    'w.yaml:22:1: a second YAML document begins here (one document a file: remove the --- line)',
  ]],
  ['empty', '# nothing\n', [
    'w.yaml:1:1: is empty',
  ]],
  ['not a section', '- a\n', [
    'w.yaml:1:1: expected keys and values, such as version: 1',
  ]],
  ['tag', S('version: 1', 'version: !!int 1'), [
    'w.yaml:1:16: tags are not read (remove the part that starts with !)',
  ]],
  ['YAML 1.1', `%YAML 1.1\n---\n${sound}`, [
    'w.yaml:1:1: only YAML 1.2 is read (remove the %YAML line)',
  ]],
  ['recursive alias', S('{ project: 7 }', '&a { project: *a }'), [
    'w.yaml:5:87: an alias of something that contains it',
  ]],
  ['number that loses digits', S('project: 7', 'project: 12345678901234567890'), [
    'w.yaml:5:84: a number with more digits than can be kept (write "12345678901234567890")',
  ]],
];

describe('what is wrong is said with file, line, column, key and what was meant', () => {
  for (const [name, text, expected] of bad) {
    test(name, async () => {
      const result = await loadSources([{ file: '/nowhere/w.yaml', text }], '/nowhere', { DB: 'x' });
      assert(!result.ok, 'it was accepted');
      assert.deepEqual(result.problems.map((problem) => formatProblem(problem).replaceAll('/nowhere/', '')), expected);
      assert(!JSON.stringify(result).includes('hunter2'), 'a literal credential is shown');
    });
  }
});
