import { pubSubJar, requireProgram } from './present.ts';
import { freePort, releasePort } from './ports.ts';
import { startService } from './run.ts';
import { tempFolder } from './temp.ts';
import { until } from './until.ts';

/** Google's own emulator of Pub/Sub: REST and gRPC at one port, without TLS. It asks nobody who they are. */
export interface PubSubEmulator extends AsyncDisposable {
  readonly port: number;
  /** Names of the topics of a project, asked for past every gateway. */
  topics(project: string): Promise<readonly string[]>;
  /** Takes what waits in a subscription, past every gateway. */
  take(project: string, subscription: string): Promise<readonly string[]>;
  log(): string;
}

export const startPubSub = async (): Promise<PubSubEmulator> => {
  const jar = pubSubJar();
  if (jar === undefined) throw new Error('the Pub/Sub emulator is not installed');
  const folder = tempFolder('pubsub');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // One collector thread and a small heap: it lives for a minute, and there are two cores.
  const service = await startService(requireProgram('java'), ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-jar', jar, '--host=127.0.0.1', `--port=${port}`], { cwd: folder.path, logFile: folder.file('emulator.log') });
  const rest = async <Answer>(path: string, init: RequestInit = {}): Promise<Answer> => {
    const answer = await fetch(url + path, { ...init, headers: { 'content-type': 'application/json', connection: 'close' } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  };
  await until(async () => {
    if (service.ended() !== undefined) throw new Error(service.log());
    return (await fetch(url, { headers: { connection: 'close' } })).ok;
  }, 60_000, 'the Pub/Sub emulator');
  return {
    port,
    topics: async (project) => ((await rest<{ topics?: readonly { name: string }[] }>(`/v1/projects/${project}/topics`)).topics ?? []).map(({ name }) => name),
    take: async (project, subscription) => {
      const path = `/v1/projects/${project}/subscriptions/${subscription}`;
      const { receivedMessages = [] } = await rest<{ receivedMessages?: readonly { ackId: string; message: { data?: string } }[] }>(`${path}:pull`, { method: 'POST', body: '{"maxMessages":100,"returnImmediately":true}' });
      if (receivedMessages.length > 0) await rest(`${path}:acknowledge`, { method: 'POST', body: JSON.stringify({ ackIds: receivedMessages.map(({ ackId }) => ackId) }) });
      return receivedMessages.map(({ message }) => Buffer.from(message.data ?? '', 'base64').toString());
    },
    log: () => service.log(),
    [Symbol.asyncDispose]: async () => {
      service.signal('SIGKILL');
      await service.wait();
      releasePort(port);
      folder.remove();
    },
  };
};
