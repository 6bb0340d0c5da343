import type { MaskSet } from '../../masking/plan.ts';
import { maskReport, maskText } from '../../masking/reports.ts';
import { Backend } from './codes.ts';
import { decodeBackend } from './decode.ts';
import { toClient } from './encode.ts';
import { errorFields } from './error-fields.ts';
import type { Frame } from './frames.ts';
import type { Tracking } from './tracking.ts';

/** An error or notice as the client may see it. */
export const shownReport = (frame: Frame, masks: MaskSet): Buffer => {
  if (masks.empty) return frame.bytes;
  const fields = errorFields(frame);
  const shown = maskReport(fields, masks);
  if (shown === fields) return frame.bytes;
  return frame.type === Backend.ErrorResponse ? toClient.error([...shown]) : toClient.notice([...shown]);
};

/** What the client may see of a message that answers nothing; undefined when it need not know. */
export const shownAside = (frame: Frame, masks: MaskSet, tracking: Tracking): Buffer | undefined => {
  const message = decodeBackend(frame);
  switch (message.kind) {
    case 'ParameterStatus': {
      const shown = tracking.parameter(message.name, message.value);
      if (shown === undefined) return undefined;
      return shown === message.value ? frame.bytes : toClient.parameterStatus(message.name, shown);
    }
    case 'NotificationResponse': {
      const payload = maskText(message.payload, masks);
      return payload === message.payload ? frame.bytes : toClient.notification(message.processId, message.channel, payload);
    }
    case 'NoticeResponse':
      return shownReport(frame, masks);
    default:
      return undefined;
  }
};
