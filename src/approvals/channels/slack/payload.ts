import { ACTIONS, ANSWER_VIEW, REASON, type Asked } from './blocks.ts';

export interface SlackUser {
  readonly id: string;
  /** The workspace that the user belongs to. */
  readonly team: string;
}

/** What somebody did in Slack, as far as it is of interest. */
export type Interaction =
  | { readonly kind: 'pressed'; readonly user: SlackUser; readonly verdict: 'approve' | 'deny'; readonly asked: Asked; readonly channel: string; readonly trigger: string }
  | { readonly kind: 'submitted'; readonly user: SlackUser; readonly verdict: 'approve' | 'deny'; readonly asked: Asked; readonly reason: string }
  /** A link was followed, a window was closed. */
  | { readonly kind: 'nothing' };

const REQUEST = /^[A-Za-z0-9._-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const ID = /^[A-Z0-9]{2,24}$/;
const CHANNEL = /^[A-Z0-9]{2,24}$/;
const TRIGGER = /^[\w.-]{1,256}$/;
/** Before it is judged; the service says how long a reason may be. */
const LONGEST_REASON = 4_096;

/** Reads a form with a `payload`, whose signature holds. Undefined: it is nothing of ours. */
export const interactionIn = (body: Buffer): Interaction | undefined => {
  const payloads = new URLSearchParams(body.toString('utf8')).getAll('payload');
  const [payload] = payloads;
  if (payload === undefined || payloads.length !== 1) return undefined;
  let read: unknown;
  try {
    read = JSON.parse(payload);
  } catch {
    return undefined;
  }
  const { type } = asObject(read);
  if (type === 'block_actions') return pressed(asObject(read));
  if (type === 'view_submission') return submitted(asObject(read));
  return type === 'view_closed' ? { kind: 'nothing' } : undefined;
};

const pressed = (payload: Fields): Interaction | undefined => {
  const { user, actions, trigger_id: trigger, container } = payload;
  const [action] = Array.isArray(actions) ? (actions as unknown[]) : [];
  const { action_id: pressedAction, value } = asObject(action);
  if (pressedAction === ACTIONS.open) return { kind: 'nothing' };
  const verdict = pressedAction === ACTIONS.approve ? 'approve' : pressedAction === ACTIONS.deny ? 'deny' : undefined;
  const { channel_id: channel } = asObject(container);
  const who = userIn(user);
  const asked = typeof value === 'string' ? askedIn(value.split(' ')) : undefined;
  if (verdict === undefined || who === undefined || asked === undefined || typeof trigger !== 'string' || !TRIGGER.test(trigger) || typeof channel !== 'string' || !CHANNEL.test(channel)) return undefined;
  return { kind: 'pressed', user: who, verdict, asked, channel, trigger };
};

const submitted = ({ user, view }: Fields): Interaction | undefined => {
  const { callback_id: callback, private_metadata: metadata, state } = asObject(view);
  const { value } = asObject(asObject(asObject(asObject(state)['values'])[REASON])[REASON]);
  const who = userIn(user);
  const [verdict, ...rest] = typeof metadata === 'string' ? metadata.split(' ') : [];
  const asked = askedIn(rest);
  if (callback !== ANSWER_VIEW || who === undefined || asked === undefined || (verdict !== 'approve' && verdict !== 'deny')) return undefined;
  return { kind: 'submitted', user: who, verdict, asked, reason: typeof value === 'string' ? value.slice(0, LONGEST_REASON) : '' };
};

/** What a window carries through Slack, which only this app's windows can. */
export const metadataOf = (verdict: 'approve' | 'deny', { request, digest }: Asked): string => `${verdict} ${request} ${digest}`;

const askedIn = ([request, digest, more]: readonly string[]): Asked | undefined =>
  request !== undefined && digest !== undefined && more === undefined && REQUEST.test(request) && DIGEST.test(digest) ? { request, digest } : undefined;

const userIn = (user: unknown): SlackUser | undefined => {
  const { id, team_id: team } = asObject(user);
  return typeof id === 'string' && ID.test(id) && typeof team === 'string' && ID.test(team) ? { id, team } : undefined;
};

type Fields = Readonly<Record<string, unknown>>;
const asObject = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
