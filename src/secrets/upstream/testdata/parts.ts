import type { Logger } from '../../../model/logger.ts';
import type { OutgoingHead } from '../injector.ts';
import { createSecrets, type Secrets } from '../../secrets.ts';

/** What an injector is given, and what it said. */
export interface Parts {
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly clock: () => number;
  /** Every line it logged, as JSON. */
  readonly lines: readonly string[];
  /** Lets time pass, in milliseconds. */
  pass(milliseconds: number): void;
  /** Changes a variable that `env:` references look at. */
  set(name: string, value: string): void;
}

export const START = Date.UTC(2026, 0, 2, 3, 4, 5);

export const testParts = (variables: Readonly<Record<string, string>> = {}, start = START): Parts => {
  const env: Record<string, string> = { ...variables };
  const lines: string[] = [];
  let now = start;
  const write = (fields: Readonly<Record<string, unknown>>, message: string): void => void lines.push(JSON.stringify({ ...fields, message }));
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
  return {
    secrets: createSecrets(env),
    log,
    clock: () => now,
    lines,
    pass: (milliseconds) => { now += milliseconds; },
    set: (name, value) => { env[name] = value; },
  };
};

export const headOf = (over: Partial<OutgoingHead> = {}): OutgoingHead => ({ method: 'GET', scheme: 'https', authority: 'api.example', path: '/', headers: [], body: { kind: 'none' }, ...over });

export const NEVER = (): AbortSignal => new AbortController().signal;
