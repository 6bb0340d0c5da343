import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACTIONS } from '../src/control/actions/all.ts';
import { openApi } from '../src/control/api/openapi.ts';
import { breakingChanges } from './breaking-changes.ts';

/*
 * Writes docs/reference/openapi.json out of the actions. What would break who uses the API is refused, unless --accept-breaking is given:
 * somebody has then decided it. --check writes nothing and fails when the file is not what the actions say.
 */
const path = join(import.meta.dirname, '..', 'docs', 'reference', 'openapi.json');
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false }, 'accept-breaking': { type: 'boolean', default: false } } });
const text = `${JSON.stringify(openApi(ACTIONS), null, 2)}\n`;
const written = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
type Doc = Parameters<typeof breakingChanges>[0];
const breaks = written === undefined ? [] : breakingChanges(JSON.parse(written) as Doc, JSON.parse(text) as Doc);
if (breaks.length > 0 && !values['accept-breaking']) {
  process.stderr.write(`the API breaks who uses it:\n${breaks.map((line) => `  ${line}\n`).join('')}${values.check ? '' : 'keep it as it was, or write it all the same with --accept-breaking\n'}`);
  process.exitCode = 1;
} else if (!values.check) writeFileSync(path, text);
if (values.check && written !== text) {
  process.stderr.write('docs/reference/openapi.json is not what the actions say: run node tools/generate-openapi.ts\n');
  process.exitCode = 1;
}
