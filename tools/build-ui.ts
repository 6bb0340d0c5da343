import { createHash } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/*
 * The page that the gateway serves, from ui/ into dist/ui: one folder of files that refer to nothing elsewhere, each text beside its
 * compressed forms. `npm run build` makes it; what needs it in a clone calls `builtPage`, which makes it when a source has changed.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const STAMP = '.sources';

/** What the page is built from: a digest of every source, and of what is installed to build it. */
function sources(): string {
  const hash = createHash('sha256');
  const files = [...globSync('ui/**/*.{ts,tsx,css,html,js,svg,json}', { cwd: root, exclude: (name) => name.endsWith('.test.ts') }), 'src/control/client.ts', 'package-lock.json', 'tools/build-ui.ts'].toSorted();
  for (const file of files) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** The folder of the built page, built now if it is not of these sources. */
export async function builtPage(out: string = join(root, 'dist', 'ui')): Promise<string> {
  const wanted = sources();
  if (!existsSync(join(out, STAMP)) || readFileSync(join(out, STAMP), 'utf8') !== wanted) await buildPage(out, wanted);
  return out;
}

async function buildPage(out: string, stamp: string): Promise<void> {
  const { build } = await import('vite');
  const { default: react } = await import('@vitejs/plugin-react');
  // Built beside and moved: whoever serves the folder meanwhile never sees half of it.
  const making = `${out}.${process.pid}`;
  await build({
    configFile: false,
    root: join(root, 'ui'),
    base: '/',
    logLevel: 'warn',
    plugins: [react()],
    build: {
      outDir: making,
      emptyOutDir: true,
      target: 'es2024',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      license: { fileName: 'licenses.md' },
      // What several pages need comes in one file and at once: a browser asks for few files at a time, and one after the other costs more than their bytes.
      rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] } } },
    },
  });
  compress(making);
  writeFileSync(join(making, STAMP), stamp);
  rmSync(out, { recursive: true, force: true });
  try {
    renameSync(making, out);
  } catch (error) {
    // Another process built the same in the meantime.
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(join(out, STAMP)) || readFileSync(join(out, STAMP), 'utf8') !== stamp) throw error;
  }
}

function compress(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(?:js|css|html|svg)$/.test(file)) continue;
    const bytes = readFileSync(join(folder, file));
    writeFileSync(join(folder, `${file}.br`), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(join(folder, `${file}.gz`), gzipSync(bytes, { level: 9 }));
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist', 'ui') } } });
  process.stdout.write(`${await builtPage(resolve(values.out))}\n`);
}
