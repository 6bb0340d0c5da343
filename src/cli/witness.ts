import type { Command } from 'commander';
import { pino } from 'pino';
import { WitnessFolderUnusable } from '../witness/key.ts';
import { readWitnessFile, witnessSettings, WitnessSettingsRefused, type WrittenSettings } from '../witness/settings.ts';
import { showKey, startWitness } from '../witness/start.ts';

interface Options {
  readonly config?: string;
  readonly listen?: string;
  readonly data?: string;
  readonly name?: string;
  readonly log: readonly string[];
  readonly prefix?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly showKey?: boolean;
}

/** `wicketgate witness`: exit code 0 stopped by a signal, 1 it cannot run, 2 wrong use. SIGHUP reads the certificate again. */
export function registerWitness(program: Command): void {
  program
    .command('witness')
    .description('run a witness for somebody else\'s evidence log: it cosigns checkpoints, and never two histories')
    .option('--config <file>', 'a YAML file with the keys listen, data, name, prefix, tls and logs; flags win')
    .option('--listen <host:port>', 'where it listens')
    .option('--data <folder>', 'its folder: its key, and what it cosigned')
    .option('--name <name>', 'its name, when its key is made: best an address without scheme, as witness.acme.example/audit')
    .option('--log <key...>', 'the public key of a log to witness, as the gateway prints it; may be given again', (key: string, all: readonly string[]) => [...all, key], [])
    .option('--prefix <path>', 'what stands before /add-checkpoint, as /wicketgate')
    .option('--cert <file>', 'PEM certificate chain, for https')
    .option('--key <file>', 'PEM private key of the certificate')
    .option('--show-key', 'make the key if there is none, print its public form, and end')
    .action(run);
}

const run = async (options: Options): Promise<void> => {
  try {
    const written = await writtenSettings(options);
    if (options.showKey === true) {
      if (written.data === undefined) throw new WitnessSettingsRefused('data is missing: a folder for the key and for what was cosigned');
      process.stdout.write(`${await showKey(written.data, written.name)}\n`);
      return;
    }
    const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
    const witness = await startWitness(witnessSettings(written), log);
    const stop = (): void => void witness.stop().then(() => process.exit(0));
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => witness.reload());
  } catch (error) {
    const { message } = error as Error;
    process.stderr.write(`${error instanceof WitnessSettingsRefused ? `${message}\nthis does not make a witness` : `the witness does not start: ${error instanceof WitnessFolderUnusable ? message : reason(error)}`}\n`);
    process.exit(error instanceof WitnessSettingsRefused ? 2 : 1);
  }
};

const writtenSettings = async ({ config, listen, data, name, log, prefix, cert, key }: Options): Promise<WrittenSettings> => {
  const file = config === undefined ? {} : await readWitnessFile(config);
  return {
    ...file,
    ...(listen !== undefined && { listen }),
    ...(data !== undefined && { data }),
    ...(name !== undefined && { name }),
    ...(prefix !== undefined && { prefix }),
    ...((cert !== undefined || key !== undefined) && { tls: { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) } }),
    logs: [...(file.logs ?? []), ...log],
  };
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : 'unknown error');
