import { existsSync } from 'node:fs';
import type { Command } from 'commander';

/** `wicketgate demo`: in a clone only, because its PostgreSQL and its issuer are development dependencies. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('try everything on this machine (in a clone): embedded PostgreSQL, issuer, gateway, a walk')
    .option('--once', 'end after the walk')
    .action(async ({ once = false }: { readonly once?: boolean }) => {
      const walk = new URL('../../demo/walk.ts', import.meta.url);
      if (!existsSync(walk)) {
        process.stderr.write('the demo comes with a clone of the project: git clone, then npm run demo\n');
        process.exitCode = 2;
        return;
      }
      const { demo } = (await import(walk.href)) as { demo: (options: { readonly once: boolean }) => Promise<void> };
      await demo({ once });
    });
}
