import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * npm run check: everything that can be told without running the product. All steps run, so that one look shows all there is to mend.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

interface Step { readonly name: string; readonly command: string; readonly args: readonly string[] }

const steps: Step[] = [
  { name: 'types', command: bin('tsc'), args: ['-p', '.'] },
  { name: 'types of the page in a pack', command: bin('tsc'), args: ['-p', 'src/evidence/verify/browser'] },
  { name: 'types of the page', command: bin('tsc'), args: ['-p', 'ui'] },
  { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--deny-warnings'] },
  { name: 'imports', command: process.execPath, args: ['tools/imports.ts'] },
  { name: 'links in documents', command: process.execPath, args: ['tools/links.ts'] },
];
// What is generated from the code must be what the code says now.
for (const [name, generator] of [['configuration reference', 'tools/generate-config-reference.ts'], ['command line reference', 'tools/generate-cli-reference.ts'], ['page in a pack', 'tools/generate-pack-page.ts'], ['description of the API', 'tools/generate-openapi.ts'], ['client of the API', 'tools/generate-api-client.ts'], ['reference of the API', 'tools/generate-api-reference.ts']] as const) {
  steps.push({ name, command: process.execPath, args: [generator, '--check'] });
}

const failed: string[] = [];
for (const { name, command, args } of steps) {
  const begun = performance.now();
  const ran = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'pipe'] });
  const good = ran.status === 0;
  if (!good) failed.push(name);
  process.stdout.write(`${good ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)\n`);
  const said = `${ran.stdout}${ran.stderr}${ran.error?.message ?? ''}`;
  if (!good || said.includes('warning:')) process.stdout.write(said.replaceAll(/^(?=.)/gm, '    '));
}
if (failed.length > 0) process.stdout.write(`check failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
