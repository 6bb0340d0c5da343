import { readBody } from '../../apis/body.ts';
import type { Command } from '../../model/command.ts';
import { isRefusal, type Refusal, type RefusalCode } from '../../model/decision.ts';
import type { RequestFacts } from '../../model/request.ts';
import { isNeedsApproval, isNeedsCount, type NeedsApproval, type Passage } from '../../pipeline/gate.ts';
import { isHeld, type HeldCommand } from '../../pipeline/held.ts';
import { isAwsChunked } from './aws/unchunked.ts';
import { KeptBody, type KeptBytes } from './body.ts';
import { boundOf } from './bound.ts';
import type { ClientStream } from './exchange.ts';
import { holdRequest } from './holding.ts';
import { aboutBody } from './mask.ts';
import type { ReadRequest } from './read-request.ts';
import { unmaskable } from './unmaskable.ts';
import type { Wording } from './refuse.ts';
import type { HttpSession } from './session.ts';
import { demandsLook, needsLook, writesBack } from './write-back.ts';

/** How long the end of a call's messages is waited for: one that goes on is a stream, whose end may be hours away. */
const CALL_ENDS_MS = 1_000;
/** How many rows a request changes is not said by HTTP. */
const UNCOUNTABLE = { uncountable: 'a request does not say how many rows it changes' };

/** What is known of a request before anything of its body is. */
export interface AdmissionParts {
  readonly client: ClientStream;
  readonly session: HttpSession;
  readonly request: ReadRequest;
  readonly kept: KeptBytes;
  /** What was read of the body already, to know who asks. */
  readonly body?: KeptBody | undefined;
}

/** What came of it. `body`: what was read of the body, to be sent on first. */
export type Admitted =
  | { readonly kind: 'passage'; readonly passage: Passage; readonly body: KeptBody | undefined; readonly whole: Buffer | undefined }
  | { readonly kind: 'refused'; readonly refused: Refusal; readonly wording?: Wording }
  | { readonly kind: 'gone' };

const refusedAs = (refused: Refusal, wording?: Wording): Admitted => ({ kind: 'refused', refused, ...(wording ? { wording } : {}) });

/** One request on its way to being admitted: read as far as rules need it, understood, decided, and approved where people have to. */
export class Admission {
  readonly #parts: AdmissionParts;
  /** Whose room and time it takes: an identity on a connection. */
  readonly #owner: string;
  readonly #body: KeptBody | undefined;
  readonly #ended: () => Promise<Refusal>;
  #facts: RequestFacts;
  #whole: Buffer | undefined;

  /** @param ended resolves when the session has ended */
  constructor(parts: AdmissionParts, ended: () => Promise<Refusal>) {
    this.#parts = parts;
    this.#ended = ended;
    const { client, session, request, kept, body } = parts;
    this.#facts = request.facts;
    this.#owner = `${session.connection.name} ${session.gated.session.principal.identity}`;
    this.#body = body ?? (client.body && new KeptBody(client.body, session.connection.http.wholeBody, kept.of(this.#owner)));
  }

  /** What is kept of the body and was not sent on is kept no longer. */
  release(): void {
    this.#body?.release();
  }

  /** At once, where nothing of the body has to be read and nobody has to be asked. @param needsBytes what signs the request reads its body */
  admit(needsBytes: boolean): Admitted | Promise<Admitted> {
    const { session, client, request: { target: { api } } } = this.#parts;
    const { room } = session.gated;
    if (room) return room.then(() => this.admit(needsBytes));
    const body = this.#body;
    if (!body) return this.#decide(undefined);
    // A call of gRPC may go on for hours, and is not JSON: what a rule asks of its body is not known.
    if (needsBytes || (!client.head.call && (api.readsBody(this.#facts) || session.gated.readsBodies))) return this.#readFirst(() => this.#readWhole());
    // A call of gRPC sends frames, which nobody here looks into.
    return session.gated.masks.bodies.fields.length === 0 || client.head.call ? this.#decide(undefined) : this.#readFirst(() => this.#look(body));
  }

  async #readFirst(read: () => Promise<Admitted | undefined>): Promise<Admitted> {
    return (await read()) ?? this.#decide(undefined);
  }

  #decide(again: HeldCommand | undefined): Admitted | Promise<Admitted> {
    const { session: { gated }, client, request } = this.#parts;
    const command = request.command(this.#facts);
    // What is kept of a call is for its approval: no mask can be looked for in it.
    return this.#whole && !client.head.call && gated.masks.bodies.fields.length > 0 ? this.#judgeBody(this.#whole, command, again) : this.#judge(command, again);
  }

  /** First whether a value that was masked comes back in it. */
  async #judgeBody(whole: Buffer, command: Command, again: HeldCommand | undefined): Promise<Admitted> {
    const { gated, connection } = this.#parts.session;
    const back = await writesBack({ masks: gated.masks.bodies, facts: this.#facts, about: aboutBody(this.#facts), whole, chunked: isAwsChunked(this.#facts.headers, connection), most: connection.http.wholeBody, owner: this.#owner });
    if (back === undefined) return this.#judge(command, again);
    again?.leave('ended');
    return back === 'too large' ? this.#tooLarge() : refusedAs(gated.refuse('write_back', back.why, command));
  }

  #judge(command: Command, again: HeldCommand | undefined): Admitted | Promise<Admitted> {
    const { session: { gated }, client } = this.#parts;
    const astray = this.#astray(again ? 'approval_required' : 'target_unavailable', command, again);
    if (astray) return astray;
    const unmasked = unmaskable(client.head, command.effects, gated.masks);
    if (unmasked !== undefined) {
      again?.leave('ended');
      return refusedAs(gated.refuse('masking', unmasked, command));
    }
    let word = gated.admit(command, again ? { again } : {});
    if (isNeedsCount(word)) word = gated.admit(command, { rows: UNCOUNTABLE, ...(again ? { again } : {}) });
    if (isNeedsApproval(word)) return this.#approve(word, again);
    if (isNeedsCount(word)) return refusedAs(gated.refuse('limit', UNCOUNTABLE.uncountable, command));
    return isRefusal(word) ? refusedAs(word) : this.#passed(word);
  }

  /** Reads the body where a value that was masked could come back in it. */
  async #look(body: KeptBody): Promise<Admitted | undefined> {
    const { session: { gated: { masks: { bodies } }, connection }, client } = this.#parts;
    client.sendContinue();
    const needed = await needsLook(bodies, this.#facts, aboutBody(this.#facts), body, isAwsChunked(this.#facts.headers, connection));
    if (needed === false) return undefined;
    return needed === true ? this.#readWhole(demandsLook(bodies)) : this.#unread(needed);
  }

  #passed(passage: Passage): Admitted {
    return { kind: 'passage', passage, body: this.#body, whole: this.#whole };
  }

  /** Not what a reload has made of its connection meanwhile: what was read of it, and its credential, are for where that led before. */
  #astray(code: RefusalCode, command: Command, again: HeldCommand | undefined): Admitted | undefined {
    const { session: { gated }, request } = this.#parts;
    if (!request.sending.astray) return undefined;
    again?.leave('ended');
    return refusedAs(gated.refuse(code, `${code === 'approval_required' ? 'this request needs approval, and its connection' : 'the connection of this request'} leads elsewhere since it came: send it again`, command), code === 'approval_required' ? undefined : { status: 503 });
  }

  /** People have to approve: asks them, and waits. What they are asked for covers the body where all of it can be kept. */
  async #approve(needs: NeedsApproval, again: HeldCommand | undefined): Promise<Admitted> {
    const { session, client, request } = this.#parts;
    const { gated } = session;
    const { head } = client;
    const call = head.call;
    const fits = head.body.kind === 'chunked' || (head.body.kind === 'length' && head.body.length <= session.connection.http.wholeBody);
    // One that was held is asked for as it was: messages that came to their end since belong to a call whose messages people were told are not covered.
    if (this.#body && fits && this.#whole === undefined && !again) {
      client.sendContinue();
      const to = await (call ? this.#body.readWithin(CALL_ENDS_MS) : this.#body.read());
      if (to === 'whole') this.#whole = this.#body.bytes();
      else if (to !== undefined && to !== 'too large') return this.#unread(to);
    }
    const astray = this.#astray('approval_required', needs.command, again);
    if (astray) return astray;
    const asked = gated.ask(needs, { bound: boundOf(head, this.#facts, request.rawQuery, session.connection, this.#whole, gated.masks.bodies), place: 'free', ...(again ? { again } : {}) });
    if (!isHeld(asked)) return isRefusal(asked) ? refusedAs(asked) : this.#passed(asked);
    const end = await holdRequest(asked, client, this.#body, this.#ended());
    if (end === 'gone') return { kind: 'gone' };
    if (end === 'overflow') {
      const refused = gated.refuse('approval_required', `this request needs approval, and more has come on its connection than is kept while people answer (request ${asked.request})`, needs.command);
      return refusedAs({ ...refused, approval: asked.request, hint: 'Send it again once the request is approved.' });
    }
    if (end !== 'again') return refusedAs(end);
    try {
      return await this.#decide(asked);
    } finally {
      // Whatever becomes of it now: what was kept for it and is not used goes to the next.
      asked.leave('ended');
    }
  }

  /** @param must one that is too large is refused, and not sent on as it is */
  async #readWhole(must = true): Promise<Admitted | undefined> {
    const { client, session } = this.#parts;
    const { head } = client;
    const { wholeBody } = session.connection.http;
    if (head.body.kind === 'length' && head.body.length > wholeBody) return must ? this.#tooLarge() : undefined;
    client.sendContinue();
    const body = this.#body as KeptBody;
    const to = await body.read();
    if (to === 'too large' && !must) return undefined;
    if (to !== 'whole') return this.#unread(to);
    this.#whole = body.bytes();
    this.#facts = { ...this.#facts, body: readBody(this.#whole, this.#facts.headers) };
    return undefined;
  }

  #tooLarge(): Admitted {
    const { gated, connection } = this.#parts.session;
    return refusedAs(gated.refuse('limit', `the body has to be read before it is sent on, and has more than ${connection.http.wholeBody} bytes`), { status: 413 });
  }

  #unread(to: 'too large' | 'no room' | 'idle' | 'broken'): Admitted {
    const { gated } = this.#parts.session;
    if (to === 'too large') return this.#tooLarge();
    if (to === 'broken') return { kind: 'gone' };
    if (to === 'idle') return refusedAs(gated.refuse('protocol', 'the body of the request did not come'), { status: 408 });
    return refusedAs(gated.refuse('limit', 'the gateway keeps too many bodies already: try again'), { status: 503 });
  }
}
