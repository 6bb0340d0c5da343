import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/*
 * Makes the page that verifies evidence packs: one HTML file without anything outside of it, out of the modules of the verifier. Types are
 * taken out and each module becomes a function, so that what runs in the browser can be read there and compared with the sources.
 * --check fails when the file is not what the sources say.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src', 'evidence', 'verify', 'browser');
const target = join(root, 'src', 'evidence', 'pack', 'verify.html');

const IMPORT = /^import\s*\{([^}]*)\}\s*from\s*'(\.[^']*)';/gm;
const EXPORT = /^export (?=(?:const|let|class|function|async function)\*? *\*?([\w$]+))/gm;

/** A module as a function that gives what it exports; what it needs stands before it. */
const bundle = (path: string, done: Map<string, string>, out: string[]): string => {
  const known = done.get(path);
  if (known !== undefined) return known;
  const name = `m${done.size}`;
  done.set(path, name);
  const exported: string[] = [];
  const text = stripTypeScriptTypes(readFileSync(path, 'utf8'))
    .replace(IMPORT, (_, names: string, from: string) => {
      const module = bundle(join(dirname(path), from), done, out);
      const wanted = names.split(',').map((one) => one.trim().replace(/^([\w$]+)\s+as\s+([\w$]+)$/, '$1: $2')).filter((one) => one !== '');
      return `const { ${wanted.join(', ')} } = ${module};`;
    })
    .replace(EXPORT, (_, what: string) => {
      exported.push(what);
      return '';
    });
  const left = /^(?:import|export)\b.*$/m.exec(text);
  if (left) throw new Error(`${relative(root, path)}: cannot be bundled: ${left[0]}`);
  const lines = text.split('\n').map((line) => line.trimEnd()).filter((line) => line !== '');
  out.push(`// ${relative(root, path)}\nconst ${name} = (() => {\n${lines.join('\n')}\nreturn { ${exported.join(', ')} };\n})();`);
  return name;
};

const digest = (text: string): string => createHash('sha256').update(text).digest('base64');

const modules: string[] = [];
bundle(join(source, 'page.ts'), new Map(), modules);
const script = `'use strict';\n${modules.join('\n')}\n`;
if (/<\/script|<!--/i.test(script)) throw new Error('the script would end within itself');
const style = readFileSync(join(source, 'page.css'), 'utf8');
const page = readFileSync(join(source, 'page.html'), 'utf8')
  .replace('sha256-SCRIPT', () => `sha256-${digest(script)}`)
  .replace('sha256-STYLE', () => `sha256-${digest(style)}`)
  .replace('<style>STYLE</style>', () => `<style>${style}</style>`)
  .replace('<script>SCRIPT</script>', () => `<script>${script}</script>`);

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
if (!values.check) writeFileSync(target, page);
else if (readFileSync(target, 'utf8') !== page) {
  process.stderr.write(`${relative(root, target)} is not what the sources say: run node tools/generate-pack-page.ts\n`);
  process.exitCode = 1;
}
