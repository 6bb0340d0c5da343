import { pubSubJar, requireProgram } from './present.ts';
import { freePort } from './ports.ts';
import { startServed, type Served } from './served.ts';
import { tempFolder } from './temp.ts';

/** Google's own emulator of Pub/Sub: REST and gRPC at one port, without TLS. It asks nobody who they are. */
export interface PubSubEmulator extends Served {
  readonly port: number;
  /** Names of the topics of a project, asked for past every gateway. */
  topics(project: string): Promise<readonly string[]>;
  /** Takes what waits in a subscription, past every gateway. */
  take(project: string, subscription: string): Promise<readonly string[]>;
}

export const startPubSub = async (): Promise<PubSubEmulator> => {
  const jar = pubSubJar();
  if (jar === undefined) throw new Error('the Pub/Sub emulator is not installed');
  const folder = tempFolder('pubsub');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // One collector thread and a small heap: it lives for a minute, and there are two cores.
  const served = await startServed({ name: 'the Pub/Sub emulator', folder, port, program: requireProgram('java'), args: ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-jar', jar, '--host=127.0.0.1', `--port=${port}`], ready: '/' });
  const rest = async <Answer>(path: string, init: RequestInit = {}): Promise<Answer> => {
    const answer = await fetch(url + path, { ...init, headers: { 'content-type': 'application/json', connection: 'close' } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  };
  return {
    ...served,
    port,
    topics: async (project) => ((await rest<{ topics?: readonly { name: string }[] }>(`/v1/projects/${project}/topics`)).topics ?? []).map(({ name }) => name),
    take: async (project, subscription) => {
      const path = `/v1/projects/${project}/subscriptions/${subscription}`;
      const { receivedMessages = [] } = await rest<{ receivedMessages?: readonly { ackId: string; message: { data?: string } }[] }>(`${path}:pull`, { method: 'POST', body: '{"maxMessages":100,"returnImmediately":true}' });
      if (receivedMessages.length > 0) await rest(`${path}:acknowledge`, { method: 'POST', body: JSON.stringify({ ackIds: receivedMessages.map(({ ackId }) => ackId) }) });
      return receivedMessages.map(({ message }) => Buffer.from(message.data ?? '', 'base64').toString());
    },
  };
};
