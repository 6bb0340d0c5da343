import { after, type Admission, type Wait } from './admission.ts';
import type { CopyRecorder } from '../../masking/recorded-copy.ts';
import type { Answer } from './answer.ts';
import { Frontend } from './codes.ts';
import { toServer } from './encode.ts';
import { Frame, HEADER, type Run } from './frames.ts';
import { refusedCommand } from './refuse.ts';

/** CopyData, CopyDone and CopyFail from the client. */
export const copyIn = (admission: Admission, event: Frame | Run): Wait => {
  const { link, series } = admission;
  const copy = link.copyIn;
  if (link.collecting) return link.collecting.take(event);
  if (link.openCopyData && !copy) return rest(admission, event, link.openCopyData);
  if (!copy) {
    // Sent before the target asked for data: wait for it. Sent after it stopped asking: PostgreSQL drops it as well.
    if (link.owed.idle || series.discarding) return undefined;
    // The target keeps the answers of an open series to itself until it is told to flush.
    return (series.forwarded ? admission.flushed() : admission.idle()).then(() => (link.copyIn ? copyIn(admission, event) : undefined));
  }
  const data = event.type === Frontend.CopyData;
  if (copy.dropped) {
    if (!data) link.copyIn = undefined;
    return undefined;
  }
  const { passage } = copy.answer;
  // With a guard, data comes in whole messages; the end of the data is judged too.
  if (copy.guard && !(event instanceof Frame)) return admission.violation('COPY data came in pieces that cannot be looked at');
  const judged = event.type === Frontend.CopyFail ? undefined : copy.guard?.(data ? (event as Frame).body : undefined);
  return after(judged, (refused) => {
    if (!data) link.copyIn = undefined;
    // Nothing else of its message could ask.
    if (!data && copy.answer.understood.statements.length === 1) link.asksNoMore();
    if (refused !== undefined) {
      copy.dropped = true;
      copy.answer.errorInstead = refusedCommand(link.gated.refuse('write_back', refused, passage.command));
      link.send(link.gated.housekeeping('fail'), toServer.copyFail('refused by wicketgate'));
      return undefined;
    }
    passage.up(event.bytes.length, copy.recorder && recorded(copy.recorder, event));
    // The answer that asked for the data was given to the client only once its intent was durable.
    return admission.withPermit(passage, event.type === Frontend.CopyDone, (permit) => {
      link.send(permit, event.bytes);
      link.copyDataSent(open(event) ? copy.answer : undefined);
    });
  });
};

/** What is written down when these bytes have passed. */
const recorded = (recorder: CopyRecorder, event: Frame | Run): Uint8Array | undefined => {
  if (event.type !== Frontend.CopyData) return recorder.end();
  if (event instanceof Frame) return recorder.push(event.body);
  const { bytes, lead } = event;
  const payloads = [bytes.subarray(0, lead)];
  for (let at = lead; at < bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    payloads.push(bytes.subarray(at + HEADER, end));
    at = end;
  }
  // Clients send a message for each row: looked at together they cost less.
  return recorder.push(Buffer.concat(payloads));
};

const open = (event: Frame | Run): boolean => !(event instanceof Frame) && event.open;

/**
 * The target reads a CopyData message to its end even when the COPY has failed meanwhile. Were its rest dropped, the target
 * would take bytes of the next message for it, and the two would no longer agree on where a message begins.
 */
const rest = (admission: Admission, event: Frame | Run, answer: Answer): Wait => {
  const { link } = admission;
  if (!answer.ended) answer.passage.up(event.bytes.length);
  return admission.withPermit(answer.passage, true, (permit) => {
    link.send(permit, event.bytes);
    link.copyDataSent(open(event) ? answer : undefined);
  });
};
