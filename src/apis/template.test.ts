import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileTemplate, templateCovers, templateProblem, type TemplateOptions } from './template.ts';

const ask = (template: string, path: string, options: TemplateOptions = {}) => {
  const compiled = compileTemplate(template, options);
  assert.ok(typeof compiled !== 'string', template);
  const segments = path.slice(1).split('/').map(decodeURIComponent);
  return { level: compiled.level(segments), parameters: compiled.parameters(segments) };
};

describe('path templates', () => {
  const levels: readonly (readonly [string, string, 0 | 1 | 2])[] = [
    ['/v1/users/{id}', '/v1/users/7', 2], ['/v1/users/{id}', '/v1/users', 0], ['/v1/users/{id}', '/v1/users/7/keys', 0],
    ['/v1/users/{id}', '/v1/users/', 0], ['/files/*', '/files/a', 2], ['/files/*', '/files/a/b', 0],
    ['/files/**', '/files/a/b', 2], ['/files/**', '/files/', 2], ['/files/**', '/files', 1], ['/**', '/', 2], ['/**', '/a/b', 2], ['/', '/', 2],
    // What servers may take for the same.
    ['/admin', '/Admin', 1], ['/admin', '/admin/', 1], ['/admin', '/admin.', 1], ['/admin', '/admin%20', 1], ['/admin/**', '/ADMIN/x', 1], ['/admin', '/\uff41dmin', 1],
    ['/admin/users', '/admin%2Fusers', 1], ['/admin', '/administrator', 0], ['/a/{id}', '/a/1/', 1],
    ['/a%20b', '/a%20b', 2],
  ];
  for (const [template, path, level] of levels) test(`${template} on ${path}`, () => assert.equal(ask(template, path).level, level));

  test('gives the parameters', () => {
    assert.deepEqual(ask('/b/{bucket}/o/{object+}', '/b/x/o/a%2Fb').parameters, { bucket: 'x', object: 'a/b' });
    assert.deepEqual(ask('/{bucket}/{key**}', '/x/a/b/').parameters, { bucket: 'x', key: 'a/b/' });
    assert.deepEqual(ask('/t/{topic}:publish', '/t/news:publish').parameters, { topic: 'news' });
    assert.equal(ask('/t/{topic}', '/t/news:publish', { customVerbs: true }).level, 1);
    assert.equal(ask('/Sub/{id}', '/SUB/A', { anyCase: true }).level, 2);
  });

  test('lets slashes stand where it says', () => {
    const template = '/b/{bucket}/o/{object+}';
    assert.deepEqual(ask(template, '/b/x/o/a%2Fb').parameters, { bucket: 'x', object: 'a/b' });
    assert.deepEqual(ask(template, '/b/x%2Fy/o/a'), { level: 2, parameters: undefined });
    assert.deepEqual(ask(template, '/c/x/o/a%2Fb'), { level: 0, parameters: undefined });
  });

  for (const wrong of ['a', '/a//b', '/a/**/b', '/a*', '/{a}{b}', '/{a}/{a}', '/a?b', '/a/../b', '/a b', '/{1}', '/%zz', `/${'a'.repeat(2_000)}`]) test(`cannot read ${wrong.slice(0, 20)}`, () => assert.equal(typeof templateProblem(wrong), 'string'));

  test('what one covers of another, it matches wherever the other does', () => {
    const segment = fc.constantFrom('a', 'b', '{x}', '*');
    const template = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([parts, rest]) => `/${parts.map((part, index) => (part === '{x}' ? `{x${index}}` : part)).join('/')}${rest ? '/**' : ''}`);
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    let covered = 0;
    fc.assert(
      fc.property(template, template, path, (wide, narrow, asked) => {
        if (!templateCovers(wide, narrow) || ask(narrow, asked).level !== 2) return;
        covered += 1;
        assert.equal(ask(wide, asked).level, 2, `${wide} ${narrow} ${asked}`);
      }),
      { numRuns: 5_000 },
    );
    assert.ok(covered > 50, String(covered));
  });
});
