import { startService } from '../test/kit/run.ts';
import { Fatal, until } from '../test/kit/until.ts';

/** A program of this folder that runs beside what is measured, and has said where it listens. */
export interface Listening extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

/** Runs one that prints `listening PORT`. */
export const startListening = async (script: string, args: readonly string[], logFile: string): Promise<Listening> => {
  const service = await startService(process.execPath, [script, ...args], { logFile });
  const port = await until(() => {
    if (service.ended() !== undefined) throw new Fatal(service.log());
    return Number(/listening (\d+)/.exec(service.log())?.[1] ?? 0) || undefined;
  }, 20_000, script);
  return {
    pid: service.pid,
    port,
    [Symbol.asyncDispose]: async () => {
      service.signal('SIGTERM');
      await service.wait();
    },
  };
};
