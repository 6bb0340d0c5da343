import type { Refusal } from '../../model/decision.ts';
import type { HeldCommand } from '../../pipeline/held.ts';
import type { ClientStream } from './exchange.ts';
import type { KeptBody } from './body.ts';

/** How holding ended: it may be tried again, will not run, its client has gone, or more came, of its body or behind it, than can be kept. */
export type HoldingEnd = 'again' | Refusal | 'gone' | 'overflow';

/**
 * A request that waits for people. HTTP has no word for that which every client understands, so the client hears nothing until it is over; it is
 * listened to, and may leave. Its body is read meanwhile as far as it may be kept: a socket that is not read does not tell that its other end is gone.
 */
export const holdRequest = async (held: HeldCommand, client: ClientStream, body: KeptBody | undefined, ended: Promise<Refusal>): Promise<HoldingEnd> => {
  const gone = new Promise<'gone'>((resolve) => client.onGone(() => resolve('gone')));
  const overflow = new Promise<'overflow'>((resolve) => {
    client.onDeaf?.(() => resolve('overflow'));
    void body?.read().then((to) => {
      if (to === 'too large' || to === 'no room') resolve('overflow');
    });
  });
  const end = await Promise.race([held.over, gone, overflow, ended]);
  if (end === 'gone') held.leave('client_left');
  else if (end !== 'again') held.leave('ended');
  return end;
};
