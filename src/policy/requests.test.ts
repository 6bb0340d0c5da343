import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PolicyConfig, RequestMatchConfig, RuleConfig } from '../config/resolved.ts';
import type { Effect } from '../model/command.ts';
import type { RequestFacts } from '../model/request.ts';
import { readTarget } from '../apis/path.ts';
import { compileMatch } from './match.ts';
import { command, noon, policy, session } from './testdata/build.ts';

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly body?: RequestFacts['body'];
  readonly graphql?: NonNullable<RequestFacts['graphql']>;
  readonly grpc?: NonNullable<RequestFacts['grpc']>;
}

const json = (value: unknown): RequestFacts['body'] => ({ kind: 'json', value });
const unread: RequestFacts['body'] = { kind: 'unread', why: 'it is too large' };

const request = (raw: string, { method = 'GET', host = 'api.gw', headers = {}, body = { kind: 'none' }, ...more }: Asked = {}): RequestFacts => {
  const target = readTarget(raw);
  assert.ok(!('refused' in target));
  return { method, host, path: target.path, segments: target.segments, query: target.query, headers: new Map(Object.entries(headers)), body, ...more };
};

const reach = (match: RuleConfig['match'], effect: Effect): string => {
  const problems: string[] = [];
  const compiled = compileMatch(match, (problem) => problems.push(problem));
  assert.deepEqual(problems, []);
  return (['no', 'touches', 'covers'] as const)[compiled.reach(effect)];
};

const of = (match: RequestMatchConfig, asked: RequestFacts, effect: Partial<Effect> = {}): string => reach({ request: match }, { class: 'read', verb: 'get', request: asked, ...effect });

describe('what a rule says of a request', () => {
  const cases: readonly (readonly [RequestMatchConfig, RequestFacts, 'no' | 'touches' | 'covers', string])[] = [
    [{ methods: ['GET'] }, request('/'), 'covers', 'method'],
    [{ methods: ['GET'] }, request('/', { method: 'POST' }), 'no', 'another method'],
    [{ methods: ['GET'] }, request('/', { method: 'HEAD' }), 'touches', 'HEAD is answered as GET is'],
    [{ methods: ['DELETE'] }, request('/', { method: 'delete' }), 'touches', 'some servers do not tell case'],
    [{ methods: ['DELETE'] }, request('/', { method: 'POST', headers: { 'x-http-method-override': ['DELETE'] } }), 'touches', 'a header that says another method'],
    [{ methods: ['POST'] }, request('/?_method=delete', { method: 'POST' }), 'touches', 'no grant of POST where it could be another'],
    [{ methods: ['POST'] }, request('/?.method=delete', { method: 'POST' }), 'touches', 'PHP makes _ of a dot'],
    [{ methods: ['POST'] }, request('/?method=card', { method: 'POST' }), 'covers', 'a parameter that says nothing of the kind'],
    [{ methods: ['POST'] }, request('/', { method: 'POST', headers: { 'x.http.method.override': ['DELETE'] } }), 'touches', 'a header that becomes a variable'],
    [{ hosts: ['api.gw'] }, request('/'), 'covers', 'host'],
    [{ hosts: ['*.gw'] }, request('/', { host: 'a.b.gw' }), 'covers', 'host below'],
    [{ hosts: ['*.gw'] }, request('/', { host: 'gw' }), 'no', 'not the name itself'],
    [{ paths: ['/v1/{id}'] }, request('/v1/7'), 'covers', 'path'],
    [{ paths: ['/admin/**'] }, request('/Admin/x'), 'touches', 'path in another case'],
    [{ paths: ['/a', '/b'] }, request('/b'), 'covers', 'one of the list'],
    [{ query: { env: ['prod'] } }, request('/?env=prod'), 'covers', 'parameter'],
    [{ query: { env: ['prod'] } }, request('/?env=prod&env=test'), 'touches', 'which of two counts is the server\'s to say'],
    [{ query: { env: ['prod'] } }, request('/?env[]=prod'), 'touches', 'a list in some frameworks'],
    [{ query: { env: ['prod'] } }, request('/?ENV=prod'), 'touches', 'another case'],
    [{ query: { env: ['test'] } }, request('/?env=test&ENV=prod'), 'touches', 'no grant where another case could take its place'],
    [{ query: { env: ['test'] } }, request('/?env=test&env[]=prod'), 'touches', 'nor where a list could'],
    [{ query: { 'f[a]': ['1'] } }, request('/?f[a]=1&f=2'), 'touches', 'nor where the whole of it could'],
    [{ query: { 'f[a]': ['1'] } }, request('/?f[a]=1&f[b]=2'), 'covers', 'two parts of one parameter'],
    [{ query: { env: ['prod'] } }, request('/?env=%20prod'), 'touches', 'a blank that some cut off'],
    [{ query: { env: ['prod'] } }, request('/?env=prod%0a'), 'touches', 'the end of a line that some cut off'],
    [{ query: { env: ['prod'] } }, request('/?env=test,prod'), 'touches', 'a list in one value'],
    [{ query: { env: ['prod'] } }, request('/?env=product'), 'no', 'another value that begins like it'],
    [{ headers: { 'x-env': ['test'] } }, request('/', { headers: { 'x-env': ['test'], x_env: ['prod'] } }), 'touches', 'no grant where a header could take its place'],
    [{ headers: { 'x-env': ['prod'] } }, request('/', { headers: { 'x-env': ['test, prod'] } }), 'touches', 'a list in one field'],
    [{ headers: { 'x-env': ['prod'] } }, request('/', { headers: { 'x-env': ['prod\u00a0'] } }), 'touches', 'a blank of Latin 1'],
    [{ fields: { env: ['prod'] } }, request('/', { body: json({ env: ' prod' }) }), 'touches', 'a blank in a field'],
    [{ fields: { role: ['admin'] } }, request('/', { body: json({ role: 'Admin' }) }), 'touches', 'another case in a field'],
    [{ fields: { status: ['admin'] } }, request('/', { body: json({ '\u017Ftatus': 'admin' }) }), 'touches', 'a long s: Go finds the member'],
    [{ fields: { status: ['admin'] } }, request('/', { body: json({ status: 'x', 'Statu\u017F': 'adm\u0131n' }) }), 'touches', 'letters that fold to those of ASCII, in names and values'],
    [{ fields: { kind: ['admin'] } }, request('/', { body: json({ 'K\u0130nd': 'ADM\u0130N' }) }), 'touches', 'an i with its dot in upper case: Java'],
    [{ query: { kind: ['s*'] } }, request('/?%E2%84%AAind=%C5%BFx'), 'touches', 'the same in a query'],
    [{ paths: ['/admin/**'] }, request('/adm%C4%B1n/x'), 'touches', 'and in a path'],
    [{ query: { force: ['true'] } }, request('/?force=1'), 'touches', 'a truth in another word'],
    [{ query: { force: ['true'] } }, request('/?force=ON'), 'touches', 'another'],
    [{ query: { force: ['true'] } }, request('/?force=off'), 'no', 'its contrary'],
    [{ fields: { admin: ['true'] } }, request('/', { body: json({ admin: 1 }) }), 'touches', 'a number that is read as a truth'],
    [{ fields: { admin: ['true'] } }, request('/', { body: json({ admin: 'yes' }) }), 'touches', 'a text that is'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json({ amount: '1e2' }) }), 'touches', 'the same number in another notation'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json({ amount: '+0100.00' }) }), 'touches', 'and with signs and zeros'],
    [{ query: { amount: ['100'] } }, request('/?amount=5,0x64'), 'touches', 'in a list'],
    [{ query: { amount: ['100'] } }, request('/?amount=1000'), 'no', 'another number'],
    [{ query: { amount: ['1*'] } }, request('/?amount=on'), 'no', 'a pattern is no truth'],
    [{ query: { env: ['Prod*'] } }, request('/?env=PROD-1'), 'touches', 'another case in a query'],
    [{ headers: { 'x-env': ['prod'] } }, request('/', { headers: { 'x-env': ['test, PROD'] } }), 'touches', 'another case in a list'],
    [{ query: { user_id: ['7'] } }, request('/?user.id=7'), 'touches', 'a dot that becomes _'],
    [{ query: { user_id: ['7'] } }, request('/?user[id=7'), 'touches', 'a bracket that is not closed becomes _ too'],
    [{ query: { user_id: ['7'] } }, request('/?user_id=7&user%5Bid=8'), 'touches', 'no grant where that could take its place'],
    [{ query: { user: ['7'] } }, request('/?user[id=7'), 'touches', 'or is cut off'],
    [{ paths: ['/admin'] }, request('/admin%3Bx'), 'touches', 'cut off at a semicolon behind a proxy that decodes'],
    [{ fields: { pushConfig: ['*'] } }, request('/', { body: json({ push_config: 'x' }) }), 'touches', 'the other spelling of protocol buffers'],
    [{ query: { env: ['prod'] } }, request('/'), 'no', 'not there'],
    [{ query: { env: ['*'] } }, request('/?env='), 'covers', 'anything'],
    [{ headers: { 'x-env': ['prod*'] } }, request('/', { headers: { 'x-env': ['production'] } }), 'covers', 'header'],
    [{ headers: { 'x-env': ['prod'] } }, request('/', { headers: { x_env: ['prod'] } }), 'touches', 'a dash and an underscore'],
    [{ headers: { 'x-env': ['prod'] } }, request('/', { headers: { 'x.env': ['prod'] } }), 'touches', 'a dash and a dot'],
    [{ headers: { 'x-env': ['test'] } }, request('/', { headers: { 'x-env': ['test'], 'x~env': ['prod'] } }), 'touches', 'no grant where another sign could take its place'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json({ amount: 100 }) }), 'covers', 'field'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json({ amount: 101 }) }), 'no', 'another value'],
    [{ fields: { amount: ['100'] } }, request('/', { body: unread }), 'touches', 'a body that nobody read'],
    [{ fields: { amount: ['100'] } }, request('/'), 'no', 'no body'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json({ Amount: 100 }) }), 'touches', 'another case'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json({ amount: 100, AMOUNT: 5 }) }), 'touches', 'two of one name to some'],
    [{ fields: { amount: ['100'] } }, request('/', { body: json([{ amount: 100 }]) }), 'touches', 'a list of requests'],
    [{ fields: { 'items.*.price': ['1', '2'] } }, request('/', { body: json({ items: [{ price: 1 }, { price: 2 }] }) }), 'covers', 'all of a list'],
    [{ fields: { 'items.*.price': ['1'] } }, request('/', { body: json({ items: [{ price: 1 }, { price: 3 }] }) }), 'touches', 'some of a list'],
    [{ fields: { id: ['12345678901234567890'] } }, request('/', { body: json({ id: 12345678901234567000 }) }), 'touches', 'a number that is not exact'],
    [{ grpc: ['a.B/*'] }, request('/a.B/Get', { method: 'POST', grpc: { service: 'a.B', method: 'Get' } }), 'covers', 'gRPC'],
    [{ grpc: ['a.B/*'] }, request('/a.B/Get', { method: 'POST' }), 'touches', 'the same path in another form'],
    [{ grpc: ['a.B/*'] }, request('/a.C/Get'), 'no', 'another service'],
    [{ grpc: ['a.B/Get'] }, request('/a.B/Get/', { method: 'POST' }), 'touches', 'a slash at the end of a call'],
    [{ grpc: ['a.B/Get'] }, request('/A.b/get', { method: 'POST', grpc: { service: 'A.b', method: 'get' } }), 'touches', 'a call in another case'],
    [{ grpc: ['a.B/Get'] }, request('/a.B/Get/x', { method: 'POST' }), 'no', 'more behind a call'],
    [{ methods: ['GET'], paths: ['/b'] }, request('/a'), 'no', 'every key must match'],
  ];
  for (const [match, asked, expected, why] of cases) test(`${why}: ${JSON.stringify(match)}`, () => assert.equal(of(match, asked), expected));

  test('GraphQL is judged operation by operation', () => {
    const graphql = [{ type: 'mutation' as const, name: 'Close', fields: ['close'], renamed: [] }, { type: 'query' as const, fields: ['me'], renamed: [] }];
    const asked = request('/graphql', { method: 'POST', graphql });
    const field = (name: string): Partial<Effect> => ({ object: { kind: 'field', name } });
    assert.equal(of({ graphql: ['mutation'] }, asked, field('mutation.close')), 'covers');
    assert.equal(of({ graphql: ['mutation'] }, asked, field('query.me')), 'no');
    assert.equal(of({ graphql: ['mutation.cl*'] }, asked, field('mutation.close')), 'covers');
    assert.equal(of({ graphql: ['mutation:Close'] }, asked, field('mutation.close')), 'covers');
    assert.equal(of({ graphql: ['mutation:Open'] }, asked, field('mutation.close')), 'no');
    assert.equal(of({ graphql: ['mutation'] }, request('/graphql'), { class: 'unknown', verb: 'unknown' }), 'touches');
  });

  test('a statement is no request', () => assert.equal(reach({ request: { methods: ['GET'] } }, { class: 'read', verb: 'select' }), 'no'));
});

describe('verbs and objects of requests', () => {
  const on = (kind: string, name: string, more: Partial<Effect> = {}): Effect => ({ class: 'write', verb: 'write', object: { kind, name }, request: request('/x', { method: 'PUT' }), ...more });
  const cases: readonly (readonly [RuleConfig['match'], Effect, 'no' | 'touches' | 'covers'])[] = [
    [{ verbs: ['write'] }, on('object', 'b/k'), 'covers'],
    [{ verbs: ['put'] }, on('object', 'b/k'), 'covers'],
    [{ verbs: ['put'] }, on('object', 'b/k', { class: 'admin', verb: 'set_policy' }), 'touches'],
    [{ verbs: ['set_policy'] }, on('object', 'b/k', { class: 'admin', verb: 'set_policy' }), 'covers'],
    [{ objects: ['object'] }, on('object', 'b/k'), 'covers'],
    [{ objects: ['bucket'] }, on('object', 'b/k'), 'no'],
    [{ objects: ['object:reports/*.csv'] }, on('object', 'reports/a/b.csv'), 'covers'],
    [{ objects: ['object:reports/*.csv'] }, on('object', 'reports/a.txt'), 'no'],
    [{ objects: ['object:reports/*'] }, on('object', 'reports/*'), 'covers'],
    [{ objects: ['object:reports/a*'] }, on('object', 'reports/*'), 'touches'],
    [{ objects: ['object:reports/*'] }, on('object', '*'), 'touches'],
    [{ objects: ['object:secret/*'] }, on('bucket', 'secret', { class: 'schema', verb: 'delete' }), 'touches'],
    [{ objects: ['object:secret/*'] }, on('bucket', 'other', { class: 'schema', verb: 'delete' }), 'no'],
    [{ objects: ['resource:/subscriptions/1/*'] }, on('resource', '/SUBSCRIPTIONS/1/x'), 'touches'],
    [{ objects: ['billing.invoices'] }, on('object', 'b/k'), 'no'],
    [{ objects: ['object:x'] }, { class: 'unknown', verb: 'unknown', request: request('/x') }, 'touches'],
  ];
  for (const [match, effect, expected] of cases) test(`${JSON.stringify(match)} on ${effect.class} ${effect.verb} ${effect.object?.name ?? ''}`, () => assert.equal(reach(match, effect), expected));
});

describe('conditions and bodies', () => {
  const decide = (policies: readonly PolicyConfig[], asked: RequestFacts, more: Partial<Effect> = {}) => session(policies).decide({ ...command([{ class: 'write', verb: 'post', request: asked, ...more }]), protocol: 'http' }, noon).effect;
  test('see the request as statement.request', () => {
    const rule = (when: string) => [policy('p', { allow: ['write'], rules: [{ effect: 'deny', when }] })];
    assert.equal(decide(rule('statement.request.method == "POST" && statement.request.path.startsWith("/v1/")'), request('/v1/x', { method: 'POST' })), 'deny');
    assert.equal(decide(rule('"debug" in statement.request.query'), request('/v1/x', { method: 'POST' })), 'allow');
    assert.equal(decide(rule('statement.request.headers["x-env"][0] == "prod"'), request('/', { headers: { 'x-env': ['test'] } })), 'allow');
    // What is not there is an error, which counts for a deny.
    assert.equal(decide(rule('statement.request.headers["x-env"][0] == "prod"'), request('/')), 'deny');
  });
  test('are told to the protocol when a rule looks inside', () => {
    assert.equal(session([policy('p', { rules: [{ match: { request: { paths: ['/x'] } } }] })]).readsBodies, false);
    assert.equal(session([policy('p', { rules: [{ match: { request: { fields: { a: ['1'] } } } }] })]).readsBodies, true);
  });
  test('that could not be read say why, to whoever a rule about them refuses', () => {
    const asked = (kind: RequestFacts['body'], path = '/pay'): RequestFacts => ({ ...request(path, { method: 'POST' }), body: kind });
    const said = (policies: readonly PolicyConfig[], facts: RequestFacts): string => session(policies).decide({ ...command([{ class: 'write', verb: 'post', request: facts }]), protocol: 'http' }, noon).reason;
    const unread = { kind: 'unread', why: 'the body is not plain JSON: not JSON' } as const;
    const small = policy('p', { rules: [{ effect: 'allow', match: { request: { paths: ['/pay'], fields: { amount: ['100'] } } } }] });
    assert.equal(said([small], asked(unread)), 'no policy grants post (class write); a rule asks about its body, and the body is not plain JSON: not JSON');
    assert.equal(said([small], asked({ kind: 'json', value: { amount: 5 } })), 'no policy grants post (class write)');
    assert.equal(said([small], asked(unread, '/other')), 'no policy grants post (class write)');
    const never = policy('p', { allow: ['write'], rules: [{ effect: 'deny', reason: 'no such currency', match: { request: { fields: { currency: ['XXX'] } } } }] });
    assert.equal(said([never], asked(unread)), 'no such currency; a rule asks about its body, and the body is not plain JSON: not JSON');
    assert.equal(said([never], asked({ kind: 'json', value: { currency: 'XXX' } })), 'no such currency');
  });
  test('rows of requests are nobody\'s to count', () => {
    assert.equal(session([policy('p', { allow: ['write'], limits: { rowsPerCommand: 1 } })]).decide(command([{ class: 'write', verb: 'delete', request: request('/x') }]), noon).threshold, undefined);
  });
});

test('the more a rule says, the less it matches; and no spelling of a path gets out of a deny that its plain form is under', () => {
  const spelled = fc.array(fc.constantFrom('a', 'A', '%61', 'a.', 'a%20'), { minLength: 1, maxLength: 3 }).map((parts) => `/admin/${parts.join('/')}`);
  fc.assert(
    fc.property(spelled, fc.constantFrom('GET', 'POST'), fc.boolean(), (raw, method, slash) => {
      const asked = request(slash ? `${raw}/` : raw, { method });
      assert.notEqual(of({ paths: ['/admin/**'] }, asked), 'no');
      assert.notEqual(of({ paths: [`/admin/${'a/'.repeat(raw.split('/').length - 2).slice(0, -1)}`] }, asked), 'no');
      if (of({ paths: ['/admin/**'], methods: [method] }, asked) === 'covers') assert.equal(of({ paths: ['/admin/**'] }, asked), 'covers');
    }),
    { numRuns: 500 },
  );
});
