import type { ApprovalDemand } from '../model/approval.ts';
import { samePerson } from '../model/person.ts';
import type { Person } from '../model/person.ts';
import { badReason } from '../model/reason.ts';
import { AnswerRefused } from './approvals.ts';
import type { Answer, Verdict } from './approvals.ts';
import { entitled } from './duties.ts';
import type { ApprovalPorts, StoredRequest } from './ports.ts';
import type { Requests } from './requests.ts';

const VERDICTS: ReadonlySet<string> = new Set(['approve', 'deny', 'force']);

/** People's answers: judged, recorded, and only then counted. */
export class Answering {
  readonly #ports: ApprovalPorts;
  readonly #requests: Requests;
  /** Answers on their way into the log, so that a second press of the button is not a second record. */
  readonly #underway = new Set<string>();

  constructor(ports: ApprovalPorts, requests: Requests) {
    this.#ports = ports;
    this.#requests = requests;
  }

  /**
   * Takes an answer. Resolves with the request's id when the answer is durable and has had its effect. Rejects with AnswerRefused.
   *
   * @param waited commands of this process wait for the digest, so that their request has not lapsed
   * @param closed the gateway has stopped meanwhile
   */
  async answer(answer: Answer, waited: (digest: string) => boolean, closed: () => boolean): Promise<string> {
    const { person, verdict, reason, channel } = answer;
    const wrong = VERDICTS.has(verdict) ? badReason(reason) : 'an answer is approve, deny or force';
    if (wrong !== undefined) throw new AnswerRefused('reason', wrong);
    const request = this.#admitted(answer, waited);
    const key = JSON.stringify([request.id, person.issuer, person.subject]);
    if (this.#underway.has(key)) throw new AnswerRefused('already', 'your answer is being recorded');
    this.#underway.add(key);
    try {
      await this.#recorded(request, answer);
      if (closed()) throw new AnswerRefused('over', 'the gateway is stopping; your answer is recorded and has no effect');
      this.#apply(request, answer);
    } finally {
      this.#underway.delete(key);
    }
    this.#ports.logger[verdict === 'force' ? 'warn' : 'info']({ request: request.id, identity: request.identity, connection: request.connection, verdict, provider: person.provider, channel }, verdict === 'force' ? 'a request for approval was forced, against its rule' : 'a request for approval was answered');
    return request.id;
  }

  #admitted({ request: id, person, verdict, digest }: Answer, waited: (digest: string) => boolean): StoredRequest {
    const request = this.#requests.get(id);
    if (request === undefined) throw new AnswerRefused('unknown', 'there is no such request');
    if (request.state === 'approved' || !waited(request.digest)) this.#requests.endIfLapsed(request);
    const now = this.#requests.get(id) ?? request;
    isOpenTo(now, verdict);
    if (digest !== undefined && digest !== now.digest) throw new AnswerRefused('digest', 'this is not the command that you were shown; look at the request again');
    const detail = this.#requests.detail(now);
    if (detail === undefined) throw new AnswerRefused('over', 'what this request asks for cannot be shown any more, so it cannot be answered');
    const not = entitled(person, verdict, detail.demand, detail.askers, this.#ports.settings());
    if (not !== undefined) {
      this.#ports.logger.warn({ request: id, verdict, provider: person.provider, code: not.code }, 'an answer to a request for approval was refused');
      throw new AnswerRefused(not.code, not.message);
    }
    this.#isNew(now, detail.demand, person, verdict);
    return now;
  }

  /** The same word of the same person says nothing new, unless their groups have changed or it has lapsed. */
  #isNew(request: StoredRequest, demand: ApprovalDemand, person: Person, verdict: Verdict): void {
    const given = this.#requests.answers(request.id);
    if (given.length >= MOST_ANSWERS) throw new AnswerRefused('over', 'this request has too many answers');
    const same = this.#requests.fresh(request, demand, given).some((one) => one.verdict === verdict && samePerson(one.person, person) && sayOf(one.person) === sayOf(person));
    if (same) throw new AnswerRefused('already', 'you have given this answer already');
  }

  #recorded(request: StoredRequest, answer: Answer): Promise<void> {
    const { breakGlass } = this.#ports.settings();
    const named = new Set([...(this.#requests.detail(request)?.demand.steps ?? []).flatMap(({ groups }) => groups), ...(answer.verdict === 'force' ? breakGlass : [])]);
    const ticket = this.#requests.answered(request, answer, answer.person.groups.filter((group) => named.has(group)));
    return new Promise((resolve, reject) => {
      ticket.whenDurable((failure) => (failure === undefined ? resolve() : reject(new AnswerRefused('evidence', 'your answer could not be recorded, so it has no effect; try again when evidence can be written'))));
    });
  }

  /** The record is durable. What the request has become meanwhile, here or in another process, decides what follows. */
  #apply({ id }: StoredRequest, { person, verdict, reason, channel }: Answer): void {
    const { store, clock } = this.#ports;
    const follows = store.exclusively((): (() => void) | undefined => {
      const request = this.#requests.get(id);
      if (request === undefined) throw new AnswerRefused('unknown', 'there is no such request');
      isOpenTo(request, verdict);
      const detail = this.#requests.detail(request);
      if (detail === undefined) throw new AnswerRefused('over', 'what this request asks for cannot be shown any more, so it cannot be answered');
      this.#isNew(request, detail.demand, person, verdict);
      const at = clock.wall();
      store.addAnswer(this.#requests.sealedAnswer(request, { person: kept(person), reason }, { verdict, provider: person.provider, channel, at }));
      if (verdict === 'deny') {
        if (!store.move(id, request.state, 'denied', { at })) throw new AnswerRefused('over', overWord(request));
        return () => this.#requests.ended(request, 'denied');
      }
      if (!this.#requests.count(request, detail.demand, detail.askers).met || !this.#requests.approve(request, detail.demand)) return () => this.#requests.changed(id);
      return () => this.#requests.approved(request, detail.demand);
    });
    // Told when it is on the disk, not before.
    follows?.();
  }
}

/** Answers that one request takes. People are few; a loop is not. */
const MOST_ANSWERS = 200;

/** What decides whether somebody's answer counts. */
const sayOf = ({ groups, accounts }: Person): string => JSON.stringify([[...groups].toSorted(), Object.entries(accounts).toSorted(([one], [other]) => (one < other ? -1 : 1))]);

/** Only what is needed to count the answer again, and to name the person. */
const kept = ({ provider, issuer, subject, name, groups, accounts }: Person): Person => ({ provider, issuer, subject, name, groups, accounts });

const isOpenTo = (request: StoredRequest, verdict: Verdict): void => {
  // An approval that nobody has used yet can be taken back.
  if (request.state === 'pending' || (request.state === 'approved' && verdict === 'deny')) return;
  throw new AnswerRefused('over', overWord(request));
};

const overWord = ({ state }: StoredRequest): string =>
  ({
    pending: 'the request has changed',
    approved: 'enough people have approved this already',
    denied: 'this was denied already',
    used: 'this was approved and has run already',
    expired: 'this request has expired; when the command is sent again, there will be a new one',
    withdrawn: 'the client has cancelled this command',
  })[state];
