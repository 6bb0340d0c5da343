import { decodeBackend } from './decode.ts';
import type { Frame } from './frames.ts';
import type { ErrorField } from './messages.ts';

/** The fields of an ErrorResponse or NoticeResponse; of any other message none. */
export const errorFields = (frame: Frame): readonly ErrorField[] => {
  const message = decodeBackend(frame);
  return message.kind === 'ErrorResponse' || message.kind === 'NoticeResponse' ? message.fields : [];
};
