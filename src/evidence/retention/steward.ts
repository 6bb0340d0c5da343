import type { RetentionConfig } from '../../config/resolved.ts';
import { badReason } from '../../model/reason.ts';
import type { AppendLog } from '../append-log.ts';
import { durably } from '../durably.ts';
import type { AccessRecord, Body, HoldRecord } from '../log.ts';
import { planPurge, type Plan, type Sink } from './plan.ts';
import { purgeKeys, type Purged } from './purge.ts';
import type { Survey } from './survey.ts';

/** Not done, for a reason that people are told. */
export class Refused extends Error {}

/** The connection under whose keys the gateway seals what people asked of the evidence itself. No configured one can be called so. */
export const OWN_CONNECTION = '_evidence';

export interface StewardParts {
  readonly log: Pick<AppendLog, 'append' | 'keys' | 'name'>;
  /** In force now. */
  readonly retention: () => readonly RetentionConfig[];
  /** Reads the log from end to end. */
  readonly survey: () => Promise<Survey>;
  readonly now?: () => number;
  readonly sinks?: () => readonly Sink[];
}

/** What somebody is about to be shown, or was looking for. */
export interface Access {
  readonly act: AccessRecord['act'];
  readonly by: string;
  readonly recording?: string;
  /** What a search looked for, by filter. Recorded sealed. */
  readonly filters?: Readonly<Record<string, string>>;
  readonly count: number;
}

export type HoldRequest = Omit<HoldRecord, 'kind'>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Printable, so that it cannot act on a terminal; it stands in a record for good. */
const TEXT = /^[\p{L}\p{N}\p{P}\p{S} ]{1,200}$/u;
/** Of a hold: it stands in a record for good, in clear. */
const LONGEST_REASON = 200;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DIGEST = /^[0-9a-f]{12,64}$/;
const MOST_NAMES = 200;
const ACTS: ReadonlySet<string> = new Set<AccessRecord['act']>(['show', 'replay', 'search', 'export']);

/**
 * What people do with evidence: holds, purges, reading. One at a time, each with its record before its effect. What it is asked for
 * may come from another process: it is judged here.
 */
export class Steward {
  readonly #parts: StewardParts;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: StewardParts) {
    this.#parts = parts;
  }

  /** Records a hold or its end; from the moment this resolves no purge goes past it. Rejects with Refused, or the log's reason. */
  hold(request: HoldRequest): Promise<{ readonly record: number }> {
    return this.#inTurn(async () => {
      const record = checkedHold(request);
      const held = (await this.#parts.survey()).holds.some(({ name }) => name === record.name);
      if (record.event === 'add' && held) throw new Refused(`there is a hold ${record.name} already: give another name, or remove that one first`);
      if (record.event === 'remove' && !held) throw new Refused(`there is no hold ${record.name}`);
      const ticket = this.#parts.log.append(record);
      await durably(ticket);
      return { record: ticket.sequence };
    });
  }

  /** What a purge would do now. */
  async plan(): Promise<Plan> {
    const { log, retention, now = Date.now, sinks = () => [] } = this.#parts;
    return planPurge({ survey: await this.#parts.survey(), present: log.keys.list(), retention: retention(), now: now(), sinks: sinks() });
  }

  /** Does what a plan said, if that is still what would go: `digest` is the plan's, or its first 12 characters or more. */
  purge(request: { readonly digest: string; readonly by: string }): Promise<Purged> {
    return this.#inTurn(async () => {
      const { digest, by } = request;
      if (typeof digest !== 'string' || !DIGEST.test(digest)) throw new Refused('a plan is named by its digest, at least 12 characters of it');
      const plan = await this.plan();
      if (!plan.digest.startsWith(digest)) throw new Refused(`what would go is not what plan ${digest} said any more: look at it again (plan ${plan.digest.slice(0, 16)}, ${plan.goes.length} keys)`);
      if (plan.goes.length === 0) throw new Refused('nothing would go');
      return purgeKeys(this.#parts.log, this.#parts.log.keys, plan.digest, checkedBy(by), plan.goes.map(({ key }) => key));
    });
  }

  /** Records that somebody reads. Nothing may be shown before this resolves, nor when it rejects. */
  async access(request: Access): Promise<{ readonly record: number }> {
    const { act, by, recording, filters = {}, count } = request;
    if (!ACTS.has(act) || !Number.isSafeInteger(count) || count < 0) throw new Refused('not something that can be recorded');
    if (recording !== undefined && (typeof recording !== 'string' || !NAME.test(recording))) throw new Refused('that is not the name of a session');
    const names = Object.keys(filters);
    if (names.length > 32 || !names.every((name) => NAME.test(name) && typeof filters[name] === 'string')) throw new Refused('those are not filters of a search');
    const bodies: Body[] = names.length === 0 ? [] : [{ part: 'detail', connection: OWN_CONNECTION, bytes: Buffer.from(JSON.stringify(filters), 'utf8') }];
    const ticket = this.#parts.log.append({ kind: 'access', act, by: checkedBy(by), channel: 'command_line', ...(recording === undefined ? {} : { recording }), ...(names.length === 0 ? {} : { filters: names.sort() }), count }, bodies);
    await durably(ticket);
    return { record: ticket.sequence };
  }

  /** A hold that is added while a purge is at work would come too late: they wait for each other. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act, act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

const checkedBy = (by: unknown): string => {
  if (typeof by !== 'string' || !TEXT.test(by)) throw new Refused('who asks is not told');
  return by;
};

const checkedNames = (names: unknown, what: string): readonly string[] | undefined => {
  if (names === undefined) return undefined;
  if (!Array.isArray(names) || names.length === 0 || names.length > MOST_NAMES || !names.every((name) => typeof name === 'string' && NAME.test(name.replace(/^_/, '')))) throw new Refused(`a hold names 1 to ${MOST_NAMES} ${what}`);
  return names as readonly string[];
};

const checkedDay = (day: unknown): string | undefined => {
  if (day === undefined) return undefined;
  if (typeof day !== 'string' || !DAY.test(day) || Number.isNaN(Date.parse(day)) || new Date(day).toISOString().slice(0, 10) !== day) throw new Refused('a hold names UTC days as in 2026-11-22');
  return day;
};

/** The record of a hold, from a request that may hold anything. Throws Refused. */
const checkedHold = ({ event, name, by, reason, connections, sessions, from, to }: HoldRequest): HoldRecord => {
  if (event !== 'add' && event !== 'remove') throw new Refused('a hold is added or removed');
  if (typeof name !== 'string' || !NAME.test(name)) throw new Refused('a hold has a name of letters, digits, dot, underscore and dash, at most 63');
  const wrong = badReason(reason, LONGEST_REASON);
  if (wrong !== undefined) throw new Refused(`of a hold: ${wrong}`);
  const scope = event === 'remove' ? {} : { connections: checkedNames(connections, 'connections'), sessions: checkedNames(sessions, 'sessions'), from: checkedDay(from), to: checkedDay(to) };
  if (scope.from !== undefined && scope.to !== undefined && scope.to < scope.from) throw new Refused('a hold ends on its first day or later');
  const given = Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== undefined));
  return { kind: 'hold', event, name, by: checkedBy(by), reason, ...given };
};
