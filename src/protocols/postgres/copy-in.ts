import { after, type Admission, type Wait } from './admission.ts';
import { Frontend } from './codes.ts';
import { toServer } from './encode.ts';
import type { Frame, Run } from './frames.ts';
import { refusedCommand } from './refuse.ts';

/** CopyData, CopyDone and CopyFail from the client. */
export const copyIn = (admission: Admission, event: Frame | Run): Wait => {
  const { link, series } = admission;
  const copy = link.copyIn;
  if (!copy) {
    // Sent before the target asked for data: wait for it. Sent after it stopped asking: PostgreSQL drops it as well.
    if (link.owed.idle || series.discarding) return undefined;
    return admission.idle().then(() => (link.copyIn ? copyIn(admission, event) : undefined));
  }
  const data = event.type === Frontend.CopyData;
  if (copy.dropped) {
    if (!data) link.copyIn = undefined;
    return undefined;
  }
  const { passage } = copy.answer;
  // With a guard, data comes in whole messages; the end of the data is judged too.
  const judged = event.type === Frontend.CopyFail ? undefined : copy.guard?.(data ? (event as Frame).body : undefined);
  return after(judged, (refused) => {
    if (!data) link.copyIn = undefined;
    if (refused !== undefined) {
      copy.dropped = true;
      copy.answer.errorInstead = refusedCommand(link.gated.refuse('write_back', refused, passage.command));
      link.send(link.gated.housekeeping('fail'), toServer.copyFail('refused by wicketgate'));
      return undefined;
    }
    passage.up(event.bytes.length);
    // The answer that asked for the data was given to the client only once its intent was durable.
    return admission.withPermit(passage, event.type === Frontend.CopyDone, (permit) => link.send(permit, event.bytes));
  });
};
