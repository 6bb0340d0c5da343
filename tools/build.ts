import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtPage } from './build-ui.ts';

/*
 * npm run build -- [--out dist]: what is published. A clone does not need it, as Node runs the sources; Node does not run TypeScript below
 * node_modules. Tests that look at what is published build it elsewhere.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const dist = resolve(values.out);
rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', dist], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
// What the sources read beside themselves.
for (const file of globSync('**/*.{json,sql,txt,html,yaml}', { cwd: join(root, 'src'), exclude: (name) => name === 'testdata' || name === 'browser' })) {
  mkdirSync(dirname(join(dist, file)), { recursive: true });
  cpSync(join(root, 'src', file), join(dist, file));
}
await builtPage(join(dist, 'ui'));
process.exitCode = compiled.status ?? 1;
