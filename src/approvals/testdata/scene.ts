import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { ApprovalDemand } from '../../model/approval.ts';
import type { Logger } from '../../model/logger.ts';
import type { Person } from '../../model/person.ts';
import type { Session } from '../../model/session.ts';
import { openState } from '../../store/state.ts';
import type { Approvals, Ask, Asked, Waiter } from '../approvals.ts';
import type { ApprovalBody, ApprovalPorts, ApprovalRecord, ApprovalSettings } from '../ports.ts';
import { createApprovals } from '../service.ts';

const MINUTE = 60_000;

/** Clocks that stand still until they are told to go on. */
class StillClock {
  now = Date.UTC(2026, 0, 2, 3, 4, 5);
  since = 1_000;
  readonly #timers = new Set<{ readonly at: number; readonly then: () => void }>();

  readonly port = {
    wall: (): number => this.now,
    monotonic: (): number => this.since,
    after: (milliseconds: number, then: () => void): (() => void) => {
      const timer = { at: this.since + milliseconds, then };
      this.#timers.add(timer);
      return () => this.#timers.delete(timer);
    },
  };

  /** Time goes by, on both clocks. */
  pass(milliseconds: number): void {
    const end = this.since + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.now += Math.max(0, next.at - this.since);
      this.since = Math.max(this.since, next.at);
      this.#timers.delete(next);
      next.then();
    }
    this.now += end - this.since;
    this.since = end;
  }

  /** Somebody sets the wall clock. */
  set(by: number): void {
    this.now += by;
  }
}

/** A log that keeps what it is told; durable at once, or when told, or never. */
export class Records {
  readonly all: { readonly record: ApprovalRecord; readonly bodies: readonly ApprovalBody[] }[] = [];
  mode: 'durable' | 'wait' | 'fail' = 'durable';
  readonly #waiting: (() => void)[] = [];

  readonly record: ApprovalPorts['record'] = (record, bodies) => {
    if (this.mode === 'fail') return { state: 'failed', whenDurable: (then) => then('disk full') };
    this.all.push({ record, bodies });
    if (this.mode === 'durable') return { state: 'durable', whenDurable: (then) => then() };
    return { state: 'queued', whenDurable: (then) => this.#waiting.push(then) };
  };

  sync(): void {
    for (const then of this.#waiting.splice(0)) then();
  }

  events(): string[] {
    return this.all.map(({ record }) => record.event);
  }
}

/** Seals as evidence does: AES-256-GCM, with a key that can be destroyed. */
export class Seals {
  key: Buffer | undefined = randomBytes(32);
  readonly seal = (_connection: string, bytes: Uint8Array): Uint8Array => {
    if (this.key === undefined) throw new Error('no key');
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  };
  readonly open = (sealed: Uint8Array): Uint8Array | undefined => {
    if (this.key === undefined) return undefined;
    const bytes = Buffer.from(sealed);
    const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  };
}

/** What is told to the operator. */
export class Lines {
  readonly all: { readonly level: string; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }[] = [];
  readonly logger: Logger = {
    debug: (fields, message) => this.all.push({ level: 'debug', fields, message }),
    info: (fields, message) => this.all.push({ level: 'info', fields, message }),
    warn: (fields, message) => this.all.push({ level: 'warn', fields, message }),
    error: (fields, message) => this.all.push({ level: 'error', fields, message }),
    child: () => this.logger,
  };
}

/** A gateway's approvals over a data folder, with clocks and a log that a test moves. Restarts over the same folder. */
export class Scene {
  readonly clock: StillClock;
  readonly records = new Records();
  readonly seals: Seals;
  readonly lines = new Lines();
  settings: ApprovalSettings = { forbid: ['requester', 'owner', 'author'], breakGlass: ['okta/incident'], approvers: undefined, url: 'https://wicketgate.example/', heldCommands: 100 };
  approvals: Approvals;
  #state: ReturnType<typeof openState>;
  readonly #folder: string;
  readonly #key: Uint8Array;

  constructor(folder: string, other?: Scene) {
    this.#folder = folder;
    this.clock = other?.clock ?? new StillClock();
    this.seals = other?.seals ?? new Seals();
    this.#key = other === undefined ? randomBytes(32) : other.#key;
    this.#state = openState(folder);
    this.approvals = createApprovals(this.ports());
  }

  ports(): ApprovalPorts {
    return {
      store: this.#state.approvals, record: this.records.record, seal: this.seals.seal, open: this.seals.open, key: this.#key,
      clock: this.clock.port, settings: () => this.settings, logger: this.lines.logger,
    };
  }

  restart(): void {
    this.close();
    this.#state = openState(this.#folder);
    this.approvals = createApprovals(this.ports());
  }

  close(): void {
    this.approvals.close();
    this.#state.close();
  }

  ask(what: Asking = {}): Asked {
    return this.approvals.ask(asking(what));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What differs from the usual ask: a DROP of the migrations job, outside a transaction. */
export interface Asking {
  readonly text?: string;
  readonly identity?: string;
  readonly session?: string;
  readonly requester?: string;
  readonly author?: string;
  readonly owner?: string;
  readonly demand?: Partial<ApprovalDemand>;
  readonly groups?: readonly string[];
  readonly count?: number;
  readonly place?: Ask['place'];
  readonly mostHeld?: number;
  readonly waiter?: Waiter;
  readonly parameters?: readonly (string | null)[];
  readonly context?: Ask['bound']['context'];
}

export const step = (groups: readonly string[] = ['okta/dba'], count = 1): ApprovalDemand['steps'][number] => ({
  rule: { policy: 'jobs', rule: 'drops', origin: { file: 'w.yaml', line: 7 } },
  groups,
  count,
});

export function asking({ text = 'DROP TABLE orders', identity = 'migrations', session = `s-${identity}`, requester, author, owner, demand, groups, count, place = 'free', mostHeld, waiter, parameters, context }: Asking = {}): Ask {
  const opened: Session = {
    id: session,
    principal: {
      identity, provider: 'github', subject: `repo:${identity}`, groups: [], owner: owner === undefined ? {} : { group: owner }, claims: {}, tokenFingerprint: 'f', tokenExpiresAt: 0,
      ...(requester === undefined ? {} : { requester }),
      ...(author === undefined ? {} : { author }),
    },
    connection: 'db', protocol: 'postgres', peer: { address: '10.0.0.1', port: 1, tls: true }, openedAt: 0,
  };
  return {
    session: opened,
    command: {
      protocol: 'postgres', verb: 'drop', effects: [{ class: 'schema', verb: 'drop', object: { kind: 'table', schema: 'public', name: 'orders', known: true } }], timing: 'commits', facts: {},
      recorded: text, bytes: text.length, ...(parameters === undefined ? {} : { parameters }),
    },
    decision: {
      effect: 'require_approval', rules: [step().rule], reason: 'tables are dropped by two', policyVersion: 'p',
      approval: { steps: [step(groups, count)], hold: 10 * MINUTE, expires: 15 * MINUTE, holdInTransaction: 0, ...demand },
    },
    bound: { context: { database: 'shop', ...context }, parts: [Buffer.from(text), ...(parameters ?? []).map((value) => (value === null ? null : Buffer.from(value)))] },
    place,
    ...(mostHeld === undefined ? {} : { mostHeld }),
    ...(waiter === undefined ? {} : { waiter }),
  };
}

/** Somebody on call, whose account at the machines' provider is the same name. */
export const person = (name: string, more: Partial<Person> = {}): Person => ({
  provider: 'okta', issuer: 'https://okta.example', subject: `sub-${name}`, name, groups: ['okta/dba'], accounts: { github: name }, ...more,
});

/** The waiter of a command that must be held. */
export function held(asked: Asked): Waiter {
  if (asked.kind !== 'held') throw new Error(`not held: ${JSON.stringify(asked)}`);
  return asked.waiter;
}

/** How a waiter's hold has ended, or that it has not. */
export async function endOf(waiter: Waiter): Promise<string> {
  const end = await Promise.race([waiter.over, new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')))]);
  return typeof end === 'string' ? end : end.code;
}
