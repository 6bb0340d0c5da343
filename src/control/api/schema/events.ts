import Type, { type Static } from 'typebox';
import { Time, Words } from './forms.ts';

/** One server-sent event: `event` is its kind, `data` this as JSON. It says what to ask again, and carries no text. */
export const LiveEvent = Type.Object(
  {
    kind: Words(['session', 'approval', 'identity', 'evidence', 'config', 'job', 'signed_out'], 'What changed. signed_out: the session ended; the stream ends.'),
    id: Type.Optional(Type.String({ description: 'Which one.' })),
    state: Type.Optional(Type.String({ description: 'What it is now: opened, closed; state of an approval or job.' })),
    at: Time('When.'),
  },
  { description: 'A change.' },
);
export type LiveEvent = Static<typeof LiveEvent>;
