import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHttpScene, type HttpScene } from './http-scene.ts';

const SSN = '123-45-6789';

describe('a target that answers with what is no answer', () => {
  let scene: HttpScene;
  before(async () => {
    scene = await startHttpScene({ http: { answerWithin: '5s' } });
  });
  after(() => scene?.[Symbol.asyncDispose]());

  for (const status of ['000', '099', '101', '199', '1000', '-20']) {
    test(`status ${status} is refused, and ends nobody else's service`, async () => {
      scene.target.handler = (_, __, socket) => void socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`);
      assert.equal((await scene.ask('reader', '/x')).status, 502);
      scene.target.handler = (_, response) => void response.end('ok\n');
      assert.equal((await scene.ask('reader', '/x')).status, 200);
      assert.equal(scene.gateway.ended(), undefined);
    });
  }

  test('a second answer that nobody asked for reaches no request', async () => {
    for (const later of [false, true]) {
      scene.target.handler = (_, __, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n');
        const more = (): boolean => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npoison\n');
        if (later) setImmediate(more);
        else more();
      };
      for (let tries = 0; tries < 5; tries += 1) {
        const { status, text } = await scene.ask('reader', '/x');
        assert.ok(status === 502 || text === 'ok\n', text);
      }
    }
  });
});

describe('a client that would have the target see another request, or another caller', () => {
  let scene: HttpScene;
  before(async () => {
    scene = await startHttpScene({
      policies: [{ name: 'most', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], rules: [{ name: 'no-admin', match: { request: { paths: ['/admin/**', '/admin'] } }, effect: 'deny', reason: 'not for jobs' }] }],
    });
  });
  after(() => scene?.[Symbol.asyncDispose]());

  const reached = async (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<number> => {
    scene.target.clear();
    const { status } = await scene.ask('writer', path, { headers, method });
    if (status !== 200) assert.equal(scene.target.requests.length, 0, 'it was refused and reached the target');
    return status;
  };

  for (const path of ['/admin', '/Admin/x', '/admin/', '/admin%3Bx', '/admin.', '/admin%20', '/%61dmin', '/public/..%3B/admin', '/public/..%3Bx=1/admin', '/public/..%20/admin', '/public/..%2fadmin', '/public/%2e%2e/admin']) {
    test(`no way into /admin by ${path}`, async () => {
      assert.ok([400, 403].includes(await reached(path)));
    });
  }

  for (const parameter of ['_method', '.method', '+_method', '_method[]', '$httpMethod', 'X-HTTP-Method-Override']) {
    test(`no other method by the parameter ${parameter}`, async () => {
      assert.equal(await reached(`/x?${parameter}=DELETE`, {}, 'POST'), 403);
    });
  }

  for (const name of ['X-HTTP-Method-Override', 'X_HTTP_Method_Override', 'X.HTTP.Method.Override', 'X-Method', 'X-Original-Method', 'X-Original-URI', 'Impersonate-User', 'Impersonate-Extra-Scopes', 'Content_Type']) {
    test(`${name} is not passed on`, async () => {
      assert.equal(await reached('/x', { [name]: 'DELETE' }), 400);
    });
  }

  for (const name of ['X-Forwarded', 'X-Forwarded-User', 'X-Remote-User', 'X_Remote_User', 'Remote-User', 'X-WebAuth-User', 'X-Auth-Request-Email', 'X-SSL-Client-DN', 'X-MS-Client-Principal', 'X-Host', 'Proxy', 'CF-Access-Authenticated-User-Email']) {
    test(`${name} is taken off: the target would believe the gateway`, async () => {
      assert.equal(await reached('/x', { [name]: 'root' }), 200);
      const [arrived] = scene.target.requests;
      assert.ok(arrived && !arrived.rawHeaders.includes('root'));
    });
  }
});

describe('a GraphQL client that wants to see what is masked', () => {
  let scene: HttpScene;
  before(async () => {
    scene = await startHttpScene({
      http: { apis: ['graphql'] },
      policies: [{ name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'], mask: [{ name: 'ssn', fields: ['$.data.customer.ssn'], transform: 'redact' }] }],
    });
    scene.target.handler = (request, response) => {
      request.resume();
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ data: { customer: { ssn: SSN }, c: { ssn: SSN, s: SSN } } }));
    };
  });
  after(() => scene?.[Symbol.asyncDispose]());

  const query = (text: string) => {
    scene.target.clear();
    return scene.ask('reader', '/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query: text }) });
  };

  test('an alias that would hide a masked field is refused before anything is sent', async () => {
    for (const text of ['{ customer { s: ssn } }', '{ c: customer { ssn } }', '{ customer { ...F } } fragment F on Customer { s: ssn }', '{ customer { ... on Customer { s: ssn } } }']) {
      const answer = await query(text);
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.problem['code'], 'masking');
      assert.ok(!answer.text.includes(SSN));
      assert.equal(scene.target.requests.length, 0);
    }
  });

  test('an alias of what no mask names is nobody\'s concern', async () => {
    const answer = await query('{ customer { called: name } }');
    assert.equal(answer.status, 200, answer.text);
  });
});
