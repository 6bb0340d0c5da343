import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { until } from '../kit/until.ts';
import { startHttpScene, TARGET_TOKEN, type HttpScene } from './http-scene.ts';
import { readEvidence } from './recorded-evidence.ts';
import { recorded } from './whole-evidence.ts';

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

  for (const name of ['X-HTTP-Method-Override', 'X_HTTP_Method_Override', 'X.HTTP.Method.Override', 'X_HTTP.Method~Override', 'Impersonate.User', 'X-Method', 'X-Original-Method', 'X-Original-URI', 'Impersonate-User', 'Impersonate-Extra-Scopes', 'Sudo', 'MSCRMCallerID', 'es-security-runas-user', 'X_On_Behalf_Of', 'Api-Username', 'As-User', 'Dropbox-API-Select-User', 'On-Behalf-Of', 'X-Egnyte-Act-As-Email', 'X-Impersonate-User', 'Content_Type']) {
    test(`${name} is not passed on`, async () => {
      assert.equal(await reached('/x', { [name]: 'DELETE' }), 400);
    });
  }

  for (const name of ['X-Forwarded', 'X-Forwarded-User', 'X-Remote-User', 'X_Remote_User', 'Remote-User', 'X-WebAuth-User', 'X-Auth-Request-Email', 'X-SSL-Client-DN', 'X-MS-Client-Principal', 'X-Host', 'Proxy', 'CF-Access-Authenticated-User-Email', 'X.Forwarded_User', 'X-Authentik-Username', 'X-Pomerium-Claim-Email', 'X-Consumer-Username', 'Remote-Email', 'OIDC_CLAIM_sub', 'X-Appengine-User-Email', 'X-ARR-ClientCert', 'X-SSL-Cert', 'X-Amzn-Mtls-Clientcert-Subject', 'X-Auth-CouchDB-UserName']) {
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

  test('nor does it come in a list of answers, or in parts', async () => {
    scene.target.handler = (request, response) => {
      request.resume();
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify([{ data: { customer: { ssn: SSN } } }]));
    };
    const list = await scene.ask('reader', '/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify([{ query: '{ customer { ssn } }' }]) });
    for (const answer of [list, await query('{ customer { ... @defer { ssn } } }')]) {
      assert.deepEqual([answer.status, answer.problem['code']], [403, 'masking'], answer.text);
      assert.equal(scene.target.requests.length, 0);
    }
  });

  test('an alias of what no mask names is nobody\'s concern', async () => {
    const answer = await query('{ customer { called: name } }');
    assert.equal(answer.status, 200, answer.text);
  });

  test('a document that multiplies its aliases by its operations costs no more than its size', async () => {
    const many = (count: number, one: (index: number) => string): string => Array.from({ length: count }, (_, index) => one(index)).join(' ');
    const answer = await query(`${many(1_000, (index) => `query q${index} { f${index} }`)} query last { f { ${many(1_500, (index) => `a${index}: x`)} } }`);
    assert.equal(answer.status, 403, answer.text);
    assert.equal(scene.target.requests.length, 0);
    assert.equal((await query('{ customer { name } }')).status, 200);
  });
});

describe('a target that sends the credential of the gateway back', () => {
  let scene: HttpScene;
  before(async () => {
    scene = await startHttpScene({
      connection: { evidence: { recordAnswers: '64KiB' } },
      policies: [
        { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] },
        { name: 'masked', identities: ['writer'], connections: ['*'], allow: ['read'], mask: [{ fields: ['ssn'], transform: 'redact' }] },
      ],
    });
    scene.target.handler = (request, response) => {
      const shown = JSON.stringify({ mark: request.url, headers: request.headers, ssn: SSN, raw: request.rawHeaders });
      response.setHeader('Content-Type', 'application/json');
      response.setHeader('X-Debug', `authorization=${request.headers.authorization}`);
      response.setHeader('Location', `/next?token=${TARGET_TOKEN}`);
      request.resume();
      if (request.url === '/length') {
        response.setHeader('Content-Length', shown.length);
        response.end(shown);
        return;
      }
      if (request.url === '/turns') {
        response.write(`your turn ${TARGET_TOKEN.slice(0, 3)}`);
        return;
      }
      if (request.url === '/gzip') {
        response.setHeader('Content-Encoding', 'gzip');
        response.end(gzipSync(shown));
        return;
      }
      const bytes = request.url === '/bytes';
      const step = bytes ? 1 : 7;
      let at = 0;
      const next = (): void => {
        if (at >= shown.length) response.end();
        else {
          response.write(shown.slice(at, (at += step)));
          setImmediate(next);
        }
      };
      next();
    };
  });
  after(() => scene?.[Symbol.asyncDispose]());

  const STARS = '*'.repeat(TARGET_TOKEN.length);
  const withoutIt = (answer: { readonly status: number; readonly text: string; readonly headers: object }): void => {
    assert.equal(answer.status, 200, answer.text);
    assert.ok(!`${JSON.stringify(answer.headers)}${answer.text}`.includes(TARGET_TOKEN), answer.text);
    assert.equal((JSON.parse(answer.text) as { headers: { authorization: string } }).headers.authorization, `Bearer ${STARS}`);
    assert.equal((answer.headers as Record<string, unknown>)['x-debug'], `authorization=Bearer ${STARS}`);
  };

  for (const path of ['/length', '/chunks', '/bytes']) {
    test(`${path}: the client gets stars, in header fields and body`, async () => {
      const answer = await scene.ask('reader', path);
      withoutIt(answer);
      if (path === '/length') assert.equal(answer.headers['content-length'], String(answer.body.length));
    });
    test(`${path}: so it does beside a mask`, async () => {
      const answer = await scene.ask('writer', path);
      withoutIt(answer);
      assert.ok(!answer.text.includes(SSN));
    });
  }

  test('and in HTTP/2', async () => {
    const client = connect(scene.url, { ca: scene.ca });
    const stream = client.request({ ':path': '/bytes', authorization: `Bearer ${await scene.token('reader')}` });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    client.close();
    withoutIt({ status: headers[':status'], headers, text });
  });

  test('who talks in turns does not wait for what could be its beginning', { timeout: 30_000 }, async () => {
    const client = connect(scene.url, { ca: scene.ca });
    const stream = client.request({ ':path': '/turns', authorization: `Bearer ${await scene.token('reader')}` });
    let text = '';
    // The target says nothing more before it is over.
    for await (const chunk of stream) {
      text += String(chunk);
      if (text.endsWith(TARGET_TOKEN.slice(0, 3))) break;
    }
    client.destroy();
    assert.equal(text, `your turn ${TARGET_TOKEN.slice(0, 3)}`);
  });

  test('packed, where a mask has it unpacked', async () => {
    const answer = await scene.ask('writer', '/gzip');
    withoutIt({ ...answer, text: gunzipSync(answer.body).toString() });
  });

  test('packed, without a mask: it is refused, in both versions, and the target hears of no coding that is not understood', async () => {
    scene.target.clear();
    const answer = await scene.ask('reader', '/gzip', { headers: { 'Accept-Encoding': 'deflate, gzip;q=0.9' } });
    assert.deepEqual([answer.status, answer.problem['code']], [403, 'masking'], answer.text);
    assert.ok(!answer.body.includes(TARGET_TOKEN));
    const [request] = scene.target.requests;
    assert.equal(request && scene.target.header(request, 'accept-encoding'), 'gzip;q=0.9');
    const client = connect(scene.url, { ca: scene.ca });
    const stream = client.request({ ':path': '/gzip', authorization: `Bearer ${await scene.token('reader')}` });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
    stream.resume();
    await once(stream, 'close');
    client.close();
    assert.equal(headers[':status'], 403);
    assert.equal(await until(async () => (await recorded(scene, '/gzip')).findLast(({ end }) => end !== undefined)?.end), 'withheld');
  });

  test('what is recorded has stars too, and says how often; the log says it once', async () => {
    const found = await until(async () => (await recorded(scene, '/length')).find(({ end }) => end !== undefined), 20_000, 'the outcome');
    const { stdout, stderr } = await scene.gateway.cli('sessions', 'replay', found.session, '--config', scene.gateway.configFile);
    assert.equal(stderr, '');
    assert.ok(stdout.includes(`Bearer ${STARS}`), stdout);
    assert.ok(!stdout.includes(TARGET_TOKEN), stdout);
    const { leaves } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
    const counts = leaves.flatMap(({ record }) => (record.kind === 'outcome' && record.session === found.session && record.command === found.command ? [record.outcome.masked] : []));
    // In two header fields, and twice in the body.
    assert.deepEqual(counts, [{ 'gateway/credential': 4 }]);
    assert.equal(scene.gateway.log().split("the gateway's own credential back").length, 2, 'one line a minute and connection');
  });
});

describe('a client that calls its JSON a call of gRPC, where masks let pass what they do not understand', () => {
  let scene: HttpScene;
  before(async () => {
    scene = await startHttpScene({ policies: [{ name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'], mask: [{ name: 'ssn', fields: ['ssn'], transform: 'redact', otherwise: 'pass' }] }] });
  });
  after(() => scene?.[Symbol.asyncDispose]());

  const call = (type: string, body: string | Buffer) => {
    scene.target.clear();
    return scene.ask('writer', '/customers/7', { method: 'PUT', headers: { 'Content-Type': type }, body });
  };

  test('does not write a masked value back by that', async () => {
    for (const type of ['application/grpc-web', 'application/grpc-web+json', 'application/grpc-web-text']) {
      for (const body of ['{"ssn":"***"}', ' \n{"ssn":"***"}', '[{"ssn":"***"}]']) {
        await call(type, body);
        assert.deepEqual(scene.target.requests.filter(({ complete, bytes }) => complete || bytes > 0), [], `${type} ${body}`);
      }
    }
  });

  test('and what is made of messages goes on', async () => {
    for (const [type, body] of [['application/grpc-web', Buffer.from('\0\0\0\0\x02ok')], ['application/grpc-web', Buffer.from('\x01\0\0\0\x02ok')], ['application/grpc-web-text', Buffer.from('\0\0\0\0\x02ok').toString('base64')], ['application/grpc-web', '']] as const) {
      assert.equal((await call(type, body)).status, 200, type);
      assert.equal(scene.target.requests[0]?.bytes, body.length);
    }
  });
});

test('a client that keeps cookies does not show those of one target to another', async () => {
  await using scene = await startHttpScene({ http: { prefix: '/billing' } });
  scene.target.handler = (_, response) => void response.setHeader('Set-Cookie', ['sid=1; Path=/; HttpOnly', 'wide=1; Domain=localhost; Path=/v1']).end('ok\n');
  const answer = await scene.ask('reader', '/billing');
  assert.deepEqual([answer.status, answer.headers['set-cookie']], [200, ['sid=1; HttpOnly; Path=/billing', 'wide=1; Path=/billing/v1']]);
});
