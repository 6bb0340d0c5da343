import { ApiProblem, createClient, type Client } from '../../src/control/client.ts';
import { compareClocks } from '../parts/gateway-clock.ts';

/** Longest that an answer is waited for: some read the whole log first. */
const PATIENCE = 120_000;

let csrf: string | undefined;
/** The token that goes with every change, from `me`. */
export const rememberCsrf = (token: string | undefined): void => {
  csrf = token;
};

/** The gateway that this page came from. With a signal what is asked is given up when the signal says so. */
export const gateway = (signal?: AbortSignal): Client => createClient({ csrf: () => csrf, fetch: patiently, ...(signal === undefined ? {} : { signal }) });

/** Where the browser itself asks: a download, the live stream. */
export const addressOf = (path: string): string => `/api/v1${path}`;

/** Fetches, and says in words for people when nobody answers. */
const patiently: typeof fetch = async (input, init = {}) => {
  const { signal, ...rest } = init;
  const asked = Date.now();
  try {
    const response = await fetch(input, { ...rest, redirect: 'error', signal: AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]) });
    compareClocks(response.headers.get('date'), asked, Date.now());
    return response;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiProblem(0, { code: 'unreachable', message: 'The gateway does not answer. It may be restarting, or the network between is down. This page tries again by itself.', request: '' }, undefined);
  }
};

/** Whether it failed because nobody is signed in. */
export const isSignedOut = (error: unknown): boolean => error instanceof ApiProblem && error.status === 401;
