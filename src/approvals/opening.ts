import { refusal } from '../model/decision.ts';
import type { Refusal } from '../model/decision.ts';
import type { Ask } from './approvals.ts';
import { MOST_PENDING, MOST_PENDING_OF_ONE, RequestRate } from './bounds.ts';
import { detailOf } from './detail.ts';
import type { RequestDetail } from './detail.ts';
import type { Asker } from './duties.ts';
import type { ApprovalPorts, StoredRequest } from './ports.ts';
import { lifeOf, stepsOf } from './requests.ts';
import type { Requests } from './requests.ts';

/** On whose behalf one request may be sent; one more is refused. */
const MOST_ASKERS = 32;

/** How a command gets to an open request: it begins one, or joins the one that waits, within bounds. */
export class Opening {
  readonly #ports: ApprovalPorts;
  readonly #requests: Requests;
  readonly #rate: RequestRate;
  readonly #sweep: () => void;

  /** @param sweep ends requests that have lapsed */
  constructor(ports: ApprovalPorts, requests: Requests, sweep: () => void) {
    this.#ports = ports;
    this.#requests = requests;
    this.#rate = new RequestRate(ports.clock.monotonic());
    this.#sweep = sweep;
  }

  /** A request that waits is asked for once more, perhaps on somebody else's behalf, or under another policy. */
  join(asked: Ask, request: StoredRequest, old: RequestDetail | undefined, asker: Asker): RequestDetail | Refusal {
    const askers = askersOf(old, asker);
    const life = lifeOf(asked.decision.approval);
    const sameDemand = old !== undefined && JSON.stringify(old.demand) === JSON.stringify(asked.decision.approval);
    if (sameDemand && askers.length === old.askers.length) {
      this.#requests.renew(request, life, undefined, false);
      return old;
    }
    if (askers.length > MOST_ASKERS) return refusal('limit', `request ${request.id} is asked for on behalf of too many people`, { approval: request.id });
    // A changed demand is recorded as a new request is, so it counts as one.
    if (!sameDemand && !this.#rate.allows(request.identity, this.#ports.clock.monotonic())) return tooFast(request.id);
    const detail = { ...detailOf(asked), askers };
    const steps = old === undefined ? '' : JSON.stringify(stepsOf(old.demand));
    this.#requests.renew(request, life, detail, steps !== JSON.stringify(stepsOf(detail.demand)));
    return detail;
  }

  /** Begins a request, or joins one that another process has begun this moment. */
  begin(asked: Ask, digest: string): StoredRequest | Refusal {
    const { session } = asked;
    const { identity } = session.principal;
    const full = this.full(identity);
    if (full !== undefined) return full;
    if (!this.#rate.allows(identity, this.#ports.clock.monotonic())) return tooFast();
    const begun = this.#requests.begin({ digest, session: session.id, identity, connection: session.connection, detail: detailOf(asked) });
    return begun ?? refusal('evidence_unavailable', 'the request for approval cannot be recorded now');
  }

  /** Why no more requests are taken, when so many wait. */
  full(identity: string): Refusal | undefined {
    const { store } = this.#ports;
    // Those that lapsed a moment ago take nobody's place.
    if (store.pending(identity) >= MOST_PENDING_OF_ONE || store.pending() >= MOST_PENDING) this.#sweep();
    if (store.pending(identity) >= MOST_PENDING_OF_ONE) return refusal('limit', `this identity has ${MOST_PENDING_OF_ONE} requests for approval that wait; no more are taken`);
    return store.pending() >= MOST_PENDING ? refusal('limit', 'too many requests for approval wait; no more are taken') : undefined;
  }
}

const tooFast = (request?: string): Refusal => refusal('limit', 'requests for approval come too fast; try again later', request === undefined ? {} : { approval: request });

/** Those who have asked, and this one. */
export function askersOf(detail: RequestDetail | undefined, asker: Asker): Asker[] {
  const known = detail?.askers ?? [];
  return known.some((one) => sameAsker(one, asker)) ? [...known] : [...known, asker];
}

/** Whom a token does not name counts as well: it is why nobody may approve. */
export const sameAsker = (one: Asker, other: Asker): boolean =>
  one.provider === other.provider && one.requester === other.requester && one.author === other.author && one.ownerGroup === other.ownerGroup && String(one.unnamed ?? []) === String(other.unnamed ?? []);
