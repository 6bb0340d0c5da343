import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileTemplate, templateCovers, templateProblem, type TemplateOptions } from './template.ts';

const match = (template: string, path: string, options: TemplateOptions = {}) => {
  const compiled = compileTemplate(template, options);
  assert.ok(typeof compiled !== 'string', template);
  return compiled.match(path.slice(1).split('/').map(decodeURIComponent));
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
  for (const [template, path, level] of levels) test(`${template} on ${path}`, () => assert.equal(match(template, path).level, level));

  test('gives the parameters', () => {
    assert.deepEqual(match('/b/{bucket}/o/{object+}', '/b/x/o/a%2Fb').parameters, { bucket: 'x', object: 'a/b' });
    assert.deepEqual(match('/{bucket}/{key**}', '/x/a/b/').parameters, { bucket: 'x', key: 'a/b/' });
    assert.deepEqual(match('/t/{topic}:publish', '/t/news:publish').parameters, { topic: 'news' });
    assert.equal(match('/t/{topic}', '/t/news:publish', { customVerbs: true }).level, 1);
    assert.equal(match('/Sub/{id}', '/SUB/A', { anyCase: true }).level, 2);
  });

  test('lets slashes stand where it says', () => {
    const template = compileTemplate('/b/{bucket}/o/{object+}');
    assert.ok(typeof template !== 'string');
    assert.equal(template.mayHoldSlash(['b', 'x', 'o', 'a/b']), true);
    assert.equal(template.mayHoldSlash(['b', 'x/y', 'o', 'a']), false);
    assert.equal(template.mayHoldSlash(['c', 'x', 'o', 'a/b']), false);
  });

  for (const wrong of ['a', '/a//b', '/a/**/b', '/a*', '/{a}{b}', '/{a}/{a}', '/a?b', '/a/../b', '/a b', '/{1}', '/%zz', `/${'a'.repeat(2_000)}`]) test(`cannot read ${wrong.slice(0, 20)}`, () => assert.equal(typeof templateProblem(wrong), 'string'));

  test('what one covers of another, it matches wherever the other does', () => {
    const segment = fc.constantFrom('a', 'b', '{x}', '*');
    const template = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([parts, rest]) => `/${parts.map((part, index) => (part === '{x}' ? `{x${index}}` : part)).join('/')}${rest ? '/**' : ''}`);
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    let covered = 0;
    fc.assert(
      fc.property(template, template, path, (wide, narrow, asked) => {
        if (!templateCovers(wide, narrow) || match(narrow, asked).level !== 2) return;
        covered += 1;
        assert.equal(match(wide, asked).level, 2, `${wide} ${narrow} ${asked}`);
      }),
      { numRuns: 5_000 },
    );
    assert.ok(covered > 50, String(covered));
  });
});
