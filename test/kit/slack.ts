import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const SLACK_TEAM = 'T0ACME001';
export const SLACK_CHANNEL = 'C0ONCALL1';

type Fields = Readonly<Record<string, unknown>>;

export interface SlackMessage {
  readonly ts: string;
  readonly channel: string;
  /** As it was posted, or changed to. */
  readonly body: Fields;
  readonly changes: number;
}

/** What Slack says instead of doing it: an error word, too many requests, an HTTP status, or no answer at all. */
export type SlackTrouble = { readonly error: string } | { readonly ratelimited: number } | { readonly status: number; readonly body?: string } | 'hang' | undefined;

/** Headers and body of a request as Slack sends it. */
export interface SlackRequest {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Slack's Web API as far as a channel uses it, and what Slack posts when people press buttons. */
export interface SlackFixture {
  /** For `api`. */
  readonly api: string;
  readonly token: string;
  readonly signingSecret: string;
  /** What stands in the channel, oldest first. */
  messages(): readonly SlackMessage[];
  /** Windows that were opened. */
  readonly views: Fields[];
  /** Calls with a wrong token, or that are not Slack's form. */
  readonly wrong: string[];
  /** All calls, by method. */
  readonly calls: string[];
  trouble(what: SlackTrouble): void;
  /** Somebody deletes all messages. */
  deleteMessages(): void;
  /** What Slack posts when a user presses a button of the message. Throws when there is no such button. */
  press(message: SlackMessage, action: string, user: string, more?: Fields): SlackRequest;
  /** What Slack posts when a user sends the window off. */
  submit(view: Fields, reason: string, user: string, more?: Fields): SlackRequest;
  /** Signs a form as Slack documents it. */
  sign(payload: unknown, at?: number): SlackRequest;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startSlack = async (): Promise<SlackFixture> => {
  const token = `xoxb-${randomBytes(12).toString('hex')}`;
  const signingSecret = randomBytes(16).toString('hex');
  const messages = new Map<string, SlackMessage>();
  const triggers = new Set<string>();
  const views: Fields[] = [];
  const wrong: string[] = [];
  const calls: string[] = [];
  let trouble: SlackTrouble;
  let clock = 1_700_000_000;

  const handle = (method: string, body: Fields): Fields => {
    switch (method) {
      case 'auth.test':
        return { ok: true, team_id: SLACK_TEAM, user_id: 'U0BOT0001', bot_id: 'B0BOT0001' };
      case 'chat.postMessage': {
        if (body['channel'] !== SLACK_CHANNEL) return { ok: false, error: 'channel_not_found' };
        if (typeof body['text'] !== 'string' || !areBlocks(body['blocks'])) return { ok: false, error: 'invalid_blocks' };
        clock += 1;
        const ts = `${clock}.000100`;
        messages.set(ts, { ts, channel: SLACK_CHANNEL, body, changes: 0 });
        return { ok: true, channel: SLACK_CHANNEL, ts };
      }
      case 'chat.update': {
        const message = messages.get(String(body['ts']));
        if (message === undefined) return { ok: false, error: 'message_not_found' };
        if (!areBlocks(body['blocks'])) return { ok: false, error: 'invalid_blocks' };
        messages.set(message.ts, { ...message, body, changes: message.changes + 1 });
        return { ok: true, channel: SLACK_CHANNEL, ts: message.ts };
      }
      case 'views.open':
        // A trigger opens one window, for three seconds.
        if (!triggers.delete(String(body['trigger_id']))) return { ok: false, error: 'expired_trigger_id' };
        views.push(body['view'] as Fields);
        return { ok: true, view: { ...(body['view'] as Fields), id: 'V0001' } };
      default:
        return { ok: false, error: 'unknown_method' };
    }
  };

  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    request.on('end', () => {
      const method = (request.url ?? '').replace(/^\/api\//, '');
      calls.push(method);
      const answer = (status: number, body: Fields, headers: Record<string, string> = {}): void => void response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
      if (request.method !== 'POST' || !/^application\/json(;|$)/.test(request.headers['content-type'] ?? '')) wrong.push(`${method}: form`);
      if (request.headers.authorization !== `Bearer ${token}`) {
        wrong.push(`${method}: token`);
        answer(200, { ok: false, error: 'invalid_auth' });
      } else if (trouble === undefined) answer(200, handle(method, JSON.parse(text) as Fields));
      else if (trouble === 'hang') return;
      else if ('error' in trouble) answer(200, { ok: false, error: trouble.error });
      else if ('ratelimited' in trouble) answer(429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(trouble.ratelimited) });
      else response.writeHead(trouble.status).end(trouble.body ?? '');
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', () => resolve()); });
  const { port } = server.address() as AddressInfo;

  const sign: SlackFixture['sign'] = (payload, at = Date.now()) => {
    const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
    const timestamp = String(Math.floor(at / 1_000));
    const signature = `v0=${createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
    return { headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature }, body };
  };
  const about = (user: string): Fields => ({ team: { id: SLACK_TEAM, domain: 'acme' }, user: { id: user, username: user.toLowerCase(), name: user.toLowerCase(), team_id: SLACK_TEAM }, api_app_id: 'A0APP0001', token: 'deprecated' });

  return {
    api: `http://127.0.0.1:${port}/api`,
    token,
    signingSecret,
    messages: () => [...messages.values()],
    views,
    wrong,
    calls,
    trouble: (what) => {
      trouble = what;
    },
    deleteMessages: () => messages.clear(),
    press: (message, actionId, user, more = {}) => {
      const action = (message.body['blocks'] as readonly Fields[]).flatMap((block) => (block['type'] === 'actions' ? (block['elements'] as readonly Fields[]) : [])).find((element) => element['action_id'] === actionId);
      if (action === undefined) throw new Error(`the message has no button ${actionId}`);
      const trigger = `1.2.${randomBytes(8).toString('hex')}`;
      triggers.add(trigger);
      return sign({
        type: 'block_actions', ...about(user), trigger_id: trigger,
        container: { type: 'message', message_ts: message.ts, channel_id: message.channel, is_ephemeral: false },
        channel: { id: message.channel, name: 'oncall' }, message: { type: 'message', ts: message.ts, ...message.body },
        actions: [{ ...action, block_id: 'b1', action_ts: `${Date.now() / 1000}` }], ...more,
      });
    },
    submit: (view, reason, user, more = {}) => sign({ type: 'view_submission', ...about(user), trigger_id: `1.2.${randomBytes(8).toString('hex')}`, view: { ...view, id: 'V0001', team_id: SLACK_TEAM, state: { values: { reason: { reason: { type: 'plain_text_input', value: reason } } } }, hash: '1.x' }, response_urls: [], ...more }),
    sign,
    stop: () => stop(),
    [Symbol.asyncDispose]: () => stop(),
  };

  function stop(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
};

/** The limits that Slack documents and a channel could run into. */
const areBlocks = (blocks: unknown): boolean =>
  Array.isArray(blocks) && blocks.length <= 50 && JSON.stringify(blocks).length <= 40_000 && blocks.every((block: Fields) => ['rich_text', 'actions'].includes(String(block['type'])) && (block['type'] !== 'actions' || (Array.isArray(block['elements']) && block['elements'].length <= 25)));
