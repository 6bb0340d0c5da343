import type { Command } from 'commander';
import { pino } from 'pino';
import { ConfigurationRefused, startGateway } from '../main.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'];

/** `wicketgate start`: the gateway. SIGTERM and SIGINT drain and stop it, SIGHUP reloads. */
export function registerStart(program: Command): void {
  program
    .command('start')
    .description('run the gateway')
    .requiredOption('--config <file or folder>', 'the configuration')
    .option('--log-level <level>', LEVELS.join(', '), 'info')
    .action(async (options: { readonly config: string; readonly logLevel: string }) => {
      if (!LEVELS.includes(options.logLevel)) {
        process.stderr.write(`--log-level is one of ${LEVELS.join(', ')}\n`);
        process.exitCode = 2;
        return;
      }
      const log = pino({ level: options.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
      try {
        const gateway = await startGateway(options.config, log);
        const stop = (): void => {
          gateway.stop().then(
            () => process.exit(0),
            (error: unknown) => {
              log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'stopping failed');
              process.exit(1);
            },
          );
        };
        process.on('SIGTERM', stop);
        process.on('SIGINT', stop);
        process.on('SIGHUP', () => void gateway.reload());
      } catch (error) {
        if (error instanceof ConfigurationRefused) process.stderr.write(`${error.message}\nthis configuration does not start\n`);
        else process.stderr.write(`the gateway does not start: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      }
    });
}
