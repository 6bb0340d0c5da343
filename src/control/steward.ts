import type { Steward } from '../evidence/retention/steward.ts';
import { answerOf, type LocalAnswer, type LocalRequest } from './local.ts';

/** What is asked of the evidence itself: by the command line through a running gateway, or of a log that it has opened. */
export type StewardRequest = Extract<LocalRequest, { readonly do: 'hold' | 'purge' | 'access' }>;

export const answerSteward = (steward: Steward, request: StewardRequest): Promise<LocalAnswer> => {
  switch (request.do) {
    case 'hold':
      return answerOf(steward.hold(request.hold));
    case 'purge':
      return answerOf(steward.purge(request));
    case 'access':
      return answerOf(steward.access(request.access));
  }
};
