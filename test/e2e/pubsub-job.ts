import { PubSub, type Subscription } from '@google-cloud/pubsub';

/*
 * A job as its owner would write it, with Google's own client: it is told by its parent what to do, and says what came of it. How it reaches Pub/Sub is
 * said by its environment, and by OPTIONS.
 */

/** What it is asked. `timeout`: how long one try may take, and then no further try is made. */
export type Task =
  | { readonly do: 'createTopic' | 'deleteTopic' | 'listen'; readonly name: string }
  | { readonly do: 'createSubscription'; readonly topic: string; readonly name: string }
  | { readonly do: 'publish'; readonly topic: string; readonly text: string; readonly timeout?: number };

export type Told =
  | { readonly kind: 'done'; readonly id: number; readonly value: string }
  | { readonly kind: 'failed'; readonly id: number; readonly code: number; readonly message: string }
  /** Of what is listened to. Each message was acknowledged, and the server has said so. */
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'over'; readonly code: number; readonly message: string };

const pubsub = new PubSub({ projectId: 'acme', ...(JSON.parse(process.env['OPTIONS'] ?? '{}') as object) });
const listening: Subscription[] = [];
const tell = (told: Told): void => void process.send?.(told);

const ONCE = { initialRetryDelayMillis: 100, retryDelayMultiplier: 1, maxRetryDelayMillis: 100, rpcTimeoutMultiplier: 1 };

const perform = async (task: Task): Promise<string> => {
  switch (task.do) {
    case 'createTopic':
      return (await pubsub.createTopic(task.name))[0].name;
    case 'deleteTopic':
      await pubsub.topic(task.name).delete();
      return task.name;
    case 'createSubscription':
      return (await pubsub.topic(task.topic).createSubscription(task.name))[0].name;
    case 'publish': {
      const { timeout } = task;
      const gaxOpts = timeout === undefined ? {} : { timeout, retry: { retryCodes: [], backoffSettings: { ...ONCE, initialRpcTimeoutMillis: timeout, maxRpcTimeoutMillis: timeout, totalTimeoutMillis: timeout } } };
      return pubsub.topic(task.topic, { gaxOpts, batching: { maxMessages: 1 } }).publishMessage({ data: Buffer.from(task.text) });
    }
    case 'listen': {
      const subscription = pubsub.subscription(task.name);
      listening.push(subscription);
      subscription.on('error', (error: { readonly code?: number; readonly message: string }) => tell({ kind: 'over', code: error.code ?? -1, message: error.message }));
      subscription.on('message', (message) => {
        message.ack();
        tell({ kind: 'message', text: message.data.toString() });
      });
      return task.name;
    }
  }
};

process.on('message', ({ id, task }: { readonly id: number; readonly task: Task }) => {
  perform(task).then(
    (value) => tell({ kind: 'done', id, value }),
    (error: unknown) => {
      const { code = -1, message } = error as { readonly code?: number; readonly message: string };
      tell({ kind: 'failed', id, code, message });
    },
  );
});
// What was acknowledged leaves before the end.
process.once('disconnect', () => void Promise.all(listening.map((one) => one.close().catch(() => {}))).then(() => pubsub.close()).finally(() => process.exit(0)));
