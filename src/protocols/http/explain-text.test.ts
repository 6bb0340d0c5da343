import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { readSources } from '../../config/files.ts';
import { load } from '../../config/load.ts';
import { Problems } from '../../config/problems.ts';
import { isHttp } from '../../config/protocols.ts';
import type { Config, HttpConnectionConfig } from '../../config/resolved.ts';
import { readCases } from '../../policy/cases.ts';
import { compilePolicies } from '../../policy/compile.ts';
import { runCase } from '../../policy/run-case.ts';
import { explainRequest } from './explain-text.ts';

const examples = path.join(import.meta.dirname, '..', '..', '..', 'examples');

describe('a question about a request', () => {
  let config: Config;
  let api: HttpConnectionConfig;
  before(async () => {
    const result = await load(path.join(examples, 'http-api'), {}, { checkSecrets: false });
    assert(result.ok, JSON.stringify(result));
    assert.deepEqual(result.warnings, []);
    config = result.config;
    api = config.connections.find(isHttp) as HttpConnectionConfig;
  });

  test('is answered as the cases of the example say', async () => {
    const problems = new Problems();
    const cases = ((await readSources(path.join(examples, 'http-api-cases'), problems)) ?? []).flatMap((source) => readCases(source, config, problems));
    assert.deepEqual(problems.list(), []);
    assert.ok(cases.length >= 10);
    const policies = compilePolicies(config);
    for (const one of cases) {
      const result = await runCase(policies, one, async (text, connection) => (await explainRequest(text, connection as HttpConnectionConfig)).command);
      assert.deepEqual(result.differences, [], result.name);
    }
  });

  test('reads header fields and a body as a message of HTTP has them', async () => {
    const { command, objection } = await explainRequest('POST /billing/x?a=1 HTTP/1.1\r\nHost: gw\r\nX-Env: prod\r\nAuthorization: Bearer hunter2\r\nContent-Type: application/json\r\n\r\n{"a":[1]}', api);
    assert.equal(objection(), undefined);
    const facts = command.effects[0]?.request;
    assert.deepEqual(facts && { ...facts, query: [...facts.query], headers: [...facts.headers] }, {
      method: 'POST', host: 'gw', path: '/x', segments: ['x'], query: [['a', ['1']]], headers: [['host', ['gw']], ['x-env', ['prod']], ['content-type', ['application/json']], ['content-length', ['9']]], body: { kind: 'json', value: { a: [1] } },
    });
    assert.ok(!JSON.stringify(command, (_, value: unknown) => (value instanceof Map ? [...value] : value)).includes('hunter2'));
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['select 1', /unknown method/], ['GET', /first line/], ['GET /billing/x y z', /first line/], ['GET /billing/../x', /dot segment/], ['GET /other', /not reached|no connection/], ['GET /billing/x\nno header', /NAME: VALUE/],
    ['GET /billing/x\nContent-Length: 1\nTransfer-Encoding: chunked', /together/], ['TRACE /billing/x', /TRACE/], ['GET /billing/a%2fb', /encoded slash/],
  ];
  for (const [text, why] of refused) {
    test(`says why ${JSON.stringify(text)} would not be read`, async () => {
      const { command, objection } = await explainRequest(text, api);
      assert.match(objection() ?? '', why);
      assert.equal(command.effects[0]?.class, 'unknown');
    });
  }
});
