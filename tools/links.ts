import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Relative links of a Markdown text that lead nowhere; `exists` is asked with paths relative to the text's folder. Headings are not looked at. */
export function brokenLinks(text: string, exists: (path: string) => boolean): string[] {
  // Code is shown, not followed.
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^(?:[a-z][a-z0-9+.-]*:|#)/i.test(target))
    .filter((target) => !exists(decodeURI(target.replace(/#.*/, ''))));
}

if (import.meta.main) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  for (const file of globSync(['*.md', '{src,docs,test,bench,tools,demo,examples}/**/*.md'], { cwd: root })) {
    for (const target of brokenLinks(readFileSync(join(root, file), 'utf8'), (path) => existsSync(join(root, dirname(file), path)))) {
      process.stdout.write(`error: ${file}: ${target} does not exist\n`);
      process.exitCode = 1;
    }
  }
}
