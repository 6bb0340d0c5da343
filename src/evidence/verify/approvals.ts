type Fields = Readonly<Record<string, unknown>>;

/** One rule's word on who approves, as the record has it. */
interface Step {
  readonly rule: string;
  readonly groups: readonly string[];
  readonly count: number;
}

interface Request {
  readonly connection: unknown;
  readonly identity: unknown;
  readonly digest: unknown;
  state: 'pending' | 'approved';
  /** The groups that counted, of each person who approved. */
  readonly approvals: (readonly string[])[];
  forced: boolean;
  refused: boolean;
  /** What it takes, as far as that was told. */
  steps: readonly Step[] | undefined;
  /** There may have been records about it that are not here. */
  doubtful: boolean;
}

type Told = (what: string, sequence: number, session?: string) => void;

/** More than a gateway holds at once, and few enough that a log made up to fill memory cannot. */
const MOST_REQUESTS = 1 << 15;
/** Requests that are over and still known by name; of older ones it is only said that they cannot be used. */
const MOST_OVER = 1 << 16;
const MOST_ANSWERS = 1000;
const MOST_STEPS = 1000;
const MOST_ID = 256;

/**
 * Follows requests for approval: nothing is approved without the answers that it takes, and an approval lets one command through. Where a
 * log took the place of another, or a pack begins, what was asked before is not known: it is believed once. The same holds where the gateway
 * says that it could not write such records. A crash can take the last word about a request, but no answer: answers are durable before they count.
 */
export class Approvals {
  readonly #gap: Told;
  readonly #open = new Map<string, Request>();
  /** What became of requests that are over, the oldest first. */
  readonly #over = new Map<string, string>();
  /** What was asked, answered (forced among them), and let through. */
  readonly counts = { requests: 0, answers: 0, forced: 0, used: 0 };
  #carries: boolean;
  #running = false;
  #crashed = false;
  #overflowed = false;

  /** `carries`: there were records before the first. */
  constructor(gap: Told, carries = false) {
    this.#gap = gap;
    this.#carries = carries;
  }

  take(record: Fields & { readonly kind: string }, seq: number): void {
    if (record.kind === 'approval') this.#approval(record, seq);
    else if (record.kind === 'intent') this.#intent(record, seq);
    else if (record.kind === 'instance') this.#instance(record, seq);
    else if (record.kind === 'recovery' && record['what'] === 'unrecorded' && record['of'] === 'approval') this.#unrecorded();
  }

  #instance(record: Fields, seq: number): void {
    const starts = record['event'] === 'start';
    if (seq === 0) this.#carries = record['follows'] !== undefined;
    this.#crashed ||= starts && this.#running;
    this.#running = starts;
  }

  /** The disk failed, or was full: any word about any request may be missing. */
  #unrecorded(): void {
    this.#carries = true;
    for (const request of this.#open.values()) request.doubtful = true;
  }

  #approval(record: Fields, seq: number): void {
    const id = idOf(record['request']);
    const { event } = record;
    const request = event === 'requested' ? this.#asked(id, record, seq) : this.#known(id, record, seq);
    if (!request) return;
    for (const name of ['connection', 'identity', 'digest'] as const) {
      if (short(record[name]) !== request[name]) this.#gap(`the approval request ${id} is ${String(event).slice(0, 20)} with another ${name} than it was made with`, seq);
    }
    switch (event) {
      case 'requested':
        if (record['again'] !== true) this.counts.requests += 1;
        request.state = 'pending';
        request.steps = stepsIn(record['steps']);
        return;
      case 'answered':
        this.#answered(request, record);
        return;
      case 'approved':
        this.#approved(id, request, record, seq);
        return;
      case 'denied':
        if (!request.refused && !request.doubtful) this.#gap(`the approval request ${id} is denied, and no answer denies it`, seq);
        this.#end(id, 'denied');
        return;
      case 'expired':
      case 'withdrawn':
        this.#end(id, event);
        return;
      default:
        this.#gap(`nobody knows what became of the approval request ${id}: its record is of another form`, seq);
    }
  }

  /** A command that was let through. */
  #intent(record: Fields, seq: number): void {
    const { approval, decision, command, session } = record;
    const of = session === undefined ? undefined : idOf(session);
    const asks = typeof decision === 'object' && decision !== null && (decision as Fields)['effect'] === 'require_approval';
    const ran = `command ${String(command).slice(0, 20)} was let through`;
    if (approval === undefined) {
      if (asks) this.#gap(`${ran} without an approval, although its decision asks for one`, seq, of);
      return;
    }
    const id = idOf(approval);
    const request = this.#open.get(id);
    this.counts.used += 1;
    // The word that it was approved can be lost in a crash; the answers cannot.
    if (request?.state === 'approved' || (request && this.#enough(request))) {
      if (request.connection !== short(record['connection'])) this.#gap(`${ran} by the approval ${id}, which is for another connection`, seq, of);
      this.#end(id, 'used');
      return;
    }
    const was = this.#over.get(id);
    if (was === 'used') this.#gap(`${ran} by the approval ${id}, which another command had used already`, seq, of);
    else if (was !== undefined) this.#gap(`${ran} by the approval ${id}, which was ${was}`, seq, of);
    else if (request) this.#gap(`${ran} by the approval ${id}, which was still waiting for answers`, seq, of);
    else if (!this.#carries && !this.#overflowed) this.#gap(`${ran} by the approval ${id}, which nobody gave`, seq, of);
    this.#end(id, 'used');
  }

  /** A request that is made, or made again because what it asks for has changed. */
  #asked(id: string, record: Fields, seq: number): Request | undefined {
    const known = this.#open.get(id);
    if (known) return known;
    const was = this.#over.get(id);
    if (was !== undefined) this.#gap(`the approval request ${id} is made again after it was ${was}`, seq);
    else if (record['again'] === true && this.#carries) return this.#carried(id, record, seq);
    return this.#add(id, record, seq);
  }

  #known(id: string, record: Fields, seq: number): Request | undefined {
    const known = this.#open.get(id);
    if (known) return known;
    const was = this.#over.get(id);
    if (was === undefined && this.#carries) return this.#carried(id, record, seq);
    if (was === undefined && this.#crashed) return this.#add(id, record, seq);
    if (was !== undefined) this.#gap(`the approval request ${id} is ${String(record['event']).slice(0, 20)} after it was ${was}`, seq);
    else if (!this.#overflowed) this.#gap(`the approval request ${id} is ${String(record['event']).slice(0, 20)}, and no record says that it was made`, seq);
    return undefined;
  }

  /** Begun before: whoever answered there is not known. */
  #carried(id: string, record: Fields, seq: number): Request | undefined {
    const request = this.#add(id, record, seq);
    if (request) request.doubtful = true;
    return request;
  }

  #add(id: string, { connection, identity, digest }: Fields, seq: number): Request | undefined {
    if (this.#open.size >= MOST_REQUESTS) {
      if (!this.#overflowed) this.#gap(`more than ${MOST_REQUESTS} approval requests stand open: the others are not followed`, seq);
      this.#overflowed = true;
      return undefined;
    }
    const request: Request = { connection: short(connection), identity: short(identity), digest: short(digest), state: 'pending', approvals: [], forced: false, refused: false, steps: undefined, doubtful: false };
    this.#open.set(id, request);
    return request;
  }

  #answered(request: Request, { verdict, groups }: Fields): void {
    this.counts.answers += 1;
    if (verdict === 'force') this.counts.forced += 1;
    if (verdict === 'force') request.forced = true;
    else if (verdict === 'deny') request.refused = true;
    else if (verdict === 'approve' && request.approvals.length < MOST_ANSWERS) request.approvals.push(textsIn(groups));
  }

  #approved(id: string, request: Request, { steps }: Fields, seq: number): void {
    const asked = stepsIn(steps);
    if (!asked) this.#gap(`the approval request ${id} is approved, and its record does not say what that took`, seq);
    request.steps = asked;
    for (const { rule, count, given } of missingIn(request)) {
      this.#gap(`the approval request ${id} is approved, and of the ${count} answers that ${rule} takes ${given} ${given === 1 ? 'is' : 'are'} there`, seq);
    }
    request.state = 'approved';
  }

  /** The answers are there that it takes. */
  #enough(request: Request): boolean {
    const { steps, approvals, forced, doubtful } = request;
    return forced || doubtful || (approvals.length > 0 && (steps !== undefined || this.#crashed) && missingIn(request).length === 0);
  }

  #end(id: string, how: string): void {
    this.#open.delete(id);
    this.#over.delete(id);
    this.#over.set(id, how);
    if (this.#over.size > MOST_OVER) this.#over.delete(this.#over.keys().next().value as string);
  }
}

/** The steps for which there are not enough answers. */
const missingIn = ({ steps = [], approvals, forced, doubtful }: Request): { readonly rule: string; readonly count: number; readonly given: number }[] =>
  forced || doubtful ? [] : steps.map(({ rule, groups, count }) => ({ rule, count, given: approvals.filter((counted) => counted.some((group) => groups.includes(group))).length })).filter(({ count, given }) => given < count);

const short = (value: unknown): unknown => (typeof value === 'string' ? value.slice(0, MOST_ID) : undefined);
const idOf = (value: unknown): string => String(value).slice(0, MOST_ID);

const textsIn = (value: unknown): string[] => (Array.isArray(value) ? value.slice(0, MOST_STEPS).filter((one): one is string => typeof one === 'string') : []);

const stepsIn = (value: unknown): Step[] | undefined => {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_STEPS) return undefined;
  const steps: Step[] = [];
  for (const one of value as unknown[]) {
    const { rule, groups, count } = (typeof one === 'object' && one !== null ? one : {}) as Fields;
    if (typeof rule !== 'string' || typeof count !== 'number' || !Number.isSafeInteger(count) || count < 1) return undefined;
    steps.push({ rule: rule.slice(0, MOST_ID), groups: textsIn(groups), count });
  }
  return steps;
};
