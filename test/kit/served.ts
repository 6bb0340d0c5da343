import { releasePort } from './ports.ts';
import { startService } from './run.ts';
import type { TempFolder } from './temp.ts';
import { until } from './until.ts';

/** A program by others that answers HTTP on a port of this machine. */
export interface Served extends AsyncDisposable {
  log(): string;
}

interface ServedParts {
  /** For the error when it does not come up. */
  readonly name: string;
  /** Its own; removed with it. */
  readonly folder: TempFolder;
  /** Its own as well, and given back with it. */
  readonly port: number;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What answers 2xx once it is ready. */
  readonly ready: string;
}

/** Starts it, and waits until it answers. */
export const startServed = async ({ name, folder, port, program, args, env = {}, ready }: ServedParts): Promise<Served> => {
  const service = await startService(program, args, { cwd: folder.path, env, logFile: folder.file('out.log') });
  await until(async () => {
    if (service.ended() !== undefined) throw new Error(service.log());
    return (await fetch(`http://127.0.0.1:${port}${ready}`, { headers: { connection: 'close' } })).ok;
  }, 60_000, name);
  return {
    log: () => service.log(),
    [Symbol.asyncDispose]: async () => {
      service.signal('SIGKILL');
      await service.wait();
      releasePort(port);
      folder.remove();
    },
  };
};
