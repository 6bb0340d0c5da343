import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { jsonSchema } from './json-schema.ts';

const known = new Set(['$schema', 'title', 'type', 'description', 'properties', 'patternProperties', 'additionalProperties', 'required', 'minProperties', 'items', 'minItems', 'anyOf', 'const', 'pattern', 'minLength', 'minimum', 'maximum']);

test('every key has a description, and no keyword is used that validation does not know', () => {
  const visit = (schema: Record<string, unknown>, where: string): void => {
    for (const keyword of Object.keys(schema)) assert(known.has(keyword), `${where} uses ${keyword}`);
    for (const [key, value] of Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>)) {
      assert(typeof value['description'] === 'string' && value['description'].length > 0, `${where}.${key} has no description`);
      visit(value, `${where}.${key}`);
    }
    for (const inner of [schema['items'], ...(Object.values(schema['patternProperties'] ?? {}) as unknown[]), ...((schema['anyOf'] ?? []) as unknown[])]) {
      if (inner !== undefined) visit(inner as Record<string, unknown>, where);
    }
  };
  visit(jsonSchema(), '');
});

test('the generated reference and schema are up to date', () => {
  const root = path.join(import.meta.dirname, '..', '..');
  execFileSync(process.execPath, [path.join(root, 'tools', 'generate-config-reference.ts'), '--check'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
});
